import * as vscode from 'vscode';
import type { XenConsoleEventBody } from '../../../debug-adapter/protocol/custom-requests.ts';

const LIMIT_MILLISECONDS = 120_000;

/** Runs inside a desktop VS Code: boots the sample, waits for its prompt, ends the session. */
export async function run(): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  let console = '';
  const prompted = new Promise<void>((resolve, reject) => {
    setTimeout(
      () => reject(new Error(`no prompt within two minutes; the console says: ${console}`)),
      LIMIT_MILLISECONDS,
    );
    vscode.debug.onDidReceiveDebugSessionCustomEvent(({ event, body }) => {
      if (event !== 'xenConsole') return;
      console += Buffer.from((body as XenConsoleEventBody).base64, 'base64').toString();
      if (console.includes('sample>')) resolve();
    });
  });
  if (!(await vscode.debug.startDebugging(folder, 'Boot the sample guest')))
    throw new Error('the session did not start');
  await prompted;
  await vscode.debug.stopDebugging();
}
