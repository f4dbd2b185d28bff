import * as vscode from 'vscode';
import type { XenNamesBody } from '../../../debug-adapter/protocol/custom-requests.ts';
import { request } from '../session-requests.ts';
import { activeXenSession } from '../session-tracker.ts';
import { type Candidate, candidatesFor } from './candidates.ts';

interface Item extends vscode.QuickPickItem {
  readonly candidate: Candidate;
}

const MEMENTO = 'names';

/**
 * Command "Add Xen Breakpoint…": a pick list that completes hypercalls, their sub-operations, symbols and addresses.
 * The result is an ordinary function breakpoint, so that condition, hit count and log message are edited as usual.
 */
export async function addBreakpoint(memory: vscode.Memento): Promise<void> {
  const name = await pickName(memory);
  if (name === undefined) return;
  const exists = vscode.debug.breakpoints.some(
    (breakpoint) => breakpoint instanceof vscode.FunctionBreakpoint && breakpoint.functionName === name,
  );
  if (!exists) vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(name)]);
}

async function pickName(memory: vscode.Memento): Promise<string | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = 'Add Xen Breakpoint';
  pick.placeholder = 'A hypercall (hypercall:mmu_update), a symbol, or an address (0xffffffff81000000)';
  pick.matchOnDescription = true;
  // Between sessions the names of the last one are offered: most breakpoints are set before F5.
  let known: XenNamesBody = { hypercalls: memory.get<XenNamesBody>(MEMENTO)?.hypercalls ?? [], symbols: [] };
  const show = (): void => {
    pick.items = candidatesFor(pick.value, known).map(toItem);
  };
  const complete = async (typed: string): Promise<void> => {
    const session = activeXenSession();
    if (session === undefined) return;
    const names = await request(session, 'xenNames', { prefix: typed.replace(/^\*.*|^hypercall:.*/, '') });
    if (typed !== pick.value) return;
    known = names;
    await memory.update(MEMENTO, { hypercalls: names.hypercalls, symbols: [] });
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
  const { name, description, detail } = candidate;
  return { label: name, description, detail, candidate, alwaysShow: true };
}
