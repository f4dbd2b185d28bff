import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../manifest/identifiers.ts';

export type SessionState = 'running' | 'stopped';

interface ProtocolMessage {
  readonly type: string;
  readonly event?: string;
  readonly command?: string;
  readonly success?: boolean;
}

/** Requests after whose success the guest runs; adapters need send no `continued` event then. */
const RUNNING_AFTER = new Set(['continue', 'next', 'stepIn', 'stepOut']);

/** Which Xen sessions run and which stand still, from the protocol traffic itself. */
export class SessionTracker implements vscode.Disposable {
  private readonly states = new Map<string, SessionState>();
  private readonly changed = new vscode.EventEmitter<vscode.DebugSession>();
  private readonly registrations: vscode.Disposable;
  /** A session started, stopped, went on, changed memory or registers, or ended. */
  readonly onDidChange = this.changed.event;

  constructor() {
    this.registrations = vscode.Disposable.from(
      vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
        createDebugAdapterTracker: (session) => ({
          onWillStartSession: () => this.set(session, 'running'),
          onDidSendMessage: (message: ProtocolMessage) => this.receive(session, message),
          onWillStopSession: () => this.end(session),
        }),
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.type === DEBUG_TYPE) this.end(session);
      }),
    );
  }

  stateOf(session: vscode.DebugSession | undefined): SessionState | 'none' {
    return (session && this.states.get(session.id)) ?? 'none';
  }

  dispose(): void {
    this.registrations.dispose();
    this.changed.dispose();
  }

  private receive(session: vscode.DebugSession, message: ProtocolMessage): void {
    const { type, event, command, success } = message;
    if (type === 'response') {
      if (success === true && RUNNING_AFTER.has(command ?? '')) this.set(session, 'running');
    } else if (event === 'stopped') this.set(session, 'stopped');
    else if (event === 'continued') this.set(session, 'running');
    else if (event === 'memory' || event === 'invalidated') this.changed.fire(session);
  }

  private set(session: vscode.DebugSession, state: SessionState): void {
    this.states.set(session.id, state);
    this.changed.fire(session);
  }

  private end(session: vscode.DebugSession): void {
    if (this.states.delete(session.id)) this.changed.fire(session);
  }
}

/** The Xen session that the user looks at. */
export function activeXenSession(): vscode.DebugSession | undefined {
  const session = vscode.debug.activeDebugSession;
  return session?.type === DEBUG_TYPE ? session : undefined;
}
