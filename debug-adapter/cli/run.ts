/** `xenoscope run`: loads, boots, connects the console, runs, reports. */

import type { OpenDisk } from '../../emulator/base/disk-store.ts';
import { DisposableStore } from '../../emulator/base/disposable.ts';
import type { Scheduler } from '../../emulator/base/scheduler.ts';
import { DiskJournal, DisksOfThePast } from '../../emulator/machine/disk-journal.ts';
import type { ReplayOutcome } from '../../emulator/machine/input-point.ts';
import { type Domain, isCrash } from '../../emulator/xen/common/domain.ts';
import { handleDomainDeath } from '../../emulator/xen/toolstack/domain-death.ts';
import { type LoadedDomain, loadDomainFile, type ReadFile } from '../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type CreateMachine, type Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import { identityOf, type MachineIdentity } from '../../emulator/xen/toolstack/machine-identity.ts';
import { machineFromSnapshot } from '../../emulator/xen/toolstack/machine-snapshot.ts';
import type { RunOptions } from './arguments.ts';
import { captureTo } from './capture.ts';
import { Consoles } from './consoles.ts';
import { MachineRunner } from './machine-runner.ts';
import { exitStatus, makeReport } from './report.ts';
import {
  checkDisks,
  checkIdentity,
  type OutputFiles,
  type RecordingFile,
  readRecording,
  readSnapshotFile,
  snapshotMarks,
  startRecording,
  startReplay,
} from './session-files.ts';
import type { Terminal } from './terminal.ts';
import { traceTo } from './trace-printer.ts';

export interface RunHost {
  readonly readFile: ReadFile;
  readonly files: OutputFiles;
  readonly openDisk: OpenDisk;
  readonly createMachine: CreateMachine;
  readonly scheduler: Scheduler;
  readonly terminal: Terminal;
}

const LAST_REFUSALS = 3;

/** Answers the exit status. @throws UserError for bad files; the caller says so and exits with 2 */
export async function run(options: RunOptions, host: RunHost): Promise<number> {
  const { scheduler, terminal } = host;
  const started = scheduler.now();
  const recording = options.replay === undefined ? undefined : await readRecording(host.readFile, options.replay);
  const { machine, identity, journal } = await start(options, host, recording);
  const disposables = new DisposableStore();
  disposables.add(machine);
  disposables.add(
    machine.onNotice(({ domain, text }) => terminal.log(`xenoscope: domain ${domain.domid} (${domain.name}): ${text}`)),
  );
  disposables.add(traceTo(machine, options.trace, (line) => terminal.log(line)));

  const free = options.json || options.until !== undefined || recording !== undefined || !terminal.interactive;
  const deadline = options.timeout === undefined ? undefined : started + options.timeout * 1000;
  const marks = snapshotMarks(machine, identity, journal, options.snapshots, host.files, (line) => terminal.log(line));
  const pace = free ? 'free' : 'wall';
  const onEnded = (domain: Domain): Promise<void> => attendDeath(machine, domain, terminal);
  const runner = new MachineRunner({ machine, scheduler, pace, deadline, marks, onEnded });
  const consoles = disposables.add(new Consoles(machine, terminal, options, () => runner.stop()));
  if (options.pcap !== undefined) disposables.add(captureTo(machine, host.files, options.pcap));
  if (terminal.interactive) terminal.log(`xenoscope: console of ${consoles.foreground}; Ctrl-] leaves`);
  const input = disposables.add(
    terminal.listen(
      (bytes) => {
        runner.interrupt();
        consoles.type(bytes);
      },
      () => runner.stop(),
    ),
  );
  let outcome: ReplayOutcome | undefined;
  if (recording !== undefined) {
    await startReplay(machine, recording, (how) => {
      outcome = how;
      runner.stop();
    });
  }
  const endRecording =
    options.record === undefined ? undefined : startRecording(machine, identity, journal, host.files, options.record);

  const from = machine.clock.instructions;
  const runStarted = scheduler.now();
  const cause = await runner.run();
  const seconds = (scheduler.now() - runStarted) / 1000;
  endRecording?.();
  machine.input.finishReplay();
  for (const { instructions } of runner.missedMarks) {
    terminal.log(
      `xenoscope: no snapshot at ${instructions}: the run ended at instruction ${machine.clock.instructions}`,
    );
  }
  const report = makeReport(machine, { cause, matched: consoles.script.matched, outcome, from, seconds });
  if (report.exit === 'diverged' || report.exit === 'replayed') terminal.log(`xenoscope: ${report.reason}`);
  input.dispose();
  consoles.flush();
  logEnds(machine, terminal);
  if (options.json) terminal.write(`${JSON.stringify(report)}\n`);
  disposables.dispose();
  return exitStatus(report);
}

