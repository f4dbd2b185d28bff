/** Snapshots of whole machines: to the pieces of a file, and back into this machine or a new one. */
import type { PlainData } from '../../machine/plain-data.ts';
import { decodeSnapshot, encodeSnapshot, restoreRam, type SnapshotContents } from '../../machine/snapshot-file.ts';
import { type CreateMachine, emptyMachine, type Machine } from './machine-boot.ts';
import type { MachineIdentity } from './machine-identity.ts';
import type { MachineState } from './machine-state.ts';

export interface MachineSnapshot {
  /** What the machine was booted from. */
  readonly identity: MachineIdentity | undefined;
  readonly state: MachineState;
  readonly contents: SnapshotContents;
}

/** Pieces of a file, in order; good until the machine runs on. Only between runs. */
export function takeSnapshot(machine: Machine, identity?: MachineIdentity): readonly Uint8Array[] {
  const { frames, ram } = machine.hypervisor;
  const state = { identity, machine: machine.save() };
  return encodeSnapshot(state as unknown as PlainData, ram, (mfn) => frames.owner(mfn) !== undefined);
}

/** @throws UserError `snapshot.*` */
export function readSnapshot(bytes: Uint8Array): MachineSnapshot {
  const contents = decodeSnapshot(bytes);
  const { identity, machine } = contents.state as unknown as { identity?: MachineIdentity; machine: MachineState };
  return { identity, state: machine, contents };
}

/** Makes a machine what it was, whatever became of it since. */
export function restoreMachine(machine: Machine, { state, contents }: MachineSnapshot): void {
  machine.restore(state, () => restoreRam(machine.hypervisor.ram, contents));
}

/** The machine of a snapshot, in this process for the first time. @throws UserError when there is no memory for it */
export async function machineFromSnapshot(createMachine: CreateMachine, snapshot: MachineSnapshot): Promise<Machine> {
  const machine = await emptyMachine(createMachine, snapshot.state.frames, snapshot.state.seed);
  restoreMachine(machine, snapshot);
  return machine;
}
