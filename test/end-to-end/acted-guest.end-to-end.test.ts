import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { bundles } from '../../extension/build/bundles.ts';
import { Unavailable } from '../support/debian.ts';
import { Workbench } from './workbench.ts';

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
  mkdirSync(path.join(folder, '.vscode'));
  const configuration = {
    type: 'xen',
    request: 'launch',
    name: 'Acted',
    kernel: '${workspaceFolder}/k',
    stopOnEntry: true,
  };
  const launch = JSON.stringify({ version: '0.2.0', configurations: [configuration] });
  writeFileSync(path.join(folder, '.vscode', 'launch.json'), launch);
  writeFileSync(path.join(folder, 'k'), 'not read by the acted machine');
}

test.for([false, true])('F5, console, rings and memory (cross-origin isolated: %s)', async (isolated, context) => {
  try {
    workbench = await Workbench.open(fill, { extension, isolated });
  } catch (error) {
    if (error instanceof Unavailable) context.skip(error.message);
    throw error;
  }
  const { page } = workbench;
  await workbench.startDebugging();
  await workbench.screenshot(`acted-entry-${isolated}`);
  await page.locator('.debug-toolbar .codicon-debug-continue').click();
  await workbench.terminalShows('Welcome to the acted guest!');
  await workbench.screenshot(`acted-running-${isolated}`);
  expect(workbench.log.filter((line) => line.includes('Xenoscope bug'))).toEqual([]);
});
