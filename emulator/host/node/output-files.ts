import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { UserError } from '../../base/user-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be written',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** A file that is written piece by piece; what was appended is the system's when `append` returns. */
export interface AppendedFile {
  append(bytes: Uint8Array): void;
  close(): void;
}

/** @throws UserError `file.unwritable` */
export function createFile(path: string): AppendedFile {
  const file = attempt(path, () => openSync(path, 'w'));
  return {
    append: (bytes) => attempt(path, () => writeAll(file, bytes)),
    close: () => closeSync(file),
  };
}

/** Pieces into a new file beside, which then takes the name: it is there whole or not at all. @throws UserError */
export function writeWholeFile(path: string, pieces: readonly Uint8Array[]): void {
  const beside = `${path}.${process.pid}.part`;
  attempt(path, () => {
    const file = openSync(beside, 'w');
    try {
      for (const piece of pieces) writeAll(file, piece);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  });
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
    throw new UserError('file.unwritable', `Cannot write ${path}: ${reason}.`, 'Name another file.');
  }
}
