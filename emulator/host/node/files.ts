import { readFile as readWholeFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../base/user-error.ts';

/** What the system says, in words, and what to do about it. */
const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOENT: ['there is no such file', 'Relative paths start from the folder of the file that names them.'],
  EISDIR: ['it is a folder', 'Name a file.'],
  EACCES: ['it may not be read', 'Check its permissions.'],
  ENOTDIR: ['a part of the path is not a folder', 'Check the path.'],
};

/** Reads a whole file: absolute, `file:` URI, or relative to a folder. @throws UserError `file.unreadable` */
export async function readFile(pathOrUri: string, relativeTo: string | undefined): Promise<Uint8Array> {
  const name = resolvePath(pathOrUri, relativeTo);
  try {
    const buffer = await readWholeFile(name);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (error) {
    throw unreadable(name, error);
  }
}

export function unreadable(name: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const [reason, hint] = REASONS[code] ?? [error instanceof Error ? error.message : String(error), ''];
  return new UserError('file.unreadable', `Cannot read ${name}: ${reason}.`, hint);
}

/** Absolute path of a file; undefined: there is none. Named as for `readFile`. */
export async function locateFile(pathOrUri: string, relativeTo: string | undefined): Promise<string | undefined> {
  try {
    const name = resolvePath(pathOrUri, relativeTo);
    return (await stat(name)).isFile() ? name : undefined;
  } catch {
    return undefined;
  }
}

/** A path or `file:` URI, relative to a folder given likewise, as a path. */
export function resolvePath(pathOrUri: string, relativeTo: string | undefined): string {
  const local = (text: string): string => (text.startsWith('file:') ? fileURLToPath(text) : text);
  return path.resolve(relativeTo === undefined ? '.' : local(relativeTo), local(pathOrUri));
}
