import { describe, expect, test } from 'vitest';
import type { HypercallRow } from '../../emulator/xen/hypercall/row.ts';
import { HYPERCALL_ROWS } from '../../emulator/xen/hypercall/table.ts';
import { guestTests } from './hypercalls/tests.ts';

/** What test/guests/hypercalls has to hold, whether or not there is a compiler to run it. */

const TESTS = guestTests();

/** "EVTCHNOP_send" for each sub-operation; the hypercall's own name where there is none. */
function wanted({ name, prefix = '', suboperations, elementCommands }: HypercallRow): string[] {
  const commands = suboperations?.map((row) => row.name) ?? Object.values(elementCommands ?? {});
  return commands.length === 0 ? [name] : commands.map((command) => `${prefix}${command}`);
}

function folderOf({ name }: HypercallRow): string {
  return name.replaceAll('_', '-');
}

describe('a guest test for every hypercall', () => {
  test.each(HYPERCALL_ROWS.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const folder = folderOf(row);
    const tests = TESTS.filter(({ name }) => name === folder || name.startsWith(`${folder}/`));
    expect(tests.length, `test/guests/hypercalls/${folder} has no TEST("${folder}", …)`).toBeGreaterThan(0);
    for (const width of [64, 32] as const) {
      const cases = tests
        .filter(({ widths }) => widths.includes(width))
        .flatMap((guestTest) => guestTest.cases)
        .filter((one) => one.width === undefined || one.width === width);
      const names = new Set(cases.map(({ name }) => name));
      expect(wanted(row).filter((name) => !names.has(name))).toEqual([]);
    }
  });

  test('cases are named after what exists', () => {
    const known = new Set(HYPERCALL_ROWS.flatMap((row) => [row.name, ...wanted(row)]));
    expect(TESTS.flatMap(({ cases }) => cases.map(({ name }) => name)).filter((name) => !known.has(name))).toEqual([]);
  });

  test('a test is where its name says', () => {
    const folders = new Set(HYPERCALL_ROWS.map(folderOf));
    expect(TESTS.map(({ name }) => name.split('/')[0] as string).filter((folder) => !folders.has(folder))).toEqual([]);
    for (const { name, file } of TESTS) expect(file).toBe(name.includes('/') ? `${name}.c` : `${name}/test.c`);
  });
});
