import type { AbiVersion, Domain } from '../common/domain.ts';
import type { StructDefinition } from '../public/struct.ts';
import { NR_HYPERCALLS as NR_HYPERCALLS_1 } from '../public/xen-1.2/xen.ts';
import { MULTICALL_ENTRY as MULTICALL_ENTRY_2, NR_HYPERCALLS } from '../public/xen-2.0/xen.ts';
import { MULTICALL_ENTRY } from '../public/xen-4/xen.ts';
import type { HypercallRow } from './row.ts';
import { HYPERCALL_TABLE } from './table.ts';
import { HYPERCALL_TABLE_1 } from './xen-1/table.ts';
import { HYPERCALL_TABLE_2 } from './xen-2/table.ts';

/** What differs between the hypercalls of the interfaces as a whole; each has its own rows. */
export interface HypercallColumn {
  readonly table: readonly (HypercallRow | undefined)[];
  /** Bits of EAX that are the number. */
  readonly numberMask: number;
  /** Number of multicall, and its entries. */
  readonly multicall: number;
  readonly multicallEntry: StructDefinition<'op' | 'args'>;
}

export const HYPERCALL_COLUMNS: Readonly<Record<AbiVersion, HypercallColumn>> = {
  '4': { table: HYPERCALL_TABLE, numberMask: -1, multicall: 13, multicallEntry: MULTICALL_ENTRY },
  '2.0': {
    table: HYPERCALL_TABLE_2,
    numberMask: NR_HYPERCALLS - 1,
    multicall: 13,
    multicallEntry: MULTICALL_ENTRY_2,
  },
  '1.2': {
    table: HYPERCALL_TABLE_1,
    numberMask: NR_HYPERCALLS_1 - 1,
    multicall: 17,
    multicallEntry: MULTICALL_ENTRY_2,
  },
};

export function columnOf(domain: Domain): HypercallColumn {
  return HYPERCALL_COLUMNS[domain.abiVersion];
}

export function hypercallRow(domain: Domain, number: number): HypercallRow | undefined {
  return columnOf(domain).table[number];
}
