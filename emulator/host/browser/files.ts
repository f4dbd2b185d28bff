import { UserError } from '../../base/user-error.ts';

/** Reads a whole file by URL, absolute or relative to a folder's. @throws UserError `file.unreadable` */
export async function readFile(pathOrUri: string, relativeTo: string | undefined): Promise<Uint8Array> {
  const folder = relativeTo === undefined ? undefined : `${relativeTo.replace(/\/$/, '')}/`;
  const unreadable = (reason: string): UserError =>
    new UserError('file.unreadable', `Cannot read ${pathOrUri}: ${reason}.`, 'Check the address.');
  try {
    const response = await fetch(new URL(pathOrUri, folder));
    if (!response.ok) throw unreadable(`the server answers ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
}
