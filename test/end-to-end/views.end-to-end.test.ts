import { cpSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { seriousViolations } from './axe.ts';
import { openOrSkip, type Workbench } from './workbench.ts';

let workbench: Workbench | undefined;

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await workbench?.screenshot('failure-views');
  await workbench?.close();
  workbench = undefined;
});

/** A small 64-bit domain of Xen 4, whose every value is known. */
function fill(folder: string): void {
  cpSync('test/guests/minimal', folder, { recursive: true });
  const config = '$' + '{workspaceFolder}/guest.cfg';
  const configurations = [{ type: 'xen', request: 'launch', name: 'Minimal', config }];
  writeFileSync(path.join(folder, '.vscode', 'launch.json'), JSON.stringify({ version: '0.2.0', configurations }));
}

const row = (frame: Frame, text: string | RegExp) => frame.locator('.rows [role="row"]', { hasText: text }).first();
const cell = async (frame: Frame, text: string | RegExp, column: string): Promise<string> =>
  (await row(frame, text).locator(`[data-column="${column}"]`).textContent()) ?? '';

/** A little-endian word as the memory view shows it, at the address that it was opened with. */
async function wordInMemoryView(page: Workbench): Promise<string> {
  const memory = await page.webview('Xen Memory');
  await memory.locator('td[data-offset="7"]').waitFor();
  const bytes: string[] = [];
  for (let offset = 7; offset >= 0; offset--) {
    bytes.push((await memory.locator(`td[data-offset="${offset}"]`).textContent()) ?? '');
  }
  return `0x${bytes.join('').replace(/^0+(?=.)/, '')}`;
}

test('views of what Xen knows, on the sample: values, links, keys, themes', { timeout: 400_000 }, async (context) => {
  const opened = await openOrSkip(context, fill);
  workbench = opened;
  const { page } = opened;
  await opened.startDebugging();
  await opened.terminalShows('sample>');
  await opened.debugAction('pause');
  await page.locator('.debug-toolbar .codicon-debug-continue').waitFor();
  await opened.command('View: Hide Panel');
  const views = new Map<string, Frame>();
  const tab = (title: string): string => (title === 'Xenstore' ? title : `Xen ${title}`);
  const open = async (title: string, filled = true): Promise<Frame> => {
    await opened.command(`Xen: Open ${title}`);
    const frame = await opened.webview(tab(title));
    await frame
      .locator(filled ? '.rows [data-index]' : '.rows')
      .first()
      .waitFor();
    views.set(title, frame);
    return frame;
  };

  const tables = await open('Page Tables');
  await tables.locator('#address').fill('rsp');
  await tables.locator('#address').press('Enter');
  await row(tables, /^.?L1 /).waitFor();
  const walk = await tables.locator('#walk li').allTextContents();
  expect(walk.map((line) => line.slice(0, 2))).toEqual(['L4', 'L3', 'L2', 'L1']);
  const entry = tables.locator('[aria-selected="true"]').first();
  const value = (await entry.locator('[data-column="value"]').textContent()) ?? '';
  expect(walk[3]).toContain(value);
  await tables.locator('#details h2', { hasText: 'Mapped by' }).waitFor();
  // A writable mapping of a page table is what Xen must refuse, and it says why.
  const root = /0x[0-9a-f]+(?=[0-9a-f]{3} )/.exec(walk[0] ?? '')?.[0];
  await tables.locator('[aria-label="Proposed entry"]').fill(`${root}067`);
  await tables.locator('[aria-label="Proposed entry"]').press('Enter');
  await tables
    .locator('#answer.refused', { hasText: /EBUSY: writable L1 entry .* is in use as l3_page_table/ })
    .waitFor();
  await opened.screenshot('view-page-tables');
  await tables.locator('#details button.link', { hasText: /^0x/ }).first().click();
  expect(await wordInMemoryView(opened)).toBe(value);
  // By keys alone: to the parent, close it, open it.
  await tables.locator('.rows').focus();
  await page.keyboard.press('ArrowLeft');
  await tables.locator('[aria-selected="true"][aria-expanded="true"]').waitFor();
  await page.keyboard.press('ArrowLeft');
  await tables.locator('[aria-selected="true"][aria-expanded="false"]').waitFor();
  await page.keyboard.press('ArrowRight');
  await tables.locator('[aria-selected="true"][aria-expanded="true"]').waitFor();

  const channels = await open('Event Channels');
  expect(await cell(channels, /interdomain/, 'peer')).toBe('the host');
  expect(await cell(channels, /virq/, 'peer')).toBe('VIRQ_TIMER');
  await opened.screenshot('view-event-channels');

  const grants = await open('Grant Tables');
  expect(await cell(grants, /^0/, 'domain')).toBe('the host');
  await row(grants, /^0/).click();
  await grants.locator('.side h2', { hasText: 'Mapped' }).waitFor();
  await opened.screenshot('view-grants');

  const hypercalls = await open('Hypercalls', false);
  await opened.debugAction('continue');
  await opened.typeOnConsole('refuse\n');
  await opened.terminalShows('Xen answered');
  await opened.debugAction('pause');
  await page.locator('.debug-toolbar .codicon-debug-continue').waitFor();
  await opened.command('View: Hide Panel');
  await opened.command('Xen: Open Hypercalls');
  await hypercalls.locator('#filter').fill('update_va_mapping');
  const refused = row(hypercalls, 'update_va_mapping');
  expect(await refused.locator('[data-column="result"]').textContent()).toMatch(/^-E(BUSY|INVAL)$/);
  await refused.click();
  await hypercalls.locator('.side .refused', { hasText: /is in use as l4_page_table/ }).waitFor();
  await opened.screenshot('view-hypercalls');
  await hypercalls.locator('.rows').press('Enter');
  await page.locator('.tab.active', { hasText: /\.(c|h|S)/ }).waitFor();

  const state = await open('Domain State');
  await state.locator('#filter').fill('nr_pages');
  expect(await cell(state, /^.?nr_pages/, 'value')).toBe('16384');
  await state.locator('#filter').fill('');
  await opened.screenshot('view-domain-state');

  const store = await open('Xenstore');
  // /local and /local/domain are open; domain 1 is the second in it.
  await row(store, /^.?1/).click();
  await page.keyboard.press('ArrowRight');
  await row(store, /^.?name/).click();
  await store.locator('.side h2', { hasText: '/local/domain/1/name' }).waitFor();
  await store.locator('[aria-label="Value"]').fill('renamed');
  await store.locator('[aria-label="Value"]').press('Enter');
  await store.locator('[aria-label^="History"] [data-column="path"]', { hasText: '/local/domain/1/name' }).waitFor();
  await expect.poll(() => cell(store, /^.?name/, 'value')).toBe('renamed');
  await opened.screenshot('view-xenstore');

  const problems: string[] = [];
  for (const highContrast of [false, true]) {
    for (const scheme of ['dark', 'light'] as const) {
      const theme = await opened.colours(scheme, highContrast);
      for (const [title, frame] of views) {
        await page
          .locator('.tab', { hasText: tab(title) })
          .first()
          .click();
        await frame.locator(`body.${theme}`).waitFor();
        for (const problem of await seriousViolations(frame)) problems.push(`${title} in ${theme}: ${problem}`);
      }
      await opened.screenshot(`view-${theme}`);
    }
  }
  expect(problems).toEqual([]);
  expect(opened.log.filter((line) => line.includes('Xenoscope bug'))).toEqual([]);
});
