/** The process that is killed: takes a machine out of a snapshot, with a disk of its own, and lets it write records. */
import { readFileSync, writeSync } from 'node:fs';
import { openDisk } from '../../../emulator/host/node/file-disk.ts';
import { createMachine } from '../../../emulator/xen/toolstack/create-machine.ts';
import { machineFromSnapshot, readSnapshot } from '../../../emulator/xen/toolstack/machine-snapshot.ts';

const [snapshot = '', image = ''] = process.argv.slice(2);
// An array of its own: `slice` of Node's buffers makes no copy.
const bytes = new Uint8Array(readFileSync(snapshot));
const machine = await machineFromSnapshot(createMachine, readSnapshot(bytes), (_path, _folder, how) =>
  openDisk(image, undefined, how),
);
// Straight into the pipe: what the guest has printed is out before its next instruction.
machine.onConsole(({ bytes }) => writeSync(1, bytes));
machine.sendConsole(1, Buffer.from('sh /records.sh\n'));
for (;;) if (machine.run(1_000_000).kind === 'idle') machine.skipToNextDeadline();
