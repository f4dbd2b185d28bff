import { existsSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { configFile, run } from './xenoscope.ts';

/** Two sample domains from two configurations, through the command line. */

const PROMPT = 'sample> ';

function sample(name: string, settings: Readonly<Record<string, string | readonly string[]>> = {}): string {
  return configFile({ name, kernel: path.resolve('test/guests/minimal/guest.elf'), memory: 8, ...settings });
}

const linesOf = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}: `));

describe('consoles', () => {
  test('of all domains, line by line with their names; texts and input for each', async () => {
    const outcome = await run(
      ...[sample('alpha'), sample('beta')],
      ...['--after', `beta:${PROMPT}`, '--input', 'info\\n'],
      ...['--after', 'beta:console mfn', '--input', 'alpha:poweroff\\n'],
      ...['--until', `alpha:poweroff`, '--timeout', '60'],
    );
    expect(outcome.report.exit).toBe('matched');
    expect(linesOf(outcome.console, 'alpha')[0]).toMatch(/^alpha: Xenoscope sample: hello from/);
    expect(linesOf(outcome.console, 'beta')[0]).toMatch(/^beta: Xenoscope sample: hello from/);
    expect(linesOf(outcome.console, 'beta').join('\n')).toContain('beta: sample> info');
    expect(linesOf(outcome.console, 'alpha').join('\n')).not.toContain('info');
    expect(outcome.console.split('\n').every((line) => /^(alpha|beta): /.test(line))).toBe(true);
  });

  test('of one domain alone, as it comes', async () => {
    const files = [sample('alpha'), sample('beta')];
    const outcome = await run(...files, '--console', 'beta', '--until', PROMPT, '--timeout', '60');
    expect(outcome.report.exit).toBe('matched');
    expect(outcome.console).toMatch(/^Xenoscope sample: hello from/);
    expect(outcome.console.match(/hello from/g)).toHaveLength(1);
  });

  test('a name that no domain has is a mistake', async () => {
    const outcome = await run(sample('alpha'), '--console', 'gamma');
    expect(outcome.status).toBe(2);
    expect(outcome.errors).toContain('--console names gamma, and the domains are alpha');
  });
});

test('one that powers off leaves the other running; the report is of both', async () => {
  const outcome = await run(
    ...[sample('alpha'), sample('beta')],
    ...['--after', `alpha:${PROMPT}`, '--input', 'info\\n', '--after', PROMPT, '--input', 'beta:poweroff\\n'],
    ...['--after', 'beta:poweroff', '--input', 'alpha:info\\n', '--after', PROMPT, '--input', 'poweroff\\n'],
    ...['--timeout', '60'],
  );
  expect(outcome.report).toMatchObject({ exit: 'shutdown' });
  expect(outcome.status).toBe(0);
  expect(outcome.errors).toContain('domain 1 (alpha) ended');
  expect(outcome.errors).toContain('domain 2 (beta) ended');
});

test('what xl would ask of a domain, and why not', async () => {
  const outcome = await run(
    ...[sample('alpha'), sample('beta')],
    ...['--after', 'beta:hello', '--control', 'mem-set 9', '--after', 'beta:from', '--control', 'alpha:checkpoint'],
    ...['--after', `beta:${PROMPT}`, '--input', 'info\\n', '--until', 'beta:console mfn', '--timeout', '60'],
  );
  expect(outcome.report.exit).toBe('matched');
  expect(outcome.errors).toContain('(beta): mem-set: a domain of 8 MB can have 1 to 8 MB, not 9');
  expect(outcome.errors).toContain('(alpha): checkpoint: the kernel of domain 1 does not know a cancelled suspend');
});

test('on_crash = "restart" builds a domain anew while another runs', async () => {
  const outcome = await run(
    ...[sample('alpha'), sample('beta', { on_crash: 'restart' })],
    ...['--after', `beta:${PROMPT}`, '--input', 'crash\\n'],
    ...['--after', `beta:${PROMPT}`, '--input', 'info\\n'],
    ...['--until', 'beta:console mfn', '--timeout', '60'],
  );
  expect(outcome.report.exit).toBe('matched');
  expect(outcome.errors).toMatch(/domain 2 \(beta\): .*; restarted as domain 3/);
  expect(outcome.console.match(/beta: Xenoscope sample: hello/g)).toHaveLength(2);
});

test('two runs of two domains are one', async () => {
  const words = [sample('alpha', { vif: [''] }), sample('beta', { vif: [''] })];
  const script = ['--after', `beta:${PROMPT}`, '--input', 'info\\n', '--until', 'beta:console mfn', '--timeout', '60'];
  const pcap = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'net.pcapng');
  const once = await run(...words, ...script, '--pcap', pcap);
  const again = await run(...words, ...script);
  expect(again.report.memoryHash).toBe(once.report.memoryHash);
  expect(again.report.instructions).toBe(once.report.instructions);
  // Nobody has sent anything: the section's head is all.
  expect(existsSync(pcap) && statSync(pcap).size).toBe(48);
});
