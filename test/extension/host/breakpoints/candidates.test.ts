import { expect, test } from 'vitest';
import { candidatesFor, parseAddress } from '../../../../extension/host/breakpoints/candidates.ts';

const names = {
  events: [],
  hypercalls: [
    { name: 'mmu_update', number: 1, suboperations: [], documentation: 'Updates page tables.' },
    { name: 'sched_op', number: 29, suboperations: ['yield', 'shutdown'], documentation: 'Scheduling.' },
  ],
  symbols: [{ name: 'start_kernel', address: '0xffffffff81000000', kind: 'function' }],
};
const offered = (typed: string): readonly string[] => candidatesFor(typed, names).map(({ name }) => name);

test('everything is offered before anything is typed', () => {
  expect(offered('')).toEqual([
    'hypercall:mmu_update',
    'hypercall:sched_op',
    'hypercall:sched_op.yield',
    'hypercall:sched_op.shutdown',
    'start_kernel',
  ]);
});

test('what starts with the text comes before what contains it, and the text itself comes last', () => {
  expect(offered('hypercall:sched_op.s')).toEqual(['hypercall:sched_op.shutdown', 'hypercall:sched_op.s']);
  expect(offered('up')).toEqual(['hypercall:mmu_update', 'start_kernel', 'up']);
  expect(offered('start_kernel')).toEqual(['start_kernel']);
});

test('an address is offered as an instruction breakpoint', () => {
  expect(offered('0xFFFFFFFF81000000')[0]).toBe('*0xffffffff81000000');
  expect(parseAddress('* 0x10')).toBe('0x10');
  expect(['10', '0x', 'x10', '*main'].map(parseAddress)).toEqual([undefined, undefined, undefined, undefined]);
});
