import { expect, test } from 'vitest';
import { startReplay } from '../../../../debug-adapter/cli/session-files.ts';
import type { OpenDisk } from '../../../../emulator/base/disk-store.ts';
import { UserError } from '../../../../emulator/base/user-error.ts';
import { MemoryDisk } from '../../../../emulator/host/browser/memory-disk.ts';
import { InputLogWriter, readInputLog } from '../../../../emulator/machine/input-log.ts';
import type { ReplayOutcome } from '../../../../emulator/machine/input-point.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { loadedGuest, runTo, sampleGuest } from './booted.ts';

/** Images of 8 sectors by their name, and which of them are open. */
function host(): { readonly open: string[]; readonly openDisk: OpenDisk } {
  const open: string[] = [];
  return {
    open,
    openDisk: async (path, folder, { readOnly }) => {
      if (path === 'missing.img') throw new UserError('file.missing', 'There is no missing.img.');
      open.push(`${folder}/${path}`);
      const disk = new MemoryDisk(new Uint8Array(4096), readOnly, path);
      disk.close = () => void open.splice(open.indexOf(`${folder}/${path}`), 1);
      return disk;
    },
  };
}

async function boot(openDisk: OpenDisk, disks: readonly string[] = [], memory = 8): Promise<Machine> {
  const { config, ...rest } = loadedGuest(sampleGuest());
  return bootDomains({
    domains: [{ ...rest, folder: '/a', config: { ...config, disks, memory } }],
    createMachine,
    openDisk,
  });
}

test.each([
  ['a device of that name is there', ['a.img,,xvda', 'b.img,,xvda', 'c.img,,xvdb'], 8],
  ['the domain cannot be built', ['a.img,,xvda', 'b.img,,xvdb'], 0],
  ['an image is missing', ['a.img,,xvda', 'missing.img,,xvdb'], 8],
])('a boot that fails leaves no image open: %s', async (_, disks, memory) => {
  const { open, openDisk } = host();
  await expect(boot(openDisk, disks, memory)).rejects.toThrow(UserError);
  expect(open).toEqual([]);
});

test('disks that were plugged in while it ran are plugged in when it is replayed', async () => {
  const live = host();
  const machine = await boot(live.openDisk);
  const pieces: Uint8Array[] = [];
  const head = { identity: 'sample', instructions: 0, time: 0, hash: machine.memoryHash(), disks: [] };
  machine.input.record(new InputLogWriter({ append: (bytes) => void pieces.push(bytes) }, head));
  const turns: (() => unknown)[] = [
    () => machine.plugDisk(1, 'b.img,,xvdb', '/b'),
    () => machine.plugDisk(1, 'c.img,,xvdb', '/b'),
    () => machine.unplugDisk(1, 'xvdb', true),
    // Under the same text, from another folder.
    () => machine.plugDisk(1, 'b.img,,xvdb', '/elsewhere'),
  ];
  for (const turn of turns) {
    runTo(machine, machine.clock.instructions + 2_000);
    await turn();
  }
  runTo(machine, machine.clock.instructions + 2_000);
  machine.input.finishRecording();
  expect(live.open).toEqual(['/elsewhere/b.img']);

  const { open, openDisk } = host();
  const again = await boot(openDisk);
  let outcome: ReplayOutcome | undefined;
  const log = readInputLog(new Uint8Array(Buffer.concat(pieces)));
  await startReplay(again, { path: 'x.log', log }, (how) => {
    outcome = how;
  });
  runTo(again, machine.clock.instructions);
  again.input.finishReplay();
  expect(outcome).toEqual({ kind: 'finished', complete: true });
  expect(again.memoryHash()).toBe(machine.memoryHash());
  expect(again.devices(1)).toEqual(machine.devices(1));
  expect(open).toEqual(['/elsewhere/b.img']);
  again.dispose();
  expect(open).toEqual([]);
  machine.dispose();
});
