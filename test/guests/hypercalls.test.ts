import { describe, expect, test } from 'vitest';
import type { HypercallRow } from '../../emulator/xen/hypercall/row.ts';
import { folderOf, rowsOf } from './hypercalls/rows.ts';
import { SUITES } from './hypercalls/suites.ts';
import { guestTests } from './hypercalls/tests.ts';

/** What test/guests/hypercalls and hypercalls-2.0 have to hold, whether or not there is a compiler to run it. */

/** "EVTCHNOP_send" for each sub-operation; the hypercall's own name where there is none, or one answer for all. */
function wanted({ name, prefix = '', suboperations, elementCommands, run }: HypercallRow): string[] {
  const rows = run === undefined ? suboperations : undefined;
  const commands = rows?.map((row) => row.name) ?? Object.values(elementCommands ?? {});
  return commands.length === 0 ? [name] : commands.map((command) => `${prefix}${command}`);
}

describe.each(SUITES)('a guest test for every hypercall of Xen $abi', (suite) => {
  const rows = rowsOf(suite);
  const tests = guestTests(suite);

  test.each(rows.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const folder = folderOf(row);
    const about = tests.filter(({ name }) => name === folder || name.startsWith(`${folder}/`));
    expect(about.length, `${suite.folder}/${folder} has no TEST("${folder}", …)`).toBeGreaterThan(0);
    for (const width of suite.widths) {
      const cases = about
        .filter(({ widths }) => widths.includes(width))
        .flatMap((guestTest) => guestTest.cases)
        .filter((one) => one.width === undefined || one.width === width);
      const names = new Set(cases.map(({ name }) => name));
      expect(wanted(row).filter((name) => !names.has(name))).toEqual([]);
    }
  });

  test('cases are named after what exists', () => {
    const known = new Set(rows.flatMap((row) => [row.name, ...wanted(row), ...wanted({ ...row, run: undefined })]));
    expect(tests.flatMap(({ cases }) => cases.map(({ name }) => name)).filter((name) => !known.has(name))).toEqual([]);
  });

  test('a test is where its name says', () => {
    const folders = new Set(rows.map(folderOf));
    expect(tests.map(({ name }) => name.split('/')[0] as string).filter((folder) => !folders.has(folder))).toEqual([]);
    for (const { name, file } of tests) expect(file).toBe(name.includes('/') ? `${name}.c` : `${name}/test.c`);
  });
});
