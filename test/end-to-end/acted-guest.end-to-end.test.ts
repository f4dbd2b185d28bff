import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { bundles } from '../../extension/build/bundles.ts';
import { openOrSkip, type Workbench } from './workbench.ts';

/** The extension with an acted machine: every view by itself, whatever state the engine is in. */
let extension: string;
let workbench: Workbench | undefined;

beforeAll(async () => {
  extension = mkdtempSync(path.join(os.tmpdir(), 'xenoscope-acted-'));
  const target = path.resolve('test/end-to-end/scripted-target.ts');
  for (const options of bundles({ out: path.join(extension, 'dist'), minify: false, target })) await build(options);
  cpSync('media', path.join(extension, 'media'), { recursive: true });
  copyFileSync('package.json', path.join(extension, 'package.json'));
  return () => rmSync(extension, { recursive: true, force: true });
});

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
});

function fill(folder: string): void {
  const kernel = '$' + '{workspaceFolder}/k';
  const configuration = { type: 'xen', request: 'launch', name: 'Acted', kernel, stopOnEntry: true };
  const launch = JSON.stringify({ version: '0.2.0', configurations: [configuration] });
  writeFileSync(path.join(folder, '.vscode', 'launch.json'), launch);
  writeFileSync(path.join(folder, 'k'), 'not read by the acted machine');
}

test.for([false, true])('F5, console, rings and memory (cross-origin isolated: %s)', async (isolated, context) => {
  workbench = await openOrSkip(context, fill, { extension, isolated });
  const { page } = workbench;
  await workbench.startDebugging();
  await page.locator('.tab', { hasText: 'Disassembly' }).waitFor();

  await workbench.command('Xen: Open Memory View');
  const memory = await workbench.webview('Xen Memory');
  // The acted memory starts at rsp, and holds 00 01 02 …
  await memory.locator('td[data-offset="16"]', { hasText: '10' }).waitFor();
  await expect.poll(() => memory.locator('th').first().textContent()).toBe('0x0000000000001000');

  // One step of the acted machine adds one to the byte at offset 16.
  await workbench.debugAction('step-into');
  await memory.locator('td.changed[data-offset="16"]', { hasText: '11' }).waitFor();
  expect(await memory.locator('td.changed').count()).toBe(1);

  await memory.locator('td[data-offset="2"]').dblclick();
  await memory.locator('input.byte').fill('ab');
  await memory.locator('td[data-offset="2"]', { hasText: 'ab' }).waitFor();

  await memory.locator('#pattern').fill('fe ff 00 01');
  await memory.locator('#pattern').press('Enter');
  await memory.locator('td.found').first().waitFor();
  expect(await memory.locator('td.found').allTextContents()).toEqual(['fe', 'ff', '00', '01']);
  await workbench.screenshot(`acted-memory-${isolated}`);

  await page.keyboard.press('Control+Shift+D');
  await page.locator('.pane-header', { hasText: 'Xen Rings' }).click();
  const rings = await workbench.webview('Xen Rings');
  await rings.locator('[data-index="out_prod"]', { hasText: '30' }).waitFor();
  expect(await rings.locator('.slot.pending').count()).toBe(1);
  // Guest bytes that look like markup are shown, not parsed.
  expect(await rings.locator('pre.pending').textContent()).toBe('<b>');
  await workbench.screenshot(`acted-rings-${isolated}`);

  await workbench.debugAction('continue');
  await workbench.terminalShows('Welcome to the acted guest!');
  await workbench.typeOnConsole('hello\n');
  await workbench.terminalShows(/> hello/);
  await workbench.screenshot(`acted-console-${isolated}`);
  expect(workbench.log.filter((line) => line.includes('Xenoscope bug'))).toEqual([]);
});
