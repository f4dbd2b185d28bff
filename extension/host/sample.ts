import * as vscode from 'vscode';

/**
 * Opens the sample workspace that ships with the extension. A local one is copied first, because an installed
 * extension's own folder is no place for a user's breakpoints and edits.
 */
export async function openSample(context: vscode.ExtensionContext): Promise<void> {
  const shipped = vscode.Uri.joinPath(context.extensionUri, 'media', 'sample');
  const target = vscode.Uri.joinPath(context.globalStorageUri, 'sample');
  await copyFolder(shipped, target, SAMPLE_FILES);
  await vscode.commands.executeCommand('vscode.openFolder', target);
}

/** Listed, because an extension that was installed from a web server cannot list its own folders. */
const SAMPLE_FILES = [
  ...['.vscode/launch.json', 'guest.cfg', 'guest.elf'],
  ...['start.S', 'main.c', 'console.c', 'traps.c', 'time.c', 'sample.h', 'xen.h', 'link.ld'],
];

async function copyFolder(from: vscode.Uri, to: vscode.Uri, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const target = vscode.Uri.joinPath(to, file);
    await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(target, '..'));
    await vscode.workspace.fs.writeFile(target, await vscode.workspace.fs.readFile(vscode.Uri.joinPath(from, file)));
  }
}
