/** The `xenoscope` command. */
import { readFileSync } from 'node:fs';
import { UserError } from '../../emulator/base/user-error.ts';
import { bootTarget, type TargetPorts } from '../../emulator/debug/boot-target.ts';
import { openDisk } from '../../emulator/host/node/file-disk.ts';
import { locateFile, readFile } from '../../emulator/host/node/files.ts';
import { createFile, writeWholeFile } from '../../emulator/host/node/output-files.ts';
import { nodeScheduler } from '../../emulator/host/node/scheduler.ts';
import { createMachine, machineMaker } from '../../emulator/xen/toolstack/create-machine.ts';
import type { SessionHost } from '../session/host.ts';
import { parseArguments } from './arguments.ts';
import { serveStreams, serveTcp } from './dap.ts';
import { runUnderGdb } from './gdb.ts';
import { helpText } from './help.ts';
import { EXIT_BAD_INPUT } from './report.ts';
import { run } from './run.ts';
import { processTerminal } from './terminal.ts';

const targetPorts: TargetPorts = { readFile, openDisk, scheduler: nodeScheduler, createMachine };

const log = (line: string): void => void process.stderr.write(`${line}\n`);

/** Answers the exit status, or undefined while something is still being served. */
async function main(words: readonly string[]): Promise<number | undefined> {
  const command = parseArguments(words);
  switch (command.kind) {
    case 'help':
      process.stdout.write(helpText());
      return 0;
    case 'version':
      process.stdout.write(`xenoscope ${version()}\n`);
      return 0;
    case 'run':
      if (command.options.gdb !== undefined) {
        const host = { ports: targetPorts, terminal: processTerminal() };
        return runUnderGdb(command.options, command.options.gdb, host);
      }
      return run(command.options, {
        ...{ readFile, openDisk, createMachine: machineMaker(command.options.engine) },
        files: { create: createFile, write: writeWholeFile },
        scheduler: nodeScheduler,
        terminal: processTerminal(),
      });
    case 'dap': {
      const host = sessionHost();
      if (command.port === undefined) {
        return serveStreams(host, { input: process.stdin, output: process.stdout, log });
      }
      await serveTcp(host, command.port, log);
      return undefined;
    }
  }
}

function sessionHost(): SessionHost {
  return {
    readFile,
    locateFile,
    scheduler: nodeScheduler,
    createTarget: (options) => bootTarget(options, targetPorts),
  };
}

/** From package.json: beside the bundle's folder, in a checkout and in an installed extension alike. */
function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function explain(error: unknown): number {
  if (error instanceof UserError) {
    log(`xenoscope: ${error.message}`);
    if (error.hint !== '') log(`  ${error.hint}`);
    return EXIT_BAD_INPUT;
  }
  log(`xenoscope: a bug of its own: ${error instanceof Error ? error.stack : String(error)}`);
  return 1;
}

const status = await main(process.argv.slice(2)).catch(explain);
if (status !== undefined) {
  // Everything has been written; a standard input that is still open must not keep the process alive.
  process.exitCode = status;
  process.stdout.write('', () => process.exit(status));
}
