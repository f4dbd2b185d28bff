import * as vscode from 'vscode';
import { XenDebugSession } from '../../debug-adapter/session/xen-debug-session.ts';
import type { CreateAdapter } from './activate.ts';
import { readFile } from './files.ts';
import { createTarget } from './target.ts';

/** The debug adapter in the extension host itself: no process to start, and the same in the desktop and the web. */
export const createInlineAdapter: CreateAdapter = () =>
  new vscode.DebugAdapterInlineImplementation(new XenDebugSession({ readFile, createTarget }));
