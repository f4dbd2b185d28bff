import * as vscode from 'vscode';
import { XenDebugSession } from '../../debug-adapter/session/xen-debug-session.ts';
import type { CreateAdapter } from './activate.ts';
import { readFile } from './files.ts';
import { createTarget } from './target.ts';

/** The debug adapter in the extension host itself: no process to start, and the same in the desktop and the web. */
export const createInlineAdapter: CreateAdapter = () =>
  new vscode.DebugAdapterInlineImplementation(new InlineAdapter(new XenDebugSession({ readFile, createTarget })));

interface StoppedEvent {
  readonly type: string;
  readonly event?: string;
  readonly body?: { readonly reason: string };
}

/**
 * VS Code selects a stack frame that has no source, and shows its instructions, only when the stop's reason is
 * "instruction breakpoint"; with any other reason the variables stay empty until the user clicks a frame. Here
 * every stop is one at an instruction, and what really happened stands in the stop's description.
 */
class InlineAdapter implements vscode.DebugAdapter {
  private readonly sent = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.sent.event;

  constructor(private readonly session: XenDebugSession) {
    session.onDidSendMessage((message) => this.sent.fire(atInstruction(message)));
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    this.session.handleMessage(message as Parameters<XenDebugSession['handleMessage']>[0]);
  }

  dispose(): void {
    this.session.dispose();
    this.sent.dispose();
  }
}

function atInstruction(message: StoppedEvent): vscode.DebugProtocolMessage {
  if (message.type !== 'event' || message.event !== 'stopped') return message;
  return { ...message, body: { ...message.body, reason: 'instruction breakpoint' } } as vscode.DebugProtocolMessage;
}
