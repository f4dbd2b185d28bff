import type * as vscode from 'vscode';
import * as shared from './activate.ts';
import { inlineAdapter } from './adapter.ts';
import { createTarget } from './target.ts';

/** Entry point in the web extension host, where only web APIs exist. */
export function activate(context: vscode.ExtensionContext): void {
  shared.activate(context, (session) => inlineAdapter(session, createTarget));
}
