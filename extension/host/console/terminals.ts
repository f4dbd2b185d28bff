import type * as vscode from 'vscode';
import { decodeBase64, encodeBase64 } from '../../../debug-adapter/protocol/base64.ts';
import type { XenConsoleEventBody, XenDomainEndedEventBody } from '../../../debug-adapter/protocol/custom-requests.ts';
import { request } from '../session-requests.ts';
import { describeEnd } from './console-text.ts';
import { GuestTerminal } from './guest-terminal.ts';

/** Console terminals of all sessions: one per domain, the first of a session before its machine exists. */
export class Terminals implements vscode.Disposable {
  private readonly sessions = new Map<string, SessionTerminals>();
  /** Terminals whose session is over, by name: the next run of the same configuration takes its place. */
  private readonly ended = new Map<string, GuestTerminal>();

  /** Call before the session's adapter does anything. */
  open(session: vscode.DebugSession): void {
    const terminals = new SessionTerminals(session, (name) => this.create(name));
    this.sessions.set(session.id, terminals);
    terminals.terminalOf(undefined).show();
  }

  write(session: vscode.DebugSession, { domain, base64 }: XenConsoleEventBody): void {
    const bytes = decodeBase64(base64);
    if (bytes !== undefined) this.sessions.get(session.id)?.terminalOf(domain).write(bytes);
  }

  domainEnded(session: vscode.DebugSession, { domain, reason }: XenDomainEndedEventBody): void {
    this.sessions
      .get(session.id)
      ?.terminalOf(domain)
      .writeText(describeEnd(`domain ${domain}: ${reason}`));
  }

  close(session: vscode.DebugSession): void {
    for (const terminal of this.sessions.get(session.id)?.all() ?? []) {
      terminal.onInput = undefined;
      terminal.writeText(describeEnd('end of the session; the next run starts a new console'));
      this.ended.set(terminal.name, terminal);
    }
    this.sessions.delete(session.id);
  }

  focus(session: vscode.DebugSession): void {
    this.sessions.get(session.id)?.terminalOf(undefined).focus();
  }

  dispose(): void {
    for (const terminals of this.sessions.values()) for (const terminal of terminals.all()) terminal.dispose();
    for (const terminal of this.ended.values()) terminal.dispose();
  }

  private create(name: string): GuestTerminal {
    const old = this.ended.get(name);
    this.ended.delete(name);
    if (old === undefined || old.isClosed) return new GuestTerminal(name);
    old.clear();
    return old;
  }
}

class SessionTerminals {
  private readonly byDomain = new Map<number, GuestTerminal>();
  private readonly first: GuestTerminal;

  constructor(
    private readonly session: vscode.DebugSession,
    private readonly create: (name: string) => GuestTerminal,
  ) {
    this.first = this.listen(create(`Xen: ${session.name}`), undefined);
  }

  /** The first domain that speaks gets the terminal that was there before it. */
  terminalOf(domain: number | undefined): GuestTerminal {
    if (domain === undefined) return this.first;
    const known = this.byDomain.get(domain);
    if (known !== undefined) return known;
    const terminal =
      this.byDomain.size === 0
        ? this.listen(this.first, domain)
        : this.listen(this.create(`Xen: ${this.session.name}, domain ${domain}`), domain);
    this.byDomain.set(domain, terminal);
    return terminal;
  }

  all(): Iterable<GuestTerminal> {
    return new Set([this.first, ...this.byDomain.values()]);
  }

  private listen(terminal: GuestTerminal, domain: number | undefined): GuestTerminal {
    terminal.onInput = (bytes) => {
      const base64 = encodeBase64(bytes);
      const send = request(this.session, 'xenConsoleInput', domain === undefined ? { base64 } : { domain, base64 });
      send.catch((error: Error) => terminal.writeText(describeEnd(`input was not taken: ${error.message}`)));
    };
    return terminal;
  }
}
