import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DebugTarget, StopEvent } from '../../../emulator/debug/target.ts';
import type { TargetOptions } from '../../../emulator/debug/target-options.ts';
import { readFile } from '../../../emulator/host/node/files.ts';
import { bootInWorker } from '../../../emulator/worker/client.ts';
import { spawnWorker } from '../../../emulator/worker/node/spawn-worker.ts';
import { grub } from '../../support/guests.ts';

let script: string;

beforeAll(async () => {
  script = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-')), 'machine-worker.cjs');
  await build({
    entryPoints: ['emulator/worker/node/machine-worker.ts'],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  });
});

function options(kernel: string, disks: readonly string[] = [], folder?: string): TargetOptions {
  const inline = { kind: 'inline', name: 'grub', kernel, ramdisk: undefined, cmdline: '', memory: 64 } as const;
  return {
    domains: [{ ...inline, vcpus: undefined, disks, vifs: [], abi: undefined }],
    folder,
    pace: 'free',
    trace: ['hypercalls'],
    seed: undefined,
  };
}

describe('a machine in a worker', () => {
  let target: DebugTarget;
  let text = '';
  const traced: string[] = [];
  beforeAll(async () => {
    target = await bootInWorker(spawnWorker(script), options(grub()), readFile);
    target.onConsole(({ bytes }) => {
      text += new TextDecoder().decode(bytes);
    });
    target.onTrace((line) => traced.push(line.text));
  });
  afterAll(() => target.dispose());

  const stopAfter = (start: () => Promise<unknown>): Promise<StopEvent> =>
    new Promise((resolve, reject) => {
      const listener = target.onStopped((event) => {
        listener.dispose();
        resolve(event);
      });
      start().catch(reject);
    });

  it('stops at a hypercall, with everything to look at', async () => {
    const verdicts = await target.setHypercallBreakpoints([{ id: 'send', name: 'event_channel_op.send' }]);
    expect(verdicts).toEqual([{ verified: true, message: '' }]);
    const stop = await stopAfter(() => target.resume());
    expect(stop).toMatchObject({ reason: 'hypercall', breakpoints: ['send'] });
    expect(await target.currentHypercall(stop.vcpu)).toMatchObject({ name: 'event_channel_op', suboperation: 'send' });
    expect(await target.readMemory('virtual', stop.rip, 2)).toEqual(Uint8Array.of(0x0f, 0x05));
    expect((await target.registers(stop.vcpu)).general.rip).toBe(stop.rip);
    expect(traced.length).toBeGreaterThan(0);
  });

  it('reaches the prompt while this thread stays free, and pauses within 50 ms', async () => {
    await target.setHypercallBreakpoints([]);
    await target.resume();
    let longest = 0;
    for (let last = performance.now(), until = last + 60_000; !text.includes('grub>') && last < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    expect(text).toContain('grub>');
    expect(longest).toBeLessThan(200);
    // The fastest of a few: the machine under the test may be busy with something else.
    let fastest = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 5; turn++) {
      const asked = performance.now();
      expect(await stopAfter(() => target.pause())).toMatchObject({ reason: 'pause' });
      fastest = Math.min(fastest, performance.now() - asked);
      await target.resume();
    }
    expect(fastest).toBeLessThan(50);
  });

  it('is gone after terminate', async () => {
    await target.terminate();
    await expect(target.threads()).rejects.toThrow('terminated');
  });
});

it('disks are opened in the worker, relative to the folder, and their rings can be looked at', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-'));
  writeFileSync(path.join(folder, 'x.img'), new Uint8Array(1 << 20));
  const target = await bootInWorker(spawnWorker(script), options(grub(), ['x.img,,xvdb'], folder), readFile);
  let text = '';
  const prompt = new Promise<void>((resolve) => {
    target.onConsole(({ bytes }) => {
      text += new TextDecoder().decode(bytes);
      if (text.includes('grub>')) resolve();
    });
  });
  await target.resume();
  await prompt;
  const ring = (await target.rings(1)).find(({ name }) => name.startsWith('vbd'));
  expect(ring).toMatchObject({ name: 'vbd 51728 blkif', unit: 'entries' });
  // GRUB looks for file systems on every disk that it finds.
  expect(ring?.directions[0]?.messages[0]?.summary).toMatch(/^READ \d segments? at sector \d+$/);
  target.dispose();
  const missing = bootInWorker(spawnWorker(script), options(grub(), ['y.img,,xvdb'], folder), readFile);
  await expect(missing).rejects.toMatchObject({ name: 'UserError', id: 'file.unreadable' });
});

it('a file that cannot be read is a user’s error, through the worker and back', async () => {
  const booting = bootInWorker(spawnWorker(script), options('/no/such/kernel'), readFile);
  await expect(booting).rejects.toMatchObject({ name: 'UserError', id: 'file.unreadable' });
});

it('a worker that dies fails what was asked of it', async () => {
  const worker = spawnWorker(script);
  const booting = bootInWorker(worker, options(grub()), () => new Promise(() => {}));
  worker.dispose();
  await expect(booting).rejects.toThrow('exit code');
});
