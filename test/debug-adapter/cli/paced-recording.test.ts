import { expect, test } from 'vitest';
import { MachineRunner } from '../../../debug-adapter/cli/machine-runner.ts';
import { nodeScheduler } from '../../../emulator/host/node/scheduler.ts';
import { InputLogWriter, readInputLog } from '../../../emulator/machine/input-log.ts';
import type { ReplayOutcome } from '../../../emulator/machine/input-point.ts';
import type { Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import { bootGuest, sampleGuest } from '../../emulator/xen/toolstack/booted.ts';

/** On a terminal guest time follows the wall: what is typed comes at moments that nobody can foresee. */

function runner(machine: Machine, pace: 'wall' | 'free'): MachineRunner {
  return new MachineRunner({ machine, scheduler: nodeScheduler, pace, deadline: undefined });
}

const end = (machine: Machine) => ({ ...machine.statistics(), hash: machine.memoryHash() });

test('a session that was typed in wall time replays to the same end, as fast as it goes', async () => {
  const machine = await bootGuest(sampleGuest());
  const pieces: Uint8Array[] = [];
  const head = { identity: 'sample', instructions: 0, time: 0, hash: machine.memoryHash(), disks: [] };
  const sink = { append: (bytes: Uint8Array): void => void pieces.push(bytes) };
  machine.input.record(new InputLogWriter(sink, head));
  const live = runner(machine, 'wall');
  const running = live.run();
  for (const line of ['info\n', 'fault\n', 'in', 'fo\n', 'poweroff\n']) {
    await new Promise((resolve) => setTimeout(resolve, 30 + 17 * line.length));
    live.interrupt();
    machine.sendConsole(1, Buffer.from(line));
  }
  expect(await running).toBe('ended');
  machine.input.finishRecording();

  const log = readInputLog(new Uint8Array(Buffer.concat(pieces)));
  expect(log.entries.map(({ kind }) => kind)).toEqual([...Array<string>(5).fill('console'), 'end']);
  // The guest slept between them, and its clock went on.
  expect(log.entries[4]!.time - log.entries[4]!.instructions).toBeGreaterThan(1e6);

  const again = await bootGuest(sampleGuest());
  let outcome: ReplayOutcome | undefined;
  again.input.replay(log, (how) => {
    outcome = how;
  });
  expect(await runner(again, 'free').run()).toBe('ended');
  again.input.finishReplay();
  expect(outcome).toEqual({ kind: 'finished', complete: true });
  expect(end(again)).toEqual(end(machine));
  machine.dispose();
  again.dispose();
});
