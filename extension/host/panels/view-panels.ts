import * as vscode from 'vscode';
import { VIEW_NAMES, type ViewName } from '../../manifest/identifiers.ts';
import type { MemoryLocation } from '../../messages/memory.ts';

import type { SessionTracker } from '../session-tracker.ts';
import { VIEW_TITLES, ViewPanel } from './view-panel.ts';

/** One tab of each view at most. */
export class ViewPanels implements vscode.Disposable {
  private readonly panels = new Map<ViewName, ViewPanel>();

  constructor(
    private readonly extension: vscode.Uri,
    private readonly tracker: SessionTracker,
    private readonly openMemory: (location: MemoryLocation) => void,
  ) {}

  open(name: ViewName, target?: string): void {
    let panel = this.panels.get(name);
    if (panel === undefined) {
      const links = {
        memory: (space: MemoryLocation['space'], address: string) => this.openMemory({ expression: address, space }),
        open: (view: ViewName, what: string | undefined) => this.open(view, what),
      };
      panel = new ViewPanel(this.extension, this.tracker, links, name, () => this.panels.delete(name));
      this.panels.set(name, panel);
    }
    panel.show(target);
  }

  /** Command "Open Xen View…". */
  async pick(): Promise<void> {
    const items = VIEW_NAMES.map((name) => ({ label: VIEW_TITLES[name], name }));
    const picked = await vscode.window.showQuickPick(items, { title: 'Open Xen View', placeHolder: 'Which view?' });
    if (picked !== undefined) this.open(picked.name);
  }

  dispose(): void {
    for (const panel of [...this.panels.values()]) panel.dispose();
  }
}
