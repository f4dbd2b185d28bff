import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, type Stats, writeSync } from 'node:fs';
import { diskEmpty, diskNotAFile, diskNotWholeSectors, diskNotWritable } from '../../base/disk-errors.ts';
import type { DiskStore, OpenDisk } from '../../base/disk-store.ts';
import { resolvePath, unreadable } from './files.ts';

const SECTOR_BYTES = 512;
/** Zeros are written, and looked for, in pieces of this size. */
const PIECE_BYTES = 1 << 20;

/** What the system says when a write fails, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the host's disk is full",
  EDQUOT: 'the quota on the host is used up',
  EFBIG: "the file would be larger than the host's file system allows",
  EIO: "the host's disk has an error",
  EROFS: "the host's file system has become read-only",
};

/**
 * A raw image file. Every write is a system call of its own, so that what was written survives the end of this process,
 * however sudden; `flush` is fdatasync. Nothing locks the file against other programs.
 */
export class FileDisk implements DiskStore {
  readonly identity: string;
  private bytes: number;

  constructor(
    private readonly file: number,
    readonly name: string,
    readonly readOnly: boolean,
    { size, dev, ino }: Stats,
  ) {
    this.bytes = size;
    this.identity = `${dev}:${ino}`;
  }

  get size(): number {
    return this.bytes;
  }

  measure(): void {
    const { size } = fstatSync(this.file);
    this.bytes = size - (size % SECTOR_BYTES);
  }

  read(offset: number, into: Uint8Array): string | undefined {
    return this.attempt('read', () => {
      for (let at = 0; at < into.length; ) {
        const count = readSync(this.file, into, at, into.length - at, offset + at);
        if (count === 0) return `the file ends before byte ${offset + at}`;
        at += count;
      }
      return undefined;
    });
  }

  write(offset: number, bytes: Uint8Array): string | undefined {
    return this.attempt('written', () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at, offset + at);
      return undefined;
    });
  }

  flush(): string | undefined {
    if (this.readOnly) return undefined;
    return this.attempt('flushed', () => {
      fdatasyncSync(this.file);
      return undefined;
    });
  }

  /** Node has no way to punch holes: zeros are written, where there are others now, and no room is given back. */
  discard(offset: number, length: number): string | undefined {
    const zeros = Buffer.alloc(Math.min(length, PIECE_BYTES));
    const now = Buffer.alloc(zeros.length);
    for (let at = 0; at < length; at += PIECE_BYTES) {
      const count = Math.min(PIECE_BYTES, length - at);
      const failed = this.read(offset + at, now.subarray(0, count));
      if (failed !== undefined) return failed;
      if (now.compare(zeros, 0, count, 0, count) === 0) continue;
      const unwritten = this.write(offset + at, zeros.subarray(0, count));
      if (unwritten !== undefined) return unwritten;
    }
    return undefined;
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private attempt(what: string, work: () => string | undefined): string | undefined {
    let reason: string | undefined;
    try {
      reason = work();
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      reason = REASONS[code] ?? message;
    }
    return reason === undefined ? undefined : `${this.name} cannot be ${what}: ${reason}`;
  }
}

/** Opens a raw image file of the host. @throws UserError `file.unreadable`, `disk.*` */
export const openDisk: OpenDisk = async (pathOrUri, relativeTo, { readOnly }) => {
  const name = resolvePath(pathOrUri, relativeTo);
  const file = openFile(name, readOnly);
  try {
    const stats = fstatSync(file);
    if (stats.isBlockDevice()) throw diskNotAFile(name, 'a device of this computer');
    if (!stats.isFile()) throw diskNotAFile(name, stats.isDirectory() ? 'a folder' : 'not a regular file');
    if (stats.size === 0) throw diskEmpty(name);
    if (stats.size % SECTOR_BYTES !== 0) throw diskNotWholeSectors(name, stats.size);
    return new FileDisk(file, name, readOnly, stats);
  } catch (error) {
    closeSync(file);
    throw error;
  }
};

function openFile(name: string, readOnly: boolean): number {
  try {
    return openSync(name, readOnly ? 'r' : 'r+');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw diskNotAFile(name, 'a folder');
    if (!readOnly && (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')) throw diskNotWritable(name);
    throw unreadable(name, error);
  }
}
