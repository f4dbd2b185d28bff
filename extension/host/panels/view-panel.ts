import * as vscode from 'vscode';
import { DEFAULT_HISTORY_SIZE, settings, type ViewName } from '../../manifest/identifiers.ts';
import { VIEW_REQUESTS, type ViewFromWebview, type ViewToWebview } from '../../messages/views.ts';
import { request } from '../session-requests.ts';
import { activeXenSession, type SessionTracker } from '../session-tracker.ts';
import { webviewHtml, webviewOptions } from './webview-html.ts';

/** While the guest runs, views look again this often; looking has no effect on the guest. */
const REFRESH_MILLISECONDS = 1000;

export const VIEW_TITLES: Readonly<Record<ViewName, string>> = {
  'page-tables': 'Xen Page Tables',
  grants: 'Xen Grant Tables',
  'event-channels': 'Xen Event Channels',
  hypercalls: 'Xen Hypercalls',
  domain: 'Xen Domain State',
  xenstore: 'Xenstore',
};

export interface ViewLinks {
  readonly memory: (space: 'virtual' | 'pseudo-physical' | 'machine', address: string) => void;
  readonly open: (view: ViewName, target: string | undefined) => void;
}

/**
 * One of the views that show what Xen knows: an editor tab whose page asks the debug adapter itself, through here, and
 * is told when something may have changed.
 */
export class ViewPanel implements vscode.Disposable {
  private readonly panel: vscode.WebviewPanel;
  private readonly subscriptions: vscode.Disposable[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stops = 0;
  private state: 'none' | 'running' | 'stopped' = 'none';
  private target: string | undefined;
  private ready = false;

  constructor(
    extension: vscode.Uri,
    private readonly tracker: SessionTracker,
    private readonly links: ViewLinks,
    readonly name: ViewName,
    onClosed: () => void,
  ) {
    const title = VIEW_TITLES[name];
    const options = { ...webviewOptions(extension), retainContextWhenHidden: true };
    this.panel = vscode.window.createWebviewPanel(`xenoscope.${name}`, title, vscode.ViewColumn.Two, options);
    this.panel.iconPath = vscode.Uri.joinPath(extension, 'media', 'icons', 'xen.svg');
    this.subscriptions.push(
      this.panel.webview.onDidReceiveMessage((message: ViewFromWebview) => this.receive(message)),
      this.panel.onDidChangeViewState(() => this.update()),
      this.panel.onDidDispose(() => {
        onClosed();
        this.dispose();
      }),
      tracker.onDidChange(() => this.sessionChanged()),
      vscode.debug.onDidChangeActiveDebugSession(() => this.sessionChanged()),
    );
    this.panel.webview.html = webviewHtml(this.panel.webview, extension, name, title);
  }

  /** Brings it to the front, and to what another view points at. */
  show(target: string | undefined): void {
    this.panel.reveal();
    this.target = target ?? this.target;
    if (this.ready) this.sendTarget();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions.splice(0)) subscription.dispose();
    this.panel.dispose();
  }

  private post(message: ViewToWebview): void {
    void this.panel.webview.postMessage(message);
  }

  private sendTarget(): void {
    if (this.target !== undefined) this.post({ type: 'show', target: this.target });
    this.target = undefined;
  }

  private receive(message: ViewFromWebview): void {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        this.sessionChanged();
        this.sendTarget();
        return;
      case 'request':
        this.answer(message.id, message).then(
          (body) => this.post({ type: 'response', id: message.id, body }),
          (error: Error) => this.post({ type: 'response', id: message.id, error: error.message }),
        );
        return;
      case 'memory':
        this.links.memory(message.space, message.address);
        return;
      case 'source':
        void openSource(message.path, message.line);
        return;
      case 'open':
        this.links.open(message.view, message.target);
        return;
    }
  }

  private async answer(_id: number, { command, args }: ViewFromWebview & { type: 'request' }): Promise<unknown> {
    const session = activeXenSession();
    if (session === undefined) throw new Error('Boot a domain first.');
    if (!VIEW_REQUESTS.includes(command)) throw new Error(`A view may not ask for "${String(command)}".`);
    return await request(session, command, args as never);
  }

  private sessionChanged(): void {
    const state = this.tracker.stateOf(activeXenSession());
    if (state === 'stopped' && this.state !== 'stopped') this.stops++;
    this.state = state;
    this.update();
  }

  private update(): void {
    clearTimeout(this.timer);
    if (!this.ready || !this.panel.visible) return;
    this.post({ type: 'session', state: this.state, stop: this.stops, keep: historySize() });
    if (this.state === 'running') this.timer = setTimeout(() => this.update(), REFRESH_MILLISECONDS);
  }
}

/** Setting "xenoscope.historySize". */
function historySize(): number {
  return vscode.workspace.getConfiguration(settings.section).get<number>(settings.historySize) ?? DEFAULT_HISTORY_SIZE;
}

/** A path as the debug adapter gives it to VS Code. */
async function openSource(path: string, line: number): Promise<void> {
  const uri = /^[a-z][\w+.-]+:/i.test(path) ? vscode.Uri.parse(path) : vscode.Uri.file(path);
  const position = new vscode.Position(line - 1, 0);
  const options = { selection: new vscode.Range(position, position), viewColumn: vscode.ViewColumn.One };
  await vscode.window.showTextDocument(uri, options);
}
