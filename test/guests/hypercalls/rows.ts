/** The hypervisor's tables, as the tests of a suite see them. */
import type { HypercallRow } from '../../../emulator/xen/hypercall/row.ts';
import { HYPERCALL_ROWS } from '../../../emulator/xen/hypercall/table.ts';
import { HYPERCALL_ROWS_1 } from '../../../emulator/xen/hypercall/xen-1/table.ts';
import { HYPERCALL_ROWS_2 } from '../../../emulator/xen/hypercall/xen-2/table.ts';
import type { Suite } from './suites.ts';

const ROWS: Readonly<Record<Suite['abi'], readonly HypercallRow[]>> = {
  '4': HYPERCALL_ROWS,
  '2.0': HYPERCALL_ROWS_2,
  '1.2': HYPERCALL_ROWS_1,
};

export function rowsOf({ abi }: Suite): readonly HypercallRow[] {
  return ROWS[abi];
}

/** The folder of a row's tests. */
export function folderOf({ name }: HypercallRow): string {
  return name.replaceAll('_', '-');
}

/** The row that a test is about. */
export function rowOf(suite: Suite, test: string): HypercallRow | undefined {
  return rowsOf(suite).find((row) => test.split('/')[0] === folderOf(row));
}
