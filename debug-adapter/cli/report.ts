import type { DomainShutdown } from '../../emulator/xen/common/domain.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { StopCause } from './machine-runner.ts';

export const EXIT_OK = 0;
export const EXIT_BAD_INPUT = 2;
export const EXIT_TIMEOUT = 3;
export const EXIT_CRASH = 4;

/** What --json prints. */
export interface RunReport {
  readonly exit: 'matched' | 'shutdown' | 'crash' | 'timeout' | 'left';
  readonly reason: string;
  readonly instructions: number;
  readonly virtualSeconds: number;
  /** From the first instruction on. */
  readonly wallSeconds: number;
  /** Million instructions a wall second. */
  readonly mips: number;
  readonly memoryHash: string;
}

export function makeReport(machine: Machine, cause: StopCause, matched: boolean, wallSeconds: number): RunReport {
  const { instructions, virtualSeconds } = machine.statistics();
  const { exit, reason } = describeEnd(machine, cause, matched);
  return {
    exit,
    reason,
    instructions,
    virtualSeconds,
    wallSeconds: round(wallSeconds, 3),
    mips: round(instructions / Math.max(wallSeconds, 0.001) / 1e6, 2),
    memoryHash: machine.memoryHash(),
  };
}

function describeEnd(machine: Machine, cause: StopCause, matched: boolean): Pick<RunReport, 'exit' | 'reason'> {
  if (matched) return { exit: 'matched', reason: 'the text appeared on the console' };
  if (cause === 'timeout') return { exit: 'timeout', reason: 'the time is over' };
  if (cause === 'stopped') return { exit: 'left', reason: 'the user left' };
  const ends = machine.domains.flatMap(({ domain }) =>
    domain.shutdown === undefined ? [] : [{ name: domain.name, shutdown: domain.shutdown }],
  );
  const crash = ends.find(({ shutdown }) => isCrash(shutdown));
  const shown = crash ?? ends.at(-1);
  const reason = shown === undefined ? 'all domains have ended' : `${shown.name}: ${shown.shutdown.reason}`;
  return { exit: crash === undefined ? 'shutdown' : 'crash', reason };
}

/** Reboot, suspend and the like are clean ends; an unknown reason code is the guest's own choice, too. */
export function isCrash(shutdown: DomainShutdown): boolean {
  return shutdown.kind === 'crash' || shutdown.kind === 'watchdog';
}

export function exitStatus(report: RunReport): number {
  if (report.exit === 'timeout') return EXIT_TIMEOUT;
  return report.exit === 'crash' ? EXIT_CRASH : EXIT_OK;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
