import { describe, expect, it } from 'vitest';
import { machineCatalogue, xen4Catalogue } from '../../../emulator/debug/hypercall-catalogue.ts';
import type { DecodedArgument, HypercallRecord } from '../../../emulator/xen/common/trace.ts';

const catalogue = xen4Catalogue();

describe('names', () => {
  // Numbers of public/xen.h.
  it.each([
    ['mmu_update', [{ number: 1 }]],
    ['29', [{ number: 29 }]],
    ['0x1d', [{ number: 29 }]],
    ['__HYPERVISOR_set_trap_table', [{ number: 0 }]],
    ['sched_op.shutdown', [{ number: 29, suboperation: 2 }]],
    ['sched_op.SCHEDOP_shutdown', [{ number: 29, suboperation: 2 }]],
    ['sched_op.2', [{ number: 29, suboperation: 2 }]],
    ['mmuext_op.PIN_L4_TABLE', [{ number: 26, suboperation: 3 }]],
    ['event_channel_op.EVTCHNOP_send', [{ number: 32, suboperation: 4 }]],
    ['memory_op.XENMEM_memory_map', [{ number: 12, suboperation: 9 }]],
  ])('%s', (name, armed) => {
    expect(catalogue.resolve(name)).toMatchObject({ verdict: { verified: true, message: '' }, armed });
  });

  it('arms all with *', () => {
    expect(catalogue.resolve('*').armed).toHaveLength(catalogue.names().length);
  });

  it.each([
    ['mmu_updtae', 'There is no hypercall "mmu_updtae"; did you mean mmu_update?'],
    ['99', 'There is no hypercall "99".'],
    ['quite_something', 'There is no hypercall "quite_something".'],
    ['sched_op.shutdwon', 'sched_op has no sub-operation "shutdwon"; did you mean shutdown?'],
    ['mmu_update.x', 'The hypercall mmu_update has no sub-operations.'],
    ['*.x', '"*" has no sub-operations.'],
  ])('explains %s', (name, message) => {
    expect(catalogue.resolve(name)).toMatchObject({ verdict: { verified: false, message }, armed: [] });
  });
});

describe('matches', () => {
  const leaf = (name: string, value: string, children: readonly DecodedArgument[] = []): DecodedArgument => ({
    name,
    value,
    children,
  });
  const call = (
    number: number,
    name: string,
    suboperation?: string,
    list: readonly DecodedArgument[] = [],
  ): HypercallRecord => ({ number, name, suboperation, arguments: list }) as unknown as HypercallRecord;
  const meant = (name: string, record: HypercallRecord): boolean => catalogue.resolve(name).matches(record);

  it('tells sub-operations apart', () => {
    expect(meant('sched_op', call(29, 'sched_op', 'block'))).toBe(true);
    expect(meant('sched_op.block', call(29, 'sched_op', 'block'))).toBe(true);
    expect(meant('sched_op.poll', call(29, 'sched_op', 'block'))).toBe(false);
  });

  it('finds a call inside a multicall', () => {
    const entry = (op: number, first: string): DecodedArgument =>
      leaf('[0]', '', [leaf('op', String(op)), leaf('result', '0x0'), leaf('args', '', [leaf('[0]', first)])]);
    const multicall = call(13, 'multicall', undefined, [
      leaf('call_list', '0x1000', [entry(1, '0xffff880000001000'), entry(29, '0x1')]),
    ]);
    expect(meant('mmu_update', multicall)).toBe(true);
    expect(meant('sched_op.block', multicall)).toBe(true);
    expect(meant('sched_op.shutdown', multicall)).toBe(false);
    expect(meant('multicall', multicall)).toBe(true);
    expect(meant('iret', multicall)).toBe(false);
  });
});

describe('older interfaces', () => {
  it('names mean the numbers of the interface of the domains', () => {
    const old = machineCatalogue(['2.0']);
    expect(old.resolve('set_gdt').armed).toEqual([{ number: 2, abi: '2.0' }]);
    expect(old.resolve('SCHEDOP_block').verdict.verified).toBe(false);
    expect(old.resolve('sched_op.SCHEDOP_block').armed).toEqual([{ number: 6, suboperation: 1, abi: '2.0' }]);
    expect(old.resolve('mmu_update.NEW_BASEPTR').armed).toEqual([{ number: 1, suboperation: 5, abi: '2.0' }]);
    expect(old.resolve('mmuext_op').verdict.message).toMatch(/There is no hypercall "mmuext_op"/);
  });

  it('with domains of both, a name means the call in each that has it', () => {
    const both = machineCatalogue(['4', '2.0', '4']);
    expect(both.resolve('multicall').armed).toEqual([{ number: 13 }, { number: 13, abi: '2.0' }]);
    expect(both.resolve('fpu_taskswitch').armed).toEqual([{ number: 5 }, { number: 5, abi: '2.0' }]);
    expect(both.resolve('dom_mem_op').armed).toEqual([{ number: 12, abi: '2.0' }]);
    expect(both.names().filter(({ name }) => name === 'mmu_update')).toHaveLength(1);
  });
});
