import type { ReplayOutcome } from '../../emulator/machine/input-point.ts';
import { isCrash } from '../../emulator/xen/common/domain.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { StopCause } from './machine-runner.ts';

export const EXIT_OK = 0;
export const EXIT_BAD_INPUT = 2;
export const EXIT_TIMEOUT = 3;
export const EXIT_CRASH = 4;
export const EXIT_DIVERGED = 5;

/** What --json prints. */
export interface RunReport {
  readonly exit: 'matched' | 'shutdown' | 'crash' | 'timeout' | 'left' | 'replayed' | 'diverged';
  readonly reason: string;
  readonly instructions: number;
  readonly virtualSeconds: number;
  /** From the first instruction on. */
  readonly wallSeconds: number;
  /** Million instructions a wall second. */
  readonly mips: number;
  readonly memoryHash: string;
}

/** What has been seen of a run. */
export interface RunFacts {
  readonly cause: StopCause;
  /** The text of --until appeared. */
  readonly matched: boolean;
  /** Of a replay that is over. */
  readonly outcome: ReplayOutcome | undefined;
  /** Executed instructions at its start. */
  readonly from: number;
  readonly seconds: number;
}

export function makeReport(machine: Machine, facts: RunFacts): RunReport {
  const { instructions, virtualSeconds } = machine.statistics();
  const { exit, reason } = describeEnd(machine, facts);
  return {
    exit,
    reason,
    instructions,
    virtualSeconds,
    wallSeconds: round(facts.seconds, 3),
    mips: round((instructions - facts.from) / Math.max(facts.seconds, 0.001) / 1e6, 2),
    memoryHash: machine.memoryHash(),
  };
}

function describeEnd(machine: Machine, facts: RunFacts): Pick<RunReport, 'exit' | 'reason'> {
  const { cause, matched, outcome } = facts;
  if (outcome?.kind === 'diverged') {
    const { entry, of, reason } = outcome;
    return { exit: 'diverged', reason: `the replay differs at entry ${entry} of ${of}: ${reason}` };
  }
  if (cause === 'ended' && machine.input.replaying) {
    return { exit: 'diverged', reason: 'the replay differs: all domains have ended, and the recording goes on' };
  }
  if (matched) return { exit: 'matched', reason: 'the text appeared on the console' };
  if (cause === 'timeout') return { exit: 'timeout', reason: 'the time is over' };
  if (cause === 'stopped' && outcome !== undefined) {
    const cut = 'the recording ends here: it was cut short, and is good up to its last whole entry';
    return { exit: 'replayed', reason: outcome.complete ? 'the recording ends here, and nothing differed' : cut };
  }
  if (cause === 'stopped') return { exit: 'left', reason: 'the user left' };
  const ends = machine.domains.flatMap(({ domain }) =>
    domain.shutdown === undefined ? [] : [{ name: domain.name, shutdown: domain.shutdown }],
  );
  const crash = ends.find(({ shutdown }) => isCrash(shutdown));
  const shown = crash ?? ends.at(-1);
  const reason = shown === undefined ? 'all domains have ended' : `${shown.name}: ${shown.shutdown.reason}`;
  return { exit: crash === undefined ? 'shutdown' : 'crash', reason };
}

export function exitStatus(report: RunReport): number {
  if (report.exit === 'timeout') return EXIT_TIMEOUT;
  if (report.exit === 'diverged') return EXIT_DIVERGED;
  return report.exit === 'crash' ? EXIT_CRASH : EXIT_OK;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
