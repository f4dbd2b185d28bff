import { describe, expect, test } from 'vitest';
import { grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

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

  test('halt is a clean end; reboot, too', async (context) => {
    const file = orSkip(context, config);
    const outcome = await run(file, '--after', 'grub>', '--input', 'halt\\n', '--timeout', '120');
    expect(outcome.report).toMatchObject({ exit: 'shutdown' });
    expect(outcome.status).toBe(0);
  });

  test('a timeout ends with 3', async (context) => {
    const outcome = await run(orSkip(context, config), '--until', 'never printed', '--timeout', '2');
    expect(outcome.report.exit).toBe('timeout');
    expect(outcome.status).toBe(3);
  });
});
