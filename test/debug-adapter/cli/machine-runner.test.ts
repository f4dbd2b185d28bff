import { expect, test } from 'vitest';
import { MachineRunner } from '../../../debug-adapter/cli/machine-runner.ts';
import type { Scheduler } from '../../../emulator/base/scheduler.ts';
import type { RunResult } from '../../../emulator/xen/common/hypervisor.ts';
import type { Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';

/** Time that passes only when somebody waits. */
function fakeScheduler() {
  let now = 0;
  const waits: number[] = [];
  const scheduler: Scheduler = {
    now: () => now,
    soon: (callback) => void setImmediate(callback),
    later(callback, milliseconds) {
      let live = true;
      waits.push(milliseconds);
      setImmediate(() => {
        if (!live) return;
        now += milliseconds;
        callback();
      });
      return { dispose: () => (live = false) };
    },
  };
  return { scheduler, waits };
}

/** A machine that answers `run` from a list, then with "ended". */
function fakeMachine(results: readonly RunResult['kind'][], deadline: number | undefined) {
  let virtual = 0;
  const skips: number[] = [];
  let ran = 0;
  const domain = { alive: true };
  const machine = {
    domains: [{ domain }],
    run: () => {
      const kind = results[ran++];
      if (kind === undefined) domain.alive = false;
      return kind === 'idle' ? { kind, deadline } : { kind: kind ?? 'ended' };
    },
    clock: {
      now: () => virtual,
      skipTo: (time: number) => {
        virtual = Math.max(virtual, time);
      },
    },
    skipToNextDeadline: () => {
      skips.push(deadline ?? -1);
      virtual = deadline ?? virtual;
      return deadline !== undefined;
    },
    hypervisor: { requestStop: () => {} },
  } as unknown as Machine;
  return { machine, skips, virtual: () => virtual, runs: () => ran };
}

test('runs until every domain has ended', async () => {
  const { machine, runs } = fakeMachine(['budget', 'budget'], undefined);
  const { scheduler } = fakeScheduler();
  expect(await new MachineRunner({ machine, scheduler, pace: 'free', deadline: undefined }).run()).toBe('ended');
  expect(runs()).toBe(3);
});

test('free: idle time is skipped without waiting', async () => {
  const { machine, skips } = fakeMachine(['idle', 'idle'], 5_000_000_000);
  const { scheduler, waits } = fakeScheduler();
  await new MachineRunner({ machine, scheduler, pace: 'free', deadline: undefined }).run();
  expect(skips).toEqual([5_000_000_000, 5_000_000_000]);
  expect(waits).toEqual([]);
});

test('paced: five virtual seconds of idleness take five on the wall', async () => {
  const { machine, skips } = fakeMachine(['idle'], 5_000_000_000);
  const { scheduler, waits } = fakeScheduler();
  await new MachineRunner({ machine, scheduler, pace: 'wall', deadline: undefined }).run();
  expect(waits).toEqual([5000]);
  expect(skips).toEqual([5_000_000_000]);
});

test('the deadline ends a machine that waits for nothing, and its time has not moved', async () => {
  const { machine, virtual } = fakeMachine(['idle', 'idle', 'idle'], undefined);
  const { scheduler } = fakeScheduler();
  expect(await new MachineRunner({ machine, scheduler, pace: 'free', deadline: 3000 }).run()).toBe('timeout');
  expect(virtual()).toBe(0);
});

test('a stop from a listener ends the run', async () => {
  const { machine } = fakeMachine(['budget', 'budget', 'budget', 'budget'], undefined);
  const { scheduler } = fakeScheduler();
  const runner = new MachineRunner({ machine, scheduler, pace: 'free', deadline: undefined });
  const running = runner.run();
  runner.stop();
  expect(await running).toBe('stopped');
});

test('a domain that ends is attended to while the machine stands still; one that came back runs on', async () => {
  const { machine, runs } = fakeMachine(['ended', 'budget'], undefined);
  const { scheduler } = fakeScheduler();
  const attended: number[] = [];
  const onEnded = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    attended.push(runs());
  };
  const runner = new MachineRunner({ machine, scheduler, pace: 'free', deadline: undefined, onEnded });
  expect(await runner.run()).toBe('ended');
  expect(attended).toEqual([1, 3]);
});

test('a stop and the deadline count while a domain is attended to', async () => {
  for (const how of ['stopped', 'timeout'] as const) {
    const { machine } = fakeMachine(['ended', 'budget', 'budget', 'budget'], undefined);
    const { scheduler } = fakeScheduler();
    const onEnded = async (): Promise<void> => {
      if (how === 'stopped') runner.stop();
      else await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const deadline = how === 'timeout' ? 1 : undefined;
    const runner: MachineRunner = new MachineRunner({ machine, scheduler, pace: 'free', deadline, onEnded });
    expect(await runner.run()).toBe(how);
  }
});

test('what fails while a domain is attended to is not swallowed', async () => {
  const { machine } = fakeMachine(['ended'], undefined);
  const { scheduler } = fakeScheduler();
  const onEnded = (): Promise<void> => Promise.reject(new Error('no disk'));
  const runner = new MachineRunner({ machine, scheduler, pace: 'free', deadline: undefined, onEnded });
  await expect(runner.run()).rejects.toThrow('no disk');
});
