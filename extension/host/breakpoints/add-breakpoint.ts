import * as vscode from 'vscode';
import type { XenNamesBody } from '../../../debug-adapter/protocol/custom-requests.ts';
import { xen4Catalogue } from '../../../emulator/debug/hypercall-catalogue.ts';
import { staticEventNames } from '../../../emulator/debug/introspection/event-names.ts';
import { request } from '../session-requests.ts';
import { activeXenSession } from '../session-tracker.ts';
import { type Candidate, candidatesFor } from './candidates.ts';

interface Item extends vscode.QuickPickItem {
  readonly candidate: Candidate;
}

/**
 * Command "Add Xen Breakpoint…": a pick list that completes hypercalls, their sub-operations, event channels, grants,
 * xenstore paths, traps, symbols and addresses.
 * The result is an ordinary function breakpoint, so that condition, hit count and log message are edited as usual.
 */
export async function addBreakpoint(): Promise<void> {
  const name = await pickName();
  if (name === undefined) return;
  const exists = vscode.debug.breakpoints.some(
    (breakpoint) => breakpoint instanceof vscode.FunctionBreakpoint && breakpoint.functionName === name,
  );
  if (!exists) vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(name)]);
}

async function pickName(): Promise<string | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = 'Add Xen Breakpoint';
  pick.placeholder = 'hypercall:mmu_update, evtchn:3, xenstore:/local/…, trap:page_fault, a symbol, an address';
  pick.matchOnDescription = true;
  // Most breakpoints are set before F5: hypercalls are known then too, only symbols need a running session.
  let known: XenNamesBody = { hypercalls: xen4Catalogue().names(), events: staticEventNames(), symbols: [] };
  const show = (): void => {
    pick.items = candidatesFor(pick.value, known).map(toItem);
  };
  const complete = async (typed: string): Promise<void> => {
    const session = activeXenSession();
    if (session === undefined) return;
    const prefix = typed.replace(/^\*.*|^[a-z0-9]+:.*/, '');
    const names = await request(session, 'xenNames', { prefix, events: typed });
    if (typed !== pick.value) return;
    known = names;
    show();
  };
  const update = (typed: string): void => {
    show();
    complete(typed).catch(() => undefined);
  };
  update('');
  try {
    return await new Promise((resolve) => {
      pick.onDidChangeValue(update);
      pick.onDidAccept(() => resolve(pick.selectedItems[0]?.candidate.name));
      pick.onDidHide(() => resolve(undefined));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

function toItem(candidate: Candidate): Item {
  const { label, description, detail } = candidate;
  return { label, description, detail, candidate, alwaysShow: true };
}
