import type { DiskStore } from '../../../base/disk-store.ts';

/** Written pieces are kept whole. */
const PIECE_BYTES = 65536;

/**
 * A disk whose writes stay in memory, over one that is only read: for runs that must not touch the file (a replay, a
 * machine that goes back in time). What was written is plain data and part of the machine's state.
 */
export class OverlayDisk implements DiskStore {
  readonly readOnly = false;
  /** By index of the piece. */
  private readonly pieces = new Map<number, Uint8Array>();

  constructor(private readonly below: DiskStore) {}

  get size(): number {
    return this.below.size;
  }

  /** No two overlays are the same disk. */
  get identity(): string {
    return `${this.below.identity} overlaid`;
  }

  measure(): void {
    this.below.measure();
  }

  read(offset: number, into: Uint8Array): string | undefined {
    for (const { piece, from, at, length } of piecesOf(offset, into.length)) {
      const kept = this.pieces.get(piece);
      const target = into.subarray(at, at + length);
      if (kept !== undefined) target.set(kept.subarray(from, from + length));
      else {
        const failed = this.below.read(offset + at, target);
        if (failed !== undefined) return failed;
      }
    }
    return undefined;
  }

  write(offset: number, bytes: Uint8Array): string | undefined {
    for (const { piece, from, at, length } of piecesOf(offset, bytes.length)) {
      const kept = this.piece(piece);
      if (typeof kept === 'string') return kept;
      kept.set(bytes.subarray(at, at + length), from);
    }
    return undefined;
  }

  flush(): undefined {}

  discard(offset: number, length: number): string | undefined {
    for (const { piece, from, length: count } of piecesOf(offset, length)) {
      const kept = this.piece(piece);
      if (typeof kept === 'string') return kept;
      kept.fill(0, from, from + count);
    }
    return undefined;
  }

  close(): void {
    this.below.close();
  }

  save(): ReadonlyMap<number, Uint8Array> {
    return new Map(Array.from(this.pieces, ([index, bytes]) => [index, bytes.slice()]));
  }

  restore(pieces: ReadonlyMap<number, Uint8Array>): void {
    this.pieces.clear();
    for (const [index, bytes] of pieces) this.pieces.set(index, bytes.slice());
  }

  /** A piece to be written to; why the file below it cannot be read, if it cannot. */
  private piece(index: number): Uint8Array | string {
    const kept = this.pieces.get(index);
    if (kept !== undefined) return kept;
    const start = index * PIECE_BYTES;
    const bytes = new Uint8Array(PIECE_BYTES);
    const failed = this.below.read(start, bytes.subarray(0, Math.min(PIECE_BYTES, this.below.size - start)));
    if (failed !== undefined) return failed;
    this.pieces.set(index, bytes);
    return bytes;
  }
}

function* piecesOf(
  offset: number,
  length: number,
): Generator<{ piece: number; from: number; at: number; length: number }> {
  for (let at = 0; at < length; ) {
    const from = (offset + at) % PIECE_BYTES;
    const count = Math.min(PIECE_BYTES - from, length - at);
    yield { piece: Math.floor((offset + at) / PIECE_BYTES), from, at, length: count };
    at += count;
  }
}
