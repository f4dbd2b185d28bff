import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { grub } from '../support/guests.ts';
import { orSkip } from '../support/skip.ts';
import { configFile, run } from './xenoscope.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-'));

function file(name: string, contents: Uint8Array | string): string {
  const whole = path.join(folder, name);
  writeFileSync(whole, contents);
  return whole;
}

describe('what cannot be booted ends with 2 and says why', () => {
  test('no such configuration, no such kernel', async () => {
    const missing = await run(path.join(folder, 'none.cfg'));
    expect(missing.status).toBe(2);
    expect(missing.errors).toMatch(/Cannot read .*none\.cfg: there is no such file/);
    const kernel = await run(configFile({ kernel: 'not-there' }));
    expect(kernel.status).toBe(2);
    expect(kernel.errors).toMatch(/Cannot read .*not-there: there is no such file/);
  });

  test('an error in the configuration, with its place', async () => {
    const outcome = await run(file('bad.cfg', 'kernel = "x"\nmemory = lots\n'));
    expect(outcome.status).toBe(2);
    expect(outcome.errors).toContain('bad.cfg:2:10: expected a "string", a number or a [list], found lots');
  });

  test('a text file as kernel', async () => {
    const outcome = await run(configFile({ kernel: file('text', 'just words\n') }));
    expect(outcome.status).toBe(2);
    expect(outcome.errors).toContain('neither an ELF file');
    expect(outcome.console).toBe('');
  });

  test('a truncated GRUB', async (context) => {
    const whole = readFileSync(orSkip(context, () => grub()));
    const outcome = await run(configFile({ kernel: file('cut', whole.subarray(0, 100_000)) }));
    expect(outcome.status).toBe(2);
    expect(outcome.errors).toMatch(/cut short/);
  });

  test('too little memory', async (context) => {
    const outcome = await run(configFile({ kernel: orSkip(context, () => grub()), memory: 4 }));
    expect(outcome.status).toBe(2);
    expect(outcome.errors).toMatch(/too little memory/);
  });
});

describe('a guest that goes wrong by itself', () => {
  test('crashes with 4, the reason, and where', async (context) => {
    const image = new Uint8Array(readFileSync(orSkip(context, () => grub())));
    // p_offset of the first program header: the code at the entry, address 0. UD2 there.
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    image.set([0x0f, 0x0b], Number(view.getBigUint64(64 + 8, true)));
    const outcome = await run(
      configFile({ name: 'broken', kernel: file('ud2', image), memory: 32 }),
      '--timeout',
      '20',
    );
    expect(outcome.status).toBe(4);
    expect(outcome.report).toMatchObject({ exit: 'crash', instructions: 1 });
    expect(outcome.report.reason).toBe('broken: #UD at 0x0: the guest has no handler for it');
    expect(outcome.errors).toContain('domain 1 (broken) crashed: #UD at 0x0');
  });
});
