import { expect, test } from 'vitest';
import type { DebugTarget } from '../../../emulator/debug/target.ts';
import type { TargetOptions } from '../../../emulator/debug/target-options.ts';
import { EarlyBoot } from '../../../extension/host/early-boot.ts';

function setUp({ fails = false } = {}) {
  const built: { options: TargetOptions; disposed: boolean }[] = [];
  const boot = new EarlyBoot((options) => {
    const record = { options, disposed: false };
    built.push(record);
    const target = { dispose: () => (record.disposed = true) } as unknown as DebugTarget;
    return fails ? Promise.reject(new Error('no such kernel')) : Promise.resolve(target);
  });
  return { boot, built };
}

const OPTIONS: TargetOptions = {
  domains: [{ kind: 'file', path: 'guest.cfg' }],
  folder: 'file:///workspace',
  pace: 'wall',
  trace: [],
  seed: undefined,
};
const CONFIGURATION = { type: 'xen', request: 'launch', config: 'guest.cfg', cwd: 'file:///workspace' };

test('launch gets the machine that was begun before it, and a restart a new one', async () => {
  const { boot, built } = setUp();
  boot.start(CONFIGURATION);
  expect(built).toHaveLength(1);
  const first = await boot.createTarget(OPTIONS);
  expect(built).toHaveLength(1);
  expect(await boot.createTarget(OPTIONS)).not.toBe(first);
  expect(built).toHaveLength(2);
  boot.dispose();
  expect(built.map(({ disposed }) => disposed)).toEqual([false, false]);
});

test('a launch of something else does not get it, and it is let go', async () => {
  const { boot, built } = setUp();
  boot.start(CONFIGURATION);
  await boot.createTarget({ ...OPTIONS, seed: 7 });
  expect(built.map(({ options, disposed }) => [options.seed, disposed])).toEqual([
    [undefined, true],
    [7, false],
  ]);
});

test('a machine that nobody came for is let go', async () => {
  const { boot, built } = setUp();
  boot.start(CONFIGURATION);
  boot.dispose();
  await Promise.resolve();
  expect(built[0]?.disposed).toBe(true);
});

test('a configuration that makes no sense starts nothing, and a boot that fails is told by launch', async () => {
  const wrong = setUp();
  wrong.boot.start({ ...CONFIGURATION, pace: 'slow' });
  expect(wrong.built).toHaveLength(0);
  const { boot } = setUp({ fails: true });
  boot.start(CONFIGURATION);
  await expect(boot.createTarget(OPTIONS)).rejects.toThrow('no such kernel');
});
