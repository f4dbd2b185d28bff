/** Snapshots of whole machines: to the pieces of a file, and back into this machine or a new one. */
import type { OpenDisk } from '../../base/disk-store.ts';
import { UserError } from '../../base/user-error.ts';
import { type PlainData, StateMismatch } from '../../machine/plain-data.ts';
import { decodeSnapshot, encodeSnapshot, restoreRam, type SnapshotContents } from '../../machine/snapshot-file.ts';
import { noDisksHere } from './block-devices.ts';
import { type CreateMachine, emptyMachine, type Machine } from './machine-boot.ts';
import type { MachineIdentity } from './machine-identity.ts';
import type { MachineState } from './machine-state.ts';

export interface MachineSnapshot {
  /** What the machine was booted from. */
  readonly identity: MachineIdentity | undefined;
  /** What its disks contained, in the order they were opened (machine/disk-journal.ts). */
  readonly disks: readonly string[];
  readonly state: MachineState;
  readonly contents: SnapshotContents;
}

/** Whatever else differs between versions is found by the classes that restore themselves. */
const PARTS: readonly (keyof MachineState)[] = [
  'frames',
  'seed',
  'random',
  'hypervisor',
  'store',
  'disks',
  'networks',
  'xenbus',
  'control',
  'domains',
];

interface SavedState {
  readonly identity: MachineIdentity | undefined;
  readonly disks: readonly string[];
  readonly machine: MachineState;
}

/** Pieces of a file, in order; good until the machine runs on. Only between runs. */
export function takeSnapshot(
  machine: Machine,
  identity?: MachineIdentity,
  disks: readonly string[] = [],
): readonly Uint8Array[] {
  const { frames, ram } = machine.hypervisor;
  const state = { identity, disks, machine: machine.save() };
  return encodeSnapshot(state as unknown as PlainData, ram, (mfn) => frames.owner(mfn) !== undefined);
}

/** @throws UserError `snapshot.*` */
export function readSnapshot(bytes: Uint8Array): MachineSnapshot {
  const contents = decodeSnapshot(bytes);
  const { identity, disks, machine } = contents.state as unknown as SavedState;
  const strange = PARTS.find((part) => machine?.[part] === undefined);
  if (strange !== undefined || !Array.isArray(disks)) throw otherBuild(`it has no ${strange ?? 'list of disks'}`);
  return { identity, disks, state: machine, contents };
}

/**
 * Makes a machine what it was, whatever became of it since.
 * @throws UserError when it has a disk that may have been written since: disks are not in a snapshot
 */
export function restoreMachine(machine: Machine, { state, contents }: MachineSnapshot): void {
  const disk = state.disks.find(({ config }) => !config.readOnly);
  if (disk !== undefined) throw cannotRewindDisk(disk.config.vdev);
  putBack(machine, state, contents);
}

function putBack(machine: Machine, state: MachineState, contents: SnapshotContents): void {
  try {
    machine.restore(state, () => restoreRam(machine.hypervisor.ram, contents));
  } catch (error) {
    if (error instanceof StateMismatch) throw otherBuild(error.message);
    throw error;
  }
}

/**
 * The machine of a snapshot, in this process for the first time. Its disks are opened by `openDisk`, which sees to it
 * that they are as they were. @throws UserError when there is no memory for it, or a disk cannot be opened
 */
export async function machineFromSnapshot(
  createMachine: CreateMachine,
  { state, contents }: MachineSnapshot,
  openDisk?: OpenDisk,
): Promise<Machine> {
  const machine = await emptyMachine(createMachine, state.frames, state.seed);
  machine.openDisk = openDisk;
  try {
    for (const saved of state.disks) {
      const { config, folder } = saved;
      if (openDisk === undefined) throw noDisksHere(config.target);
      const store = await openDisk(config.target, folder, { readOnly: config.readOnly });
      machine.disks.expect(saved, { config, folder, store });
    }
    putBack(machine, state, contents);
  } catch (error) {
    machine.dispose();
    throw error;
  }
  return machine;
}

function otherBuild(difference: string): UserError {
  return new UserError(
    'snapshot.build',
    `The snapshot was taken by another Xenoscope: ${difference}.`,
    'Restore it with the Xenoscope that took it, or take it again.',
  );
}

function cannotRewindDisk(vdev: string): UserError {
  return new UserError(
    'snapshot.disk',
    `This machine cannot be put back: its disk ${vdev} may have been written since.`,
    'Boot without writable disks, or restore the snapshot in a new process.',
  );
}
