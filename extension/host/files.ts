import * as vscode from 'vscode';
import { UserError } from '../../emulator/base/user-error.ts';
import { isAbsolute, isUri } from './configuration/resolve-paths.ts';

/**
 * Reads a file that a launch configuration or an xl.cfg names, through VS Code's file systems, so that it works on
 * virtual workspaces and in the browser. Signature and meaning: `ReadFile` of emulator/debug/target-options.ts.
 */
export async function readFile(pathOrUri: string, relativeTo: string | undefined): Promise<Uint8Array> {
  const uri = locate(pathOrUri, relativeTo);
  if (uri === undefined) throw noFolder(pathOrUri);
  try {
    return await vscode.workspace.fs.readFile(uri);
  } catch (error) {
    throw unreadable(uri, error);
  }
}

/** Where VS Code finds a file: a path on the local disk, else a URI. Undefined: nowhere. Named as for `readFile`. */
export async function locateFile(pathOrUri: string, relativeTo: string | undefined): Promise<string | undefined> {
  const uri = locate(pathOrUri, relativeTo);
  if (uri === undefined) return undefined;
  try {
    const { type } = await vscode.workspace.fs.stat(uri);
    if ((type & vscode.FileType.File) === 0) return undefined;
    return uri.scheme === 'file' ? uri.fsPath : uri.toString();
  } catch {
    return undefined;
  }
}

function locate(pathOrUri: string, relativeTo: string | undefined): vscode.Uri | undefined {
  if (isAbsolute(pathOrUri)) return toUri(pathOrUri);
  const folder = relativeTo === undefined ? vscode.workspace.workspaceFolders?.[0]?.uri : toUri(relativeTo);
  return folder === undefined ? undefined : vscode.Uri.joinPath(folder, pathOrUri.replaceAll('\\', '/'));
}

function toUri(pathOrUri: string): vscode.Uri {
  if (isUri(pathOrUri)) return vscode.Uri.parse(pathOrUri, true);
  // An absolute path means the file system that the workspace lies in, which in the web host is not the local one.
  const root = vscode.workspace.workspaceFolders?.[0]?.uri;
  return root === undefined || root.scheme === 'file' ? vscode.Uri.file(pathOrUri) : root.with({ path: pathOrUri });
}

function noFolder(name: string): UserError {
  return new UserError(
    'file.no-folder',
    `"${name}" is relative, and no folder is open.`,
    'Open a folder, or give the whole path.',
  );
}

function unreadable(uri: vscode.Uri, error: unknown): UserError {
  const name = uri.scheme === 'file' ? uri.fsPath : uri.toString();
  const missing = error instanceof vscode.FileSystemError && error.code === 'FileNotFound';
  const reason = missing ? 'there is no such file' : error instanceof Error ? error.message : String(error);
  return new UserError(
    'file.unreadable',
    `Cannot read ${name}: ${reason}.`,
    'Check the path in launch.json or in the xl.cfg.',
  );
}
