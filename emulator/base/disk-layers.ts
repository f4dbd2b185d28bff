/** Disks over disks: one keeps what is written to itself, one says what is about to be overwritten. */
import type { DiskStore } from './disk-store.ts';

/** Contents are kept in blocks of this size; the last one of a disk may be shorter. */
export const DISK_BLOCK_BYTES = 4096;

/** By number of the block. */
export type DiskBlocks = Map<number, Uint8Array>;

/** Reads as the disk below, but for blocks that are here; all writes come here. The disk below is never written. */
export class OverlayDisk implements DiskStore {
  constructor(
    private readonly below: DiskStore,
    /** May be shared by several over the same disk. */
    private readonly blocks: DiskBlocks,
    readonly readOnly: boolean,
  ) {}

  get size(): number {
    return this.below.size;
  }

  get identity(): string {
    return this.below.identity;
  }

  measure(): void {
    this.below.measure();
  }

  read(offset: number, into: Uint8Array): string | undefined {
    const failed = this.below.read(offset, into);
    if (failed !== undefined || this.blocks.size === 0) return failed;
    for (const { block, start, at, count } of pieces(offset, into.length)) {
      const bytes = this.blocks.get(block);
      if (bytes !== undefined) into.set(bytes.subarray(start, start + count), at);
    }
    return undefined;
  }

  write(offset: number, bytes: Uint8Array): string | undefined {
    for (const { block, start, at, count } of pieces(offset, bytes.length)) {
      let kept = this.blocks.get(block);
      if (kept === undefined || kept.length < DISK_BLOCK_BYTES) {
        // Whole, though the disk may end within it: it may grow.
        const whole = new Uint8Array(DISK_BLOCK_BYTES);
        const failed = this.below.read(block * DISK_BLOCK_BYTES, whole.subarray(0, blockLength(this.size, block)));
        if (failed !== undefined) return failed;
        if (kept !== undefined) whole.set(kept);
        kept = whole;
        this.blocks.set(block, kept);
      }
      kept.set(bytes.subarray(at, at + count), start);
    }
    return undefined;
  }

  flush(): undefined {
    return undefined;
  }

  discard(offset: number, length: number): string | undefined {
    const zeros = new Uint8Array(DISK_BLOCK_BYTES);
    for (const { block, start, count } of pieces(offset, length)) {
      const failed = this.write(block * DISK_BLOCK_BYTES + start, zeros.subarray(0, count));
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  close(): void {
    this.below.close();
  }
}

/** Told of a block's contents before they change; a problem of its own is thrown. */
export type OnOverwrite = (block: number, old: Uint8Array) => void;

/** Says what is about to be overwritten, block by block, and then writes. */
export class JournalledDisk implements DiskStore {
  constructor(
    private readonly below: DiskStore,
    private readonly onOverwrite: OnOverwrite,
  ) {}

  get size(): number {
    return this.below.size;
  }

  get readOnly(): boolean {
    return this.below.readOnly;
  }

  get identity(): string {
    return this.below.identity;
  }

  measure(): void {
    this.below.measure();
  }

  read(offset: number, into: Uint8Array): string | undefined {
    return this.below.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): string | undefined {
    return this.announce(offset, bytes.length) ?? this.below.write(offset, bytes);
  }

  flush(): string | undefined {
    return this.below.flush();
  }

  discard(offset: number, length: number): string | undefined {
    return this.announce(offset, length) ?? this.below.discard(offset, length);
  }

  close(): void {
    this.below.close();
  }

  private announce(offset: number, length: number): string | undefined {
    for (const { block } of pieces(offset, length)) {
      const old = new Uint8Array(blockLength(this.size, block));
      const failed = this.below.read(block * DISK_BLOCK_BYTES, old);
      if (failed !== undefined) return failed;
      this.onOverwrite(block, old);
    }
    return undefined;
  }
}

interface Piece {
  readonly block: number;
  /** Within the block, and within the range. */
  readonly start: number;
  readonly at: number;
  readonly count: number;
}

/** The parts of a range that lie in one block each. */
function* pieces(offset: number, length: number): Generator<Piece> {
  for (let at = 0; at < length; ) {
    const block = Math.floor((offset + at) / DISK_BLOCK_BYTES);
    const start = offset + at - block * DISK_BLOCK_BYTES;
    const count = Math.min(DISK_BLOCK_BYTES - start, length - at);
    yield { block, start, at, count };
    at += count;
  }
}

function blockLength(size: number, block: number): number {
  return Math.min(DISK_BLOCK_BYTES, size - block * DISK_BLOCK_BYTES);
}
