import { describe, expect, test } from 'vitest';
import { gnumach } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

/**
 * GNU Mach 1.8 without modules. It writes to a page table that it has mapped read-only, panics without a console, and
 * passes sched_op_compat(SCHEDOP_shutdown) the *address* of its reason, of which Xen takes the low byte. Of the 32-bit
 * image that is 128, as on real Xen 4.17; the 64-bit one has its reason in a word that is 4 modulo 8.
 */
describe.each([
  { width: 64, reason: 252 },
  { width: 32, reason: 128 },
] as const)('GNU Mach, $width bit', ({ width, reason }) => {
  test('makes the hypercalls that it makes on real Xen, prints nothing and ends', async (context) => {
    const file = orSkip(context, () => configFile({ name: 'mach', kernel: gnumach(width), memory: 64 }));
    const outcome = await run(file, '--trace', 'hypercalls', '--timeout', '60');
    expect(outcome.console).toBe('');
    expect(outcome.report).toMatchObject({
      exit: 'shutdown',
      reason: `mach: the guest shut down with reason ${reason}`,
    });
    expect(outcome.status).toBe(0);
    const calls = outcome.errors.split('\n').map((line) => / d1v0 (\w+)\((\w+)?/.exec(line));
    const names = new Set(calls.map((match) => (match?.[2]?.startsWith('XENMEM') ? match[2] : match?.[1])));
    names.delete(undefined);
    // traces/xen-4.17-hypercalls-per-guest.txt, mach64 and mach32: the same list.
    expect([...names].sort()).toEqual(
      [
        'XENMEM_decrease_reservation',
        'mmu_update',
        'mmuext_op',
        'sched_op_compat',
        'set_callbacks',
        'set_gdt',
        'set_trap_table',
        'stack_switch',
        'update_descriptor',
        'update_va_mapping',
        'vm_assist',
      ].sort(),
    );
    const extended = new Set([...outcome.errors.matchAll(/cmd=(\w+)/g)].map((match) => match[1]));
    expect([...extended].sort()).toEqual(['NEW_BASEPTR', 'PIN_L1_TABLE', 'SET_LDT', 'UNPIN_TABLE']);
  });
});
