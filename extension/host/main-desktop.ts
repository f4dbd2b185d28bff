import type * as vscode from 'vscode';
import * as shared from './activate.ts';
import { inlineAdapter } from './adapter.ts';
import { createWorkerTarget } from './worker-target.ts';

/** Entry point in the Node extension host. */
export function activate(context: vscode.ExtensionContext): void {
  shared.activate(context, (session) =>
    inlineAdapter(session, (options) => createWorkerTarget(context.extensionPath, options)),
  );
}
