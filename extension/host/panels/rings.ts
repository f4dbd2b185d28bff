import * as vscode from 'vscode';
import type { DomainRings, RingsFromWebview, RingsToWebview } from '../../messages/rings.ts';
import { request } from '../session-requests.ts';
import { activeXenSession, type SessionTracker } from '../session-tracker.ts';
import { webviewHtml, webviewOptions } from './webview-html.ts';

/** While the guest runs, the view follows it this often; looking has no effect on the guest. */
const REFRESH_MILLISECONDS = 1000;

/** The rings view in the side bar: shared rings of each domain, their indices, and their decoded messages. */
export class RingsView implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: vscode.WebviewView | undefined;
  private readonly subscriptions: vscode.Disposable[];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly tracker: SessionTracker,
  ) {
    this.subscriptions = [
      tracker.onDidChange(() => this.update()),
      vscode.debug.onDidChangeActiveDebugSession(() => this.update()),
    ];
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    view.webview.options = webviewOptions(this.extension);
    const subscriptions = [
      view.webview.onDidReceiveMessage((message: RingsFromWebview) => this.receive(message)),
      view.onDidChangeVisibility(() => this.update()),
      view.onDidDispose(() => {
        this.view = undefined;
        clearTimeout(this.timer);
        for (const subscription of subscriptions) subscription.dispose();
      }),
    ];
    view.webview.html = webviewHtml(view.webview, this.extension, 'rings', 'Xen Rings');
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private receive(message: RingsFromWebview): void {
    switch (message.type) {
      case 'ready':
      case 'refresh':
        this.update();
        return;
    }
  }

  private update(): void {
    clearTimeout(this.timer);
    if (this.view?.visible !== true) return;
    this.collect().then(
      (message) => this.show(message),
      (error: Error) => this.show({ type: 'empty', text: error.message }),
    );
  }

  private show(message: RingsToWebview): void {
    void this.view?.webview.postMessage(message);
    clearTimeout(this.timer);
    if (this.tracker.stateOf(activeXenSession()) === 'running') {
      this.timer = setTimeout(() => this.update(), REFRESH_MILLISECONDS);
    }
  }

  private async collect(): Promise<RingsToWebview> {
    const session = activeXenSession();
    if (session === undefined) return { type: 'empty', text: 'Boot a domain to see its rings.' };
    const { domains } = await request(session, 'xenDomains', undefined);
    const shown: DomainRings[] = [];
    for (const { domain, name } of domains) {
      const { rings } = await request(session, 'xenRings', { domain });
      shown.push({ domain, name, rings });
    }
    return { type: 'rings', domains: shown, running: this.tracker.stateOf(session) === 'running' };
  }
}
