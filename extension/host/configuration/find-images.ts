import * as vscode from 'vscode';
import { type ImageKind, mayBeImage, recognizeImage } from './recognize-image.ts';

export interface FoundImage {
  readonly uri: vscode.Uri;
  readonly kind: ImageKind;
  /** Path below the workspace folder. */
  readonly path: string;
}

const MAXIMUM_DEPTH = 5;
const MAXIMUM_ENTRIES = 5000;
const MAXIMUM_READS = 60;
const MAXIMUM_SIZE = 256 * 1024 * 1024;
const SKIPPED = new Set(['node_modules', '.git', '.hg', '.svn', '.vscode', 'dist']);

/**
 * Everything below a workspace folder that a domain can boot from. Walks the folder itself, because
 * `workspace.findFiles` finds nothing on the virtual file systems of VS Code for the Web.
 */
export async function findImages(
  folder: vscode.WorkspaceFolder,
  token?: vscode.CancellationToken,
): Promise<readonly FoundImage[]> {
  const found: FoundImage[] = [];
  let entries = 0;
  let reads = 0;
  let level: readonly (readonly [vscode.Uri, string])[] = [[folder.uri, '']];
  for (let depth = 0; depth < MAXIMUM_DEPTH && level.length > 0; depth += 1) {
    const below: (readonly [vscode.Uri, string])[] = [];
    for (const [uri, path] of level) {
      for (const [name, type] of await list(uri)) {
        entries += 1;
        if (entries > MAXIMUM_ENTRIES || token?.isCancellationRequested === true) return found;
        const child = vscode.Uri.joinPath(uri, name);
        if (type & vscode.FileType.Directory) {
          if (!SKIPPED.has(name)) below.push([child, `${path}${name}/`]);
        } else if (mayBeImage(name) && reads < MAXIMUM_READS) {
          reads += 1;
          const kind = await recognize(child, name);
          if (kind !== undefined) found.push({ uri: child, kind, path: `${path}${name}` });
        }
      }
    }
    level = below;
  }
  return found.sort(configurationsFirst);
}

/** An xl.cfg says more about a domain than a bare kernel does, so those come first. */
function configurationsFirst(left: FoundImage, right: FoundImage): number {
  const rank = (image: FoundImage): number => (image.kind === 'config' ? 0 : 1);
  return rank(left) - rank(right) || left.path.localeCompare(right.path);
}

async function list(uri: vscode.Uri): Promise<readonly [string, vscode.FileType][]> {
  try {
    return await vscode.workspace.fs.readDirectory(uri);
  } catch {
    return [];
  }
}

export async function recognize(uri: vscode.Uri, name: string): Promise<ImageKind | undefined> {
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > MAXIMUM_SIZE) return undefined;
    return recognizeImage(name, await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}
