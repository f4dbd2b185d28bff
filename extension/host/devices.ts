import * as vscode from 'vscode';
import type { XenDevice } from '../../debug-adapter/protocol/custom-requests.ts';
import { request } from './session-requests.ts';
import { activeXenSession } from './session-tracker.ts';

const EXAMPLES: Readonly<Record<XenDevice['kind'], string>> = {
  disk: 'format=raw,vdev=xvdb,access=rw,target=data.img',
  vif: 'bridge=xenbr0',
};

const KINDS: readonly (vscode.QuickPickItem & { readonly device: XenDevice['kind'] })[] = [
  { label: 'Disk', device: 'disk' },
  { label: 'Network Interface', device: 'vif' },
];

/** Command "Attach Disk or Network Interface…": what `xl block-attach` and `network-attach` do. */
export async function attachDevice(): Promise<void> {
  const session = activeXenSession();
  if (session === undefined) return nothingRuns();
  const picked = await vscode.window.showQuickPick(KINDS, { title: 'Attach to the running domain' });
  if (picked === undefined) return;
  const kind = picked.device;
  const specification = await vscode.window.showInputBox({
    title: `Attach ${picked.label}`,
    prompt: `As ${kind} in xl.cfg(5) has it; a relative file name starts from the configuration's folder`,
    value: EXAMPLES[kind],
  });
  if (specification === undefined) return;
  await inWords(() => request(session, 'xenAttachDevice', { kind, specification }));
}

/** Command "Detach Disk or Network Interface…". */
export async function detachDevice(): Promise<void> {
  const session = activeXenSession();
  if (session === undefined) return nothingRuns();
  await inWords(async () => {
    const { devices } = await request(session, 'xenDevices', {});
    const items = devices.map((device) => ({
      label: device.kind === 'disk' ? device.name : `vif ${device.name}`,
      description: device.specification,
      detail: device.state,
      device,
    }));
    if (items.length === 0) return void vscode.window.showInformationMessage('The domain has no disk and no vif.');
    const picked = await vscode.window.showQuickPick(items, { title: 'Detach from the running domain' });
    if (picked === undefined) return;
    const { kind, name } = picked.device;
    await request(session, 'xenDetachDevice', { kind, name });
  });
}

/** Command "Control Domain…": shutdown, suspend, migrate, mem-set, … as xl does them. */
export async function controlDomain(): Promise<void> {
  const session = activeXenSession();
  if (session === undefined) return nothingRuns();
  await inWords(async () => {
    const { commands } = await request(session, 'xenControlCommands', undefined);
    const items = commands.map(({ name, argument, help }) => ({ label: name, detail: help, argument }));
    const picked = await vscode.window.showQuickPick(items, { title: 'Control the running domain' });
    if (picked === undefined) return;
    const { label, argument } = picked;
    const value = argument === undefined ? '' : await vscode.window.showInputBox({ title: label, prompt: argument });
    if (value !== undefined) await request(session, 'xenControl', { command: `${label} ${value}`.trim() });
  });
}

function nothingRuns(): void {
  void vscode.window.showInformationMessage('No Xen domain runs: press F5 first.');
}

async function inWords(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}
