/** Recordings and snapshots of `xenoscope run`: what files say, and whether they belong to this machine. */
import type { DiskBlocks } from '../../emulator/base/disk-layers.ts';
import { UserError } from '../../emulator/base/user-error.ts';
import { defineDebugInputs } from '../../emulator/debug/inputs.ts';
import type { DiskJournal } from '../../emulator/machine/disk-journal.ts';
import { type ByteSink, type InputLog, InputLogWriter, readInputLog } from '../../emulator/machine/input-log.ts';
import type { ReplayOutcome } from '../../emulator/machine/input-point.ts';
import { copyPlain } from '../../emulator/machine/plain-data.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import { identityDifferences, type MachineIdentity } from '../../emulator/xen/toolstack/machine-identity.ts';
import { type MachineSnapshot, readSnapshot, takeSnapshot } from '../../emulator/xen/toolstack/machine-snapshot.ts';
import type { SnapshotRequest } from './arguments.ts';
import type { Mark } from './machine-runner.ts';

/** Files that are written; made real by the host. Errors are UserErrors that name the file. */
export interface OutputFiles {
  /** Creates the file; every piece is on its way to the disk when `append` returns. */
  create(path: string): { append(bytes: Uint8Array): void; close(): void };
  /** All or nothing: a file of that name is whole, whenever the process dies. */
  write(path: string, pieces: readonly Uint8Array[]): void;
}

type ReadFile = (path: string, relativeTo: string | undefined) => Promise<Uint8Array>;

export interface SnapshotFile {
  readonly path: string;
  readonly snapshot: MachineSnapshot;
  readonly oldBlocks: readonly DiskBlocks[];
}

export interface RecordingFile {
  readonly path: string;
  readonly log: InputLog;
}

/** @throws UserError `recording.*`, `file.*` */
export async function readRecording(readFile: ReadFile, path: string): Promise<RecordingFile> {
  return { path, log: await named(path, async () => readInputLog(await readFile(path, undefined))) };
}

/** @throws UserError `snapshot.*`, `file.*` */
export async function readSnapshotFile(readFile: ReadFile, path: string): Promise<SnapshotFile> {
  const snapshot = await named(path, async () => readSnapshot(await readFile(path, undefined)));
  if (!snapshot.state.disks.some(({ config }) => !config.readOnly)) return { path, snapshot, oldBlocks: [] };
  const beside = await readRecording(readFile, oldBlocksFile(path));
  return { path, snapshot, oldBlocks: beside.log.oldBlocks };
}

/** What has been overwritten on the disks since a snapshot was taken. */
const oldBlocksFile = (path: string): string => `${path}.disks`;

/** Refuses disks that are not what they were. */
export function checkDisks(
  what: 'recording' | 'snapshot',
  path: string,
  old: readonly string[],
  now: readonly string[],
): void {
  const index = Array.from(old).findIndex((contents, disk) => contents !== now[disk]);
  if (index < 0 && old.length === now.length) return;
  throw new UserError(
    `${what}.other-disk`,
    index < 0
      ? `${path} is of a machine with ${old.length} disks, and this one has ${now.length}.`
      : `${path}: disk ${index + 1} has been changed by somebody else since (it contained ${old[index]}).`,
    'Put the image back as this file knows it, from a copy.',
  );
}

/** Refuses a file that was made by another machine, and says how that differs. */
export function checkIdentity(
  what: 'recording' | 'snapshot',
  path: string,
  old: MachineIdentity | undefined,
  now: MachineIdentity,
): void {
  const differences = old === undefined ? ['it does not say what it was made of'] : identityDifferences(old, now);
  if (differences.length === 0) return;
  throw new UserError(
    `${what}.other-machine`,
    `${path} is a ${what} of another machine: ${differences.join('; ')}.`,
    'Give the configuration, images and seed that it was made with.',
  );
}

/** From now on all input goes to the file. Answers what ends the recording. */
export function startRecording(
  machine: Machine,
  identity: MachineIdentity,
  journal: DiskJournal,
  files: OutputFiles,
  path: string,
): () => void {
  const file = files.create(path);
  const writer = newLog(machine, identity, journal, file);
  machine.input.record(writer);
  return () => {
    machine.input.finishRecording();
    file.close();
  };
}

/** A log that begins here: the disks' old contents go into it as they are overwritten. */
function newLog(machine: Machine, identity: MachineIdentity, journal: DiskJournal, sink: ByteSink): InputLogWriter {
  let writer: InputLogWriter | undefined;
  const disks = journal.begin((disk, block, old) => writer?.oldBlock(disk, block, old));
  const { instructions } = machine.clock;
  const [time, hash] = [machine.clock.now(), machine.memoryHash()];
  writer = new InputLogWriter(sink, { identity: copyPlain(identity), instructions, time, hash, disks });
  return writer;
}

/**
 * From now on the recording's input enters, and no other.
 * @throws UserError when it began somewhere else, or a disk that it plugs in cannot be opened
 */
export async function startReplay(
  machine: Machine,
  { path, log }: RecordingFile,
  onReplayed: (outcome: ReplayOutcome) => void,
): Promise<void> {
  const { instructions, hash } = log.head;
  if (instructions !== machine.clock.instructions || hash !== machine.memoryHash()) {
    const here = machine.clock.instructions;
    throw new UserError(
      'recording.other-start',
      `${path} begins at instruction ${instructions}${instructions === here ? ', but in another state' : `, this run at ${here}`}.`,
      instructions > 0 ? 'Give --restore with the snapshot that the recording began with.' : 'Leave --restore away.',
    );
  }
  // A recording may come from a debug session.
  defineDebugInputs(machine);
  await machine.offerPlugged(log);
  machine.input.replay(log, onReplayed);
}

/** Marks at which the runner is to write snapshots. @throws UserError when the machine is past one already */
export function snapshotMarks(
  machine: Machine,
  identity: MachineIdentity,
  journal: DiskJournal,
  requests: readonly SnapshotRequest[],
  files: OutputFiles,
  log: (line: string) => void,
): readonly Mark[] {
  return requests.map(({ instructions, file }) => {
    if (instructions < machine.clock.instructions) {
      throw new UserError(
        'snapshot.past',
        `--snapshot-at ${instructions}: the machine begins at instruction ${machine.clock.instructions}.`,
        'Name a later one.',
      );
    }
    const reached = (): void => {
      if (journal.anyWritable) newLog(machine, identity, journal, files.create(oldBlocksFile(file)));
      files.write(file, takeSnapshot(machine, identity, journal.contents()));
      log(`xenoscope: snapshot at instruction ${machine.clock.instructions}: ${file}`);
    };
    return { instructions, reached };
  });
}

/** Problems of a file's contents name the file. */
async function named<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError && !error.id.startsWith('file.')) {
      throw new UserError(error.id, `${path}: ${error.message}`, error.hint);
    }
    throw error;
  }
}
