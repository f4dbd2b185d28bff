import { describe, expect, test } from 'vitest';
import { grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

/** The same program for 32-bit PAE guests: int 0x82, L3 tables, compat layouts. */
describe('GRUB for Xen, 32 bit', () => {
  const config = (): string => configFile({ name: 'grub32', kernel: grub(32), memory: 64 });

  test('reaches its prompt and answers help, with the hypercalls of the real transcript', async (context) => {
    const file = orSkip(context, config);
    const words = ['--after', 'grub>', '--input', 'help\\n', '--until', 'multiboot', '--timeout', '120'];
    const outcome = await run(file, ...words, '--trace', 'hypercalls');
    expect(outcome.console).toContain('Welcome to GRUB!');
    expect(outcome.console).toContain('Minimal BASH-like line editing is supported');
    expect(outcome.report).toMatchObject({ exit: 'matched' });
    expect(outcome.status).toBe(0);
    expect(outcome.errors).not.toMatch(/= -E/);
    // traces/xen-4.17-hypercalls-per-guest.txt, grub32.
    const calls = new Set([...outcome.errors.matchAll(/ d1v0 (\w+\((?:[A-Z]+_\w+)?)/g)].map((match) => match[1]));
    expect([...calls].sort()).toEqual([
      'event_channel_op(EVTCHNOP_send',
      'grant_table_op(GNTTABOP_set_version',
      'grant_table_op(GNTTABOP_setup_table',
      'mmu_update(',
      'mmuext_op(',
      'sched_op(SCHEDOP_yield',
      'update_va_mapping(',
      'vm_assist(',
    ]);
    const extended = [...outcome.errors.matchAll(/cmd=(\w+)/g)].map((match) => match[1]);
    expect(extended).toEqual(['PIN_L3_TABLE', 'NEW_BASEPTR', 'UNPIN_TABLE']);
  });

  test('twice the same: instructions and memory', async (context) => {
    const file = orSkip(context, config);
    const once = await run(file, '--until', 'grub>', '--timeout', '120');
    const again = await run(file, '--until', 'grub>', '--timeout', '120');
    expect(once.report.exit).toBe('matched');
    expect(again.report.instructions).toBe(once.report.instructions);
    expect(again.report.memoryHash).toBe(once.report.memoryHash);
  });
});

/** GRUB 2.06 of Debian, unmodified: nobody of this project wrote it. */
describe('GRUB for Xen, 64 bit', () => {
  const config = (): string => configFile({ name: 'grub', kernel: grub(), memory: 64 });

  test('reaches its prompt and answers help', async (context) => {
    const file = orSkip(context, config);
    const words = ['--after', 'grub>', '--input', 'help\\n', '--until', 'multiboot', '--timeout', '120'];
    const outcome = await run(file, ...words);
    expect(outcome.errors).toBe('');
    expect(outcome.console).toContain('Welcome to GRUB!');
    expect(outcome.console).toContain('Minimal BASH-like line editing is supported');
    expect(outcome.report).toMatchObject({ exit: 'matched' });
    expect(outcome.status).toBe(0);
  });

  test('twice the same: instructions and memory', async (context) => {
    const file = orSkip(context, config);
    const once = await run(file, '--until', 'grub>', '--timeout', '120');
    const again = await run(file, '--until', 'grub>', '--timeout', '120');
    expect(once.report.exit).toBe('matched');
    expect(again.report.instructions).toBe(once.report.instructions);
    expect(again.report.memoryHash).toBe(once.report.memoryHash);
    expect(once.report.memoryHash).toMatch(/^[0-9a-f]{32}$/);
  });

  test('another seed scatters frames differently, and GRUB does not mind', async (context) => {
    const file = orSkip(context, config);
    const first = await run(file, '--until', 'grub>', '--timeout', '120');
    const other = await run(file, '--until', 'grub>', '--timeout', '120', '--seed', '99');
    expect(other.report.exit).toBe('matched');
    expect(other.report.memoryHash).not.toBe(first.report.memoryHash);
  });

  test('halt is a clean end; reboot begins anew', async (context) => {
    const file = orSkip(context, config);
    const script = ['--after', 'grub>', '--input', 'reboot\\n', '--after', 'grub>', '--input', 'halt\\n'];
    const outcome = await run(file, ...script, '--timeout', '120');
    expect(outcome.report).toMatchObject({ exit: 'shutdown' });
    expect(outcome.status).toBe(0);
    expect(outcome.console.match(/Welcome to GRUB!/g)).toHaveLength(2);
    expect(outcome.errors).toContain('restarted as domain 2');
  });

  test('a timeout ends with 3', async (context) => {
    const outcome = await run(orSkip(context, config), '--until', 'never printed', '--timeout', '2');
    expect(outcome.report.exit).toBe('timeout');
    expect(outcome.status).toBe(3);
  });
});
