import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { BOOT_MARKER, busyboxInitramfs, debianKernel } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { openOrSkip, type Workbench } from './workbench.ts';

let workbench: Workbench | undefined;

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
});

/** Offset of the index fields in a console ring's page: struct xencons_interface, public/io/console.h. */
const CONSOLE_INDICES = 3072;
const INDEX_NAMES = ['in_cons', 'in_prod', 'out_cons', 'out_prod'] as const;

async function showMemory(memory: Frame, expression: string, space: string): Promise<void> {
  await memory.locator('#space').selectOption(space);
  await memory.locator('#expression').fill(expression);
  await memory.locator('#expression').press('Enter');
}

async function bytesShown(memory: Frame, count: number): Promise<Buffer> {
  const cells = await memory.locator('td[data-offset]').allTextContents();
  return Buffer.from(cells.slice(0, count).join(''), 'hex');
}

test('F5 on Debian’s kernel: a stop at a hypercall, a step, memory, rings, and a shell', {
  timeout: 600_000,
}, async (context) => {
  const images = orSkip(context, () => ({ kernel: debianKernel(), ramdisk: busyboxInitramfs() }));
  const fill = (folder: string): void => {
    copyFileSync(images.kernel, path.join(folder, 'vmlinuz'));
    copyFileSync(images.ramdisk, path.join(folder, 'initramfs.cpio.gz'));
    const configuration = {
      type: 'xen',
      request: 'launch',
      name: 'Debian',
      kernel: '$' + '{workspaceFolder}/vmlinuz',
      ramdisk: 'initramfs.cpio.gz',
      cmdline: 'console=hvc0 earlyprintk=xen',
      memory: 256,
    };
    const launch = JSON.stringify({ version: '0.2.0', configurations: [configuration] });
    writeFileSync(path.join(folder, '.vscode', 'launch.json'), launch);
  };
  workbench = await openOrSkip(context, fill);
  const { page } = workbench;
  const row = (text: string | RegExp) => page.locator('.debug-pane .monaco-list-row', { hasText: text }).first();
  const wait = { timeout: 120_000 };

  await workbench.addBreakpoint('hypercall:set_trap_table');
  await workbench.startDebugging();
  await page.locator('.tab', { hasText: 'Disassembly' }).waitFor(wait);
  await page.keyboard.press('Control+Shift+D');
  await row('Hypercall set_trap_table').waitFor(wait);
  await row('xen_hypercall_pv+0x3').waitFor();
  await row('xen_start_kernel').waitFor();
  await page.locator('.debug-pane', { hasText: 'Paused on hypercall' }).first().waitFor();
  await workbench.screenshot('debian-hypercall');

  await workbench.command('Xen: Open Memory View');
  const memory = await workbench.webview('Xen Memory');
  await showMemory(memory, 'rip', 'virtual');
  // The instruction is SYSCALL (SDM vol. 2B): 0f 05.
  await expect.poll(async () => (await bytesShown(memory, 2)).toString('hex'), wait).toBe('0f05');
  const address = BigInt((await memory.locator('th').first().textContent()) ?? '0');

  await workbench.debugAction('step-into');
  await row('xen_hypercall_pv+0x5').waitFor(wait);
  await row(/result\s*=\s*0/).waitFor();
  const next = `0x${(address + 2n).toString(16)}`;
  await expect.poll(() => memory.locator('th').first().textContent(), wait).toBe(next);
  await workbench.screenshot('debian-step');

  // Linux loads its trap tables more than once: on, whenever it stops there, until the shell is up.
  const booted = workbench.terminalShows(BOOT_MARKER, 300_000);
  let isBooted = false;
  const finished = booted.finally(() => {
    isBooted = true;
  });
  while (!isBooted) {
    const mayContinue = await page.locator('.debug-toolbar .codicon-debug-continue').isVisible();
    if (mayContinue) await workbench.debugAction('continue');
    await page.waitForTimeout(500);
  }
  await finished;
  await workbench.typeOnConsole('echo $((6 * 7)) from $(uname -s)\n');
  await workbench.terminalShows(/\n42 from Linux/);
  await workbench.screenshot('debian-shell');

  await workbench.debugAction('pause');
  await page.locator('.debug-toolbar .codicon-debug-continue').waitFor(wait);
  await page.locator('.pane-header', { hasText: 'Xen Rings' }).click();
  const rings = await workbench.webview('Xen Rings');
  const ring = rings.locator('[data-ring="console"]');
  await expect
    .poll(async () => Number(await ring.locator('[data-index="out_prod"]').textContent()), wait)
    .toBeGreaterThan(1000);
  const mfn = /mfn (0x[0-9a-f]+)/.exec((await ring.textContent()) ?? '')?.[1] ?? '';
  const shown = await Promise.all(
    INDEX_NAMES.map(async (name) => Number(await ring.locator(`[data-index="${name}"]`).textContent())),
  );
  // The same four words, read from the machine frame itself and decoded here.
  await showMemory(memory, `0x${(BigInt(mfn) * 4096n + BigInt(CONSOLE_INDICES)).toString(16)}`, 'machine');
  await expect
    .poll(async () => {
      const bytes = await bytesShown(memory, 16);
      return bytes.length < 16 ? [] : INDEX_NAMES.map((_, index) => bytes.readUInt32LE(4 * index));
    }, wait)
    .toEqual(shown);
  await workbench.screenshot('debian-rings');
  expect(workbench.log.filter((line) => line.includes('Xenoscope bug'))).toEqual([]);
});
