/** `xenoscope run`: loads, boots, connects the console, runs, reports. */
import { DisposableStore } from '../../emulator/base/disposable.ts';
import type { OpenDisk } from '../../emulator/base/disk-store.ts';
import type { Scheduler } from '../../emulator/base/scheduler.ts';
import { type LoadedDomain, loadDomainFile, type ReadFile } from '../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type CreateMachine, type Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { RunOptions } from './arguments.ts';
import { ConsoleScript } from './console-script.ts';
import { MachineRunner } from './machine-runner.ts';
import { exitStatus, isCrash, makeReport } from './report.ts';
import type { Terminal } from './terminal.ts';
import { traceTo } from './trace-printer.ts';

export interface RunHost {
  readonly readFile: ReadFile;
  readonly openDisk: OpenDisk;
  readonly createMachine: CreateMachine;
  readonly scheduler: Scheduler;
  readonly terminal: Terminal;
}

const LAST_REFUSALS = 3;
const NEWLINE = 0x0a;

/** Answers the exit status. @throws UserError for bad files; the caller says so and exits with 2 */
export async function run(options: RunOptions, host: RunHost): Promise<number> {
  const { scheduler, terminal } = host;
  const started = scheduler.now();
  if (options.engine === 'translator') terminal.log('xenoscope: there is no translator yet; using the interpreter');
  const machine = await boot(options, host);
  const disposables = new DisposableStore();
  disposables.add(machine);
  disposables.add(
    machine.onNotice(({ domain, text }) => terminal.log(`xenoscope: domain ${domain.domid} (${domain.name}): ${text}`)),
  );
  disposables.add(traceTo(machine, options.trace, (line) => terminal.log(line)));

  const free = options.json || options.until !== undefined || !terminal.interactive;
  const deadline = options.timeout === undefined ? undefined : started + options.timeout * 1000;
  const runner = new MachineRunner({ machine, scheduler, pace: free ? 'free' : 'wall', deadline });
  const first = machine.domains[0]!;
  const script = new ConsoleScript(options.until, options.script, (bytes) => first.console.sendInput(bytes));
  let lastByte = NEWLINE;
  disposables.add(
    machine.onConsole(({ domain, bytes }) => {
      if (domain !== first.domain) return;
      terminal.write(bytes);
      lastByte = bytes.at(-1) ?? lastByte;
      if (script.onOutput(bytes)) runner.stop();
    }),
  );
  if (terminal.interactive) terminal.log(`xenoscope: console of ${first.config.name}; Ctrl-] leaves`);
  const input = disposables.add(
    terminal.listen(
      (bytes) => {
        first.console.sendInput(bytes);
        runner.interrupt();
      },
      () => runner.stop(),
    ),
  );

  const runStarted = scheduler.now();
  const cause = await runner.run();
  const report = makeReport(machine, cause, script.matched, (scheduler.now() - runStarted) / 1000);
  input.dispose();
  if (lastByte !== NEWLINE) terminal.write('\n');
  logEnds(machine, terminal);
  if (options.json) terminal.write(`${JSON.stringify(report)}\n`);
  disposables.dispose();
  return exitStatus(report);
}

async function boot(options: RunOptions, host: RunHost): Promise<Machine> {
  const domains: LoadedDomain[] = [];
  for (const file of options.files) {
    const domain = await loadDomainFile(host.readFile, file, undefined);
    for (const warning of domain.warnings) host.terminal.log(`xenoscope: ${warning}`);
    domains.push(domain);
  }
  const { createMachine, openDisk } = host;
  return bootDomains({ domains, createMachine, openDisk, seed: options.seed });
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
