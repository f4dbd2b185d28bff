import * as vscode from 'vscode';
import type { XenStoppedBody } from '../../debug-adapter/protocol/custom-requests.ts';
import type { SessionHost } from '../../debug-adapter/session/host.ts';
import { XenDebugSession } from '../../debug-adapter/session/xen-debug-session.ts';
import { createBrowserScheduler } from '../../emulator/host/browser/scheduler.ts';
import { EarlyBoot } from './early-boot.ts';
import { locateFile, readFile } from './files.ts';

/** The debug adapter in the extension host itself, where VS Code's file systems are; its machine may live elsewhere. */
export function inlineAdapter(
  session: vscode.DebugSession,
  createTarget: SessionHost['createTarget'],
): vscode.DebugAdapterDescriptor {
  const boot = new EarlyBoot(createTarget);
  boot.start(session.configuration);
  return new vscode.DebugAdapterInlineImplementation(new InlineAdapter(boot));
}

interface StoppedEvent {
  readonly type: string;
  readonly event?: string;
  readonly body?: XenStoppedBody;
}

/**
 * VS Code selects a stack frame that has no source, and shows its instructions, only when the stop's reason is
 * "instruction breakpoint"; with any other reason the variables stay empty until the user clicks a frame. So a stop
 * without source is one at an instruction, and what really happened stands in the stop's description.
 */
class InlineAdapter implements vscode.DebugAdapter {
  private readonly sent = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  private readonly session: XenDebugSession;
  readonly onDidSendMessage = this.sent.event;

  constructor(private readonly boot: EarlyBoot) {
    this.session = new XenDebugSession({
      ...{ readFile, locateFile, scheduler: createBrowserScheduler() },
      createTarget: (options) => boot.createTarget(options),
    });
    this.session.onDidSendMessage((message) => this.sent.fire(atInstruction(message)));
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    this.session.handleMessage(message as Parameters<XenDebugSession['handleMessage']>[0]);
  }

  dispose(): void {
    this.session.dispose();
    this.boot.dispose();
    this.sent.dispose();
  }
}

function atInstruction(message: StoppedEvent): vscode.DebugProtocolMessage {
  if (message.type !== 'event' || message.event !== 'stopped' || message.body?.xenSource === true) return message;
  return { ...message, body: { ...message.body, reason: 'instruction breakpoint' } } as vscode.DebugProtocolMessage;
}
