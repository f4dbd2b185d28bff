import * as vscode from 'vscode';
import { SAMPLE_FILES } from '../manifest/sample-files.ts';

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

async function copyFolder(from: vscode.Uri, to: vscode.Uri, files: readonly string[]): Promise<void> {
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(to, '.vscode'));
  await Promise.all(
    files.map(async (file) => {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(from, file));
      await vscode.workspace.fs.writeFile(vscode.Uri.joinPath(to, file), bytes);
    }),
  );
}
