import type { DebugProtocol } from '@vscode/debugprotocol';

/** A plain DAP client for tests: requests with awaited responses, and a log of events to wait on. */
export class DapClient {
  readonly events: DebugProtocol.Event[] = [];
  private sequence = 1;
  private readonly waiting = new Map<number, (response: DebugProtocol.Response) => void>();
  private readonly watchers = new Set<() => void>();

  constructor(private readonly send: (message: DebugProtocol.Request) => void) {}

  /** Feed every message of the adapter in here. */
  receive(message: DebugProtocol.ProtocolMessage): void {
    if (message.type === 'response') {
      const response = message as DebugProtocol.Response;
      this.waiting.get(response.request_seq)?.(response);
      this.waiting.delete(response.request_seq);
    } else if (message.type === 'event') {
      this.events.push(message as DebugProtocol.Event);
      for (const watcher of [...this.watchers]) watcher();
    }
  }

  /** The response, failed or not. */
  raw(command: string, args?: unknown): Promise<DebugProtocol.Response> {
    const seq = this.sequence++;
    return new Promise((resolve) => {
      this.waiting.set(seq, resolve);
      this.send({ seq, type: 'request', command, ...(args === undefined ? {} : { arguments: args }) });
    });
  }

  /** The body; rejects with the adapter's words when the request failed. */
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, which say what they expect
  async request(command: string, args?: unknown): Promise<any> {
    const response = await this.raw(command, args);
    if (response.success) return response.body;
    const error = (response as DebugProtocol.ErrorResponse).body?.error;
    throw new Error(`${command}: ${error?.format ?? response.message}`);
  }

  /** The first event after `from` (an index into `events`) that fits; waits for it. */
  async event<E extends DebugProtocol.Event>(
    name: string,
    fits: (event: E) => boolean = () => true,
    from = 0,
    timeout = 10_000,
  ): Promise<E> {
    const find = (): E | undefined =>
      this.events.slice(from).find((event) => event.event === name && fits(event as E)) as E | undefined;
    const found = find();
    if (found !== undefined) return found;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.watchers.delete(look);
        const seen = this.events.slice(from).map((event) => event.event);
        reject(new Error(`no event "${name}" within ${timeout} ms; seen: ${[...new Set(seen)].join(', ')}`));
      }, timeout);
      const look = (): void => {
        const event = find();
        if (event === undefined) return;
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve(event);
      };
      this.watchers.add(look);
    });
  }

  /** Sends a request that makes the machine run, and waits for the stop that follows. */
  async untilStopped(command: string, args?: unknown, timeout = 10_000): Promise<DebugProtocol.StoppedEvent['body']> {
    const from = this.events.length;
    await this.request(command, args);
    return (await this.event<DebugProtocol.StoppedEvent>('stopped', undefined, from, timeout)).body;
  }

  /** Console text from `xenConsole` events so far. */
  consoleText(): string {
    return this.events
      .filter(({ event }) => event === 'xenConsole')
      .map(({ body }) => Buffer.from((body as { base64: string }).base64, 'base64').toString('utf8'))
      .join('');
  }
}
