import { describe, expect, test } from 'vitest';
import { run } from './xenoscope.ts';

const sample = 'media/sample/guest.cfg';
const line = (command: string): string[] => ['--after', 'sample> ', '--input', `${command}\\n`];

/** The bundled domain, from the ELF that is committed: no compiler needed. */
describe('the sample domain', () => {
  test('obeys its commands and powers off', async () => {
    const words = [
      ...line('info'),
      '--after',
      ' traps',
      '--input',
      'fault\\n',
      '--after',
      'lives',
      '--input',
      'refuse\\n',
    ];
    const outcome = await run(sample, ...words, '--after', 'say why', '--input', 'poweroff\\n', '--timeout', '60');
    expect(outcome.console).toContain('hello from a paravirtualised domain on xen-3.0-x86_64');
    expect(outcome.console).toContain('pages 16384, page tables 5 frames');
    expect(outcome.console).toMatch(/trap 14 at 0xffffffff80100[0-9a-f]{3}, address 0x10, error code 0x0/);
    expect(outcome.console).toContain('the load gave 14 (EFAULT), and the kernel lives');
    expect(outcome.console).toMatch(/Xen answered (16|22);/);
    expect(outcome.report).toMatchObject({ exit: 'shutdown' });
    expect(outcome.status).toBe(0);
  });

  test('a crash is status 4 with the reason', async () => {
    const outcome = await run(sample, ...line('crash'), '--timeout', '60');
    expect(outcome.console).toContain('address 0xdead000, error code 0x2');
    expect(outcome.report.exit).toBe('crash');
    expect(outcome.status).toBe(4);
  });
});
