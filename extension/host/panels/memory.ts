import * as vscode from 'vscode';
import { decodeBase64, encodeBase64 } from '../../../debug-adapter/protocol/base64.ts';
import type { XenMemorySpace } from '../../../debug-adapter/protocol/custom-requests.ts';
import { panels } from '../../manifest/identifiers.ts';
import type { MemoryFromWebview, MemoryLocation, MemoryPage, MemoryToWebview } from '../../messages/memory.ts';
import { request } from '../session-requests.ts';
import { activeXenSession, type SessionTracker } from '../session-tracker.ts';
import { addressPlus, ChangeTracker, parsePattern, searchMemory } from './memory-model.ts';
import { webviewHtml, webviewOptions } from './webview-html.ts';

const PAGE_BYTES = 512;
const SEARCH_BYTES = 64 * 1024 * 1024;

/** The memory view: an editor tab that shows memory at any expression, and follows the session from stop to stop. */
export class MemoryPanel implements vscode.Disposable {
  private readonly panel: vscode.WebviewPanel;
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly changes = new ChangeTracker();
  private location: MemoryLocation;
  /** Bytes that the view was scrolled away from `location`. */
  private scrolled = 0;
  private found: { readonly address: string; readonly length: number } | undefined;
  private shownAddress: string | undefined;
  private state: 'none' | 'running' | 'stopped' = 'none';

  constructor(
    extension: vscode.Uri,
    private readonly tracker: SessionTracker,
    location: MemoryLocation,
    viewColumn = vscode.ViewColumn.Beside,
  ) {
    this.location = location;
    const column = { viewColumn, preserveFocus: false };
    const options = { ...webviewOptions(extension), retainContextWhenHidden: true };
    this.panel = vscode.window.createWebviewPanel(panels.memory, 'Xen Memory', column, options);
    this.panel.iconPath = new vscode.ThemeIcon('file-binary');
    this.subscriptions.push(
      this.panel.webview.onDidReceiveMessage((message: MemoryFromWebview) => this.receive(message)),
      this.panel.onDidDispose(() => this.dispose()),
      tracker.onDidChange((session) => {
        if (session.id === activeXenSession()?.id || activeXenSession() === undefined) this.sessionChanged();
      }),
      vscode.debug.onDidChangeActiveDebugSession(() => this.sessionChanged()),
      vscode.debug.onDidChangeActiveStackItem(() => this.refresh()),
    );
    this.panel.webview.html = webviewHtml(this.panel.webview, extension, 'memory', 'Xen Memory');
  }

  dispose(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.dispose();
    this.panel.dispose();
  }

  private post(message: MemoryToWebview): void {
    void this.panel.webview.postMessage(message);
  }

  private receive(message: MemoryFromWebview): void {
    const done = this.answer(message);
    done.catch((error: Error) => this.post({ type: 'notice', kind: 'error', text: error.message }));
  }

  private async answer(message: MemoryFromWebview): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.sessionChanged();
        return;
      case 'show':
        this.location = message.location;
        this.scrolled = 0;
        this.found = undefined;
        return this.refresh();
      case 'move':
        this.scrolled += message.delta;
        return this.refresh();
      case 'write':
        return this.write(message.address, message.bytes);
      case 'search':
        return this.search(message.pattern, message.kind);
    }
  }

  private sessionChanged(): void {
    const session = activeXenSession();
    const state = this.tracker.stateOf(session);
    if (state === 'stopped' && this.state === 'running') this.changes.nextStop();
    if (state === 'none') this.changes.clear();
    this.state = state;
    this.post({ type: 'session', state, name: session?.name ?? '' });
    this.refresh().catch((error: Error) => this.post({ type: 'notice', kind: 'error', text: error.message }));
  }

  private async refresh(): Promise<void> {
    const session = activeXenSession();
    if (session === undefined || this.tracker.stateOf(session) !== 'stopped') return;
    const { expression, space } = this.location;
    const base = await this.read(session, space, expression, 1);
    const address = addressPlus(base.address, this.scrolled);
    const { bytes } = await this.read(session, space, address, PAGE_BYTES);
    this.panel.title = `Xen Memory: ${expression}`;
    this.shownAddress = address;
    this.post({ type: 'page', page: this.page(address, bytes) });
  }

  private page(address: string, bytes: Uint8Array): MemoryPage {
    const changed = this.changes.changes(this.location.space, address, bytes);
    const offset = this.found === undefined ? -1 : Number(BigInt(this.found.address) - BigInt(address));
    const isShown = this.found !== undefined && offset >= 0 && offset < bytes.length;
    const found = isShown && this.found ? { offset, length: this.found.length } : undefined;
    return { location: this.location, address, bytes, count: PAGE_BYTES, changed, found };
  }

  private async read(session: vscode.DebugSession, space: XenMemorySpace, address: string, count: number) {
    const body = await request(session, 'xenReadMemory', { space, address, count, ...selectedFrame() });
    return { address: body.address, bytes: decodeBase64(body.base64) ?? new Uint8Array() };
  }

  private async write(address: string, bytes: Uint8Array): Promise<void> {
    const session = activeXenSession();
    if (session === undefined) return;
    const args = { space: this.location.space, address, base64: encodeBase64(bytes) };
    const { bytesWritten } = await request(session, 'xenWriteMemory', args);
    if (bytesWritten < bytes.length) {
      this.post({
        type: 'notice',
        kind: 'error',
        text: `Only ${bytesWritten} of ${bytes.length} bytes at ${address} can be written.`,
      });
    }
    await this.refresh();
  }

  private async search(pattern: string, kind: 'bytes' | 'text'): Promise<void> {
    const session = activeXenSession();
    const wanted = parsePattern(pattern, kind);
    if (wanted === undefined) throw new Error('Type bytes as "0f 05", or switch to text.');
    if (session === undefined || this.shownAddress === undefined) return;
    // The hit on screen is not found again.
    const start = this.found === undefined ? this.shownAddress : addressPlus(this.found.address, 1);
    const { space } = this.location;
    const read = async (address: string, count: number) => (await this.read(session, space, address, count)).bytes;
    this.post({ type: 'notice', kind: 'information', text: 'Searching…' });
    const hit = await searchMemory(read, start, wanted, SEARCH_BYTES);
    if (hit === undefined) {
      const text = `Not found in the ${SEARCH_BYTES >> 20} MiB from ${start} on.`;
      this.post({ type: 'notice', kind: 'information', text });
      return;
    }
    this.found = { address: hit, length: wanted.length };
    this.location = { expression: addressPlus(hit, -Number(BigInt(hit) & 15n)), space };
    this.scrolled = 0;
    this.post({ type: 'notice', kind: 'information', text: `Found at ${hit}.` });
    await this.refresh();
  }
}

/** Registers in an expression mean those of the frame that is selected in the call stack. */
function selectedFrame(): { frameId?: number } {
  const item = vscode.debug.activeStackItem;
  return item instanceof vscode.DebugStackFrame ? { frameId: item.frameId } : {};
}

/** The address that a row of the Variables or Watch view stands for. */
export function expressionOf(context: unknown): string | undefined {
  if (typeof context !== 'object' || context === null || !('variable' in context)) return undefined;
  const { memoryReference, evaluateName, value } = context.variable as Readonly<Record<string, unknown>>;
  for (const candidate of [memoryReference, evaluateName, value]) {
    if (typeof candidate === 'string' && candidate !== '') return candidate;
  }
  return undefined;
}
