import type * as vscode from 'vscode';
import type { XenRequests } from '../../debug-adapter/protocol/custom-requests.ts';

/** A custom request of ours, with its types checked. Rejects with the adapter's message. */
export async function request<Command extends keyof XenRequests>(
  session: vscode.DebugSession,
  command: Command,
  args: XenRequests[Command]['arguments'],
): Promise<XenRequests[Command]['body']> {
  return session.customRequest(command, args);
}
