/**
 * What disks were like at some moment, though they have been written since: whoever wants to come back to that moment
 * (a recording, a snapshot) is told the old contents of each block before it is overwritten for the first time.
 */
import { DISK_BLOCK_BYTES, type DiskBlocks, JournalledDisk, OverlayDisk } from '../base/disk-layers.ts';
import type { DiskStore, OpenDisk } from '../base/disk-store.ts';
import { Fingerprint } from './fingerprint.ts';

/** Told the old contents of a block; disks are numbered in the order they were first opened. */
export type KeepOldBlock = (disk: number, block: number, old: Uint8Array) => void;

/** Opens disks whose old contents can be kept. */
export class DiskJournal {
  /** One of each file, in the order they were first opened. */
  private readonly disks: DiskStore[] = [];
  private readonly keepers: { readonly saved: Set<number>[]; readonly keep: KeepOldBlock }[] = [];

  constructor(private readonly openBelow: OpenDisk) {}

  readonly open: OpenDisk = async (path, relativeTo, options) => {
    const below = await this.openBelow(path, relativeTo, options);
    const known = this.disks.findIndex(({ identity }) => identity === below.identity);
    const number = known >= 0 ? known : this.disks.push(below) - 1;
    this.disks[number] = below;
    if (options.readOnly) return below;
    return new JournalledDisk(below, (block, old) => {
      for (const { saved, keep } of this.keepers) {
        saved[number] ??= new Set();
        if (saved[number].has(block)) continue;
        saved[number].add(block);
        keep(number, block, old);
      }
    });
  };

  /** What the disks are like now; from now on `keep` is told what they are about to lose of that. */
  begin(keep: KeepOldBlock): readonly string[] {
    this.keepers.push({ saved: [], keep });
    return this.contents();
  }

  get anyWritable(): boolean {
    return this.disks.some(({ readOnly }) => !readOnly);
  }

  contents(): readonly string[] {
    return this.disks.map(diskContents);
  }
}

/** Opens disks as they were when a journal was begun, and never writes them. */
export class DisksOfThePast {
  private readonly disks: { readonly store: DiskStore; readonly blocks: DiskBlocks }[] = [];

  constructor(
    private readonly openBelow: OpenDisk,
    /** Old blocks that were kept, by disk. */
    private readonly old: readonly (DiskBlocks | undefined)[],
  ) {}

  readonly open: OpenDisk = async (path, relativeTo, options) => {
    const below = await this.openBelow(path, relativeTo, { readOnly: true });
    let entry = this.disks.find(({ store }) => store.identity === below.identity);
    if (entry === undefined) {
      const blocks: DiskBlocks = new Map();
      for (const [block, bytes] of this.old[this.disks.length] ?? []) blocks.set(block, bytes.slice());
      entry = { store: new OverlayDisk(below, blocks, true), blocks };
      this.disks.push(entry);
    }
    return new OverlayDisk(below, entry.blocks, options.readOnly);
  };

  get anyDisk(): boolean {
    return this.disks.length > 0;
  }

  /** To be compared with what `begin` answered. */
  contents(): readonly string[] {
    return this.disks.map(({ store }) => diskContents(store));
  }
}

const PIECE_BYTES = 1 << 20;
/** Larger disks are looked at in samples of a piece each. */
const WHOLE_BYTES = 2 ** 31;
const SAMPLES = 1024;

/** Size and fingerprint of a disk. */
function diskContents(store: DiskStore): string {
  const { size } = store;
  const fingerprint = new Fingerprint();
  const step = size <= WHOLE_BYTES ? PIECE_BYTES : Math.floor(size / SAMPLES / DISK_BLOCK_BYTES) * DISK_BLOCK_BYTES;
  for (let offset = 0; offset < size; offset += step) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, size - offset));
    const failed = store.read(offset, piece);
    if (failed !== undefined) return `unreadable: ${failed}`;
    fingerprint.bytes(piece);
  }
  return `${size} bytes, ${fingerprint.digest()}`;
}
