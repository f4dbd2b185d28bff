import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { openOrSkip, type Workbench } from './workbench.ts';

let workbench: Workbench | undefined;

afterEach(async () => {
  await workbench?.close();
  workbench = undefined;
});

test.for([false, true])(
  'F5 on a folder with GRUB and no launch.json (cross-origin isolated: %s)',
  async (isolated, context) => {
    const image = orSkip(context, () => grub());
    const fill = (folder: string): void => copyFileSync(image, path.join(folder, path.basename(image)));
    workbench = await openOrSkip(context, fill, { isolated });
    await workbench.startDebugging();
    await workbench.terminalShows('GNU GRUB');
    await workbench.terminalShows('grub>');
    await workbench.screenshot(`grub-prompt-${isolated}`);

    await workbench.typeOnConsole('echo typed in a terminal\n');
    const text = await workbench.terminalShows(/\ntyped in a terminal/);
    expect(text).toContain('grub> echo typed in a terminal');

    await workbench.debugAction('pause');
    await workbench.page.locator('.tab', { hasText: 'Disassembly' }).waitFor();
    await workbench.screenshot(`grub-paused-${isolated}`);
    expect(workbench.log.filter((line) => line.includes('Xenoscope bug'))).toEqual([]);
  },
);