interface Started {
  readonly machine: Machine;
  readonly identity: MachineIdentity;
  readonly journal: DiskJournal;
}

/** Boots the domains, or takes the machine out of a snapshot. */
async function start(options: RunOptions, host: RunHost, recording: RecordingFile | undefined): Promise<Started> {
  const domains: LoadedDomain[] = [];
  for (const file of options.files) {
    const domain = await loadDomainFile(host.readFile, file, undefined);
    for (const warning of domain.warnings) host.terminal.log(`xenoscope: ${warning}`);
    domains.push(domain);
  }
  const { createMachine } = host;
  const { seed, restore } = options;
  const identity = identityOf(domains, seed);
  const file = restore === undefined ? undefined : await readSnapshotFile(host.readFile, restore);
  if (file !== undefined && domains.length > 0) checkIdentity('snapshot', file.path, file.snapshot.identity, identity);
  const origin = file?.snapshot.identity ?? identity;
  if (recording !== undefined) checkIdentity('recording', recording.path, recording.log.head.identity as never, origin);
  // What a replay or a restored machine writes on its disks stays in memory.
  const old = file?.oldBlocks ?? recording?.log.oldBlocks;
  const past = old === undefined ? undefined : new DisksOfThePast(host.openDisk, old);
  const keeps = options.record !== undefined || options.snapshots.length > 0;
  const journal = new DiskJournal(past?.open ?? host.openDisk);
  const openDisk = keeps ? journal.open : (past?.open ?? host.openDisk);
  if (file === undefined) {
    const machine = await bootDomains({ domains, createMachine, openDisk, seed });
    if (past !== undefined && recording !== undefined)
      checkDisks('recording', recording.path, recording.log.head.disks, past.contents());
    return { machine, identity: origin, journal };
  }
  const machine = await machineFromSnapshot(createMachine, file.snapshot, openDisk);
  for (const [index, booted] of machine.domains.entries()) {
    const loaded = domains[index];
    if (loaded !== undefined) machine.keepSource(booted, loaded);
  }
  const contents = past?.contents() ?? [];
  checkDisks('snapshot', file.path, file.snapshot.disks, contents);
  if (recording !== undefined) checkDisks('recording', recording.path, recording.log.head.disks, contents);
  if (past?.anyDisk === true) {
    host.terminal.log(
      'xenoscope: disks of a restored machine keep what is written in memory; their files stay as they are',
    );
  }
  return { machine, identity: origin, journal };
}

/** Carries out what the configuration says about the domain's end. What becomes of it is said unless it is the last. */
async function attendDeath(machine: Machine, domain: Domain, terminal: Terminal): Promise<void> {
  const outcome = await handleDomainDeath(machine, domain);
  const who = `xenoscope: domain ${domain.domid} (${domain.name})`;
  if (outcome.kind === 'restarted') {
    terminal.log(`${who}: ${domain.shutdown?.reason}; restarted as domain ${outcome.booted.domain.domid}`);
  } else if (outcome.kind === 'kept' && outcome.reason !== undefined) terminal.log(`${who}: ${outcome.reason}`);
}

/** How each domain ended; after a crash also what Xen refused it last, which often is the cause. */
function logEnds(machine: Machine, terminal: Terminal): void {
  for (const { domain } of machine.domains) {
    const { shutdown } = domain;
    if (shutdown === undefined) continue;
    const crashed = isCrash(shutdown);
    terminal.log(
      `xenoscope: domain ${domain.domid} (${domain.name}) ${crashed ? 'crashed' : 'ended'}: ${shutdown.reason}`,
    );
    if (!crashed) continue;
    for (const { what, reason } of domain.refusals.slice(-LAST_REFUSALS)) terminal.log(`  refused: ${what}: ${reason}`);
  }
}
