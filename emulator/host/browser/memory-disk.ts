import { diskEmpty, diskNotWholeSectors } from '../../base/disk-errors.ts';
import type { DiskStore, OpenDisk } from '../../base/disk-store.ts';

/** A disk in memory, over a file's bytes. What is written to it ends with it: a browser cannot write the file. */
export class MemoryDisk implements DiskStore {
  constructor(
    private readonly bytes: Uint8Array,
    readonly readOnly: boolean,
    readonly identity: string,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  measure(): void {}

  read(offset: number, into: Uint8Array): undefined {
    into.set(this.bytes.subarray(offset, offset + into.length));
  }

  write(offset: number, bytes: Uint8Array): undefined {
    this.bytes.set(bytes, offset);
  }

  flush(): undefined {}

  discard(offset: number, length: number): undefined {
    this.bytes.fill(0, offset, offset + length);
  }

  close(): void {}
}

let opened = 0;

/** Disks for hosts that can read files and no more. */
export function memoryDisks(
  readFile: (pathOrUri: string, relativeTo: string | undefined) => Promise<Uint8Array>,
): OpenDisk {
  return async (pathOrUri, relativeTo, { readOnly }) => {
    const bytes = await readFile(pathOrUri, relativeTo);
    if (bytes.length === 0) throw diskEmpty(pathOrUri);
    if (bytes.length % 512 !== 0) throw diskNotWholeSectors(pathOrUri, bytes.length);
    // Each has a copy of its own, so that none is the same disk as another.
    return new MemoryDisk(bytes.slice(), readOnly, `memory ${++opened}`);
  };
}
