import type { XenRequests } from '../../../debug-adapter/protocol/custom-requests.ts';
import type { ViewName } from '../../manifest/identifiers.ts';
import type { ViewFromWebview, ViewRequest, ViewToWebview } from '../../messages/views.ts';
import { connect } from '../messenger.ts';
import { Changes } from './changes.ts';
import { element, root } from './element.ts';

interface Pending {
  readonly resolve: (body: never) => void;
  readonly reject: (error: Error) => void;
}

/** What all views share: a title, a domain to look at, a status line, and the way to the debug adapter. */
export class View {
  readonly changes = new Changes();
  readonly header: HTMLElement;
  private readonly messenger = connect<ViewToWebview, ViewFromWebview>();
  private readonly pending = new Map<number, Pending>();
  private readonly domains = element('select', { id: 'domain', 'aria-label': 'Domain' });
  private readonly status = element('div', { id: 'status', role: 'status' });
  private nextId = 1;
  private refreshing = false;
  private again = false;
  /** Entries that a history keeps. */
  keep = 0;
  private state: 'none' | 'running' | 'stopped' = 'none';

  /** `refresh` asks for what is shown and shows it; `show` is what another view points at. */
  constructor(
    title: string,
    private readonly options: {
      readonly refresh: () => Promise<void>;
      readonly show?: (target: string) => Promise<void>;
    },
  ) {
    this.header = element('header', {}, element('h1', {}, title), this.domains);
    this.domains.hidden = true;
    this.domains.addEventListener('change', () => {
      this.changes.clear();
      this.refresh();
    });
    this.messenger.onMessage((message) => this.receive(message));
  }

  /** Once the view is ready for answers. */
  start(...contents: readonly HTMLElement[]): void {
    root().append(this.header, this.status, ...contents);
    this.messenger.post({ type: 'ready' });
  }

  get domain(): number | undefined {
    return this.domains.value === '' ? undefined : Number(this.domains.value);
  }

  ask<Command extends ViewRequest>(
    command: Command,
    args: XenRequests[Command]['arguments'],
  ): Promise<XenRequests[Command]['body']> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.messenger.post({ type: 'request', id, command, args });
    });
  }

  openMemory(space: 'virtual' | 'pseudo-physical' | 'machine', address: string): void {
    this.messenger.post({ type: 'memory', space, address });
  }

  openSource(path: string, line: number): void {
    this.messenger.post({ type: 'source', path, line });
  }

  open(view: ViewName, target: string): void {
    this.messenger.post({ type: 'open', view, target });
  }

  say(text: string, isError = false): void {
    this.status.textContent = text;
    this.status.classList.toggle('error', isError);
  }

  /** Runs something a user asked for, and says why where it fails. */
  run(work: () => Promise<void>): void {
    work().catch((error: Error) => this.say(error.message, true));
  }

  /** Looks again; once more afterwards when it is asked for meanwhile. */
  refresh(): void {
    if (this.refreshing) {
      this.again = true;
      return;
    }
    this.refreshing = true;
    const done = (): void => {
      this.refreshing = false;
      if (!this.again) return;
      this.again = false;
      this.refresh();
    };
    this.lookAgain().then(done, (error: Error) => {
      this.say(error.message, true);
      done();
    });
  }

  private async lookAgain(): Promise<void> {
    if (this.state === 'none') {
      this.say('Boot a domain to see what is shown here.');
      return;
    }
    const { domains } = await this.ask('xenDomains', undefined);
    const known = domains.map(({ domain, name }) => `${domain} ${name}`).join();
    if (this.domains.dataset['known'] !== known) {
      const chosen = this.domains.value;
      this.domains.dataset['known'] = known;
      this.domains.replaceChildren(
        ...domains.map(({ domain, name }) =>
          element('option', { value: String(domain) }, `${name} (domain ${domain})`),
        ),
      );
      if (domains.some(({ domain }) => String(domain) === chosen)) this.domains.value = chosen;
      this.domains.hidden = domains.length < 2;
    }
    this.say(this.state === 'running' ? 'Running; looked at once a second.' : '');
    await this.options.refresh();
  }

  private receive(message: ViewToWebview): void {
    switch (message.type) {
      case 'session':
        this.state = message.state;
        this.keep = message.keep;
        if (message.state === 'none') this.changes.clear();
        this.changes.at(message.stop);
        this.refresh();
        return;
      case 'response': {
        const pending = this.pending.get(message.id);
        this.pending.delete(message.id);
        if (message.error === undefined) pending?.resolve(message.body as never);
        else pending?.reject(new Error(message.error));
        return;
      }
      case 'show':
        this.run(async () => await this.options.show?.(message.target));
        return;
    }
  }
}
