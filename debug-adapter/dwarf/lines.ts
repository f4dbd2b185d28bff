import { END_SEQUENCE, IS_STATEMENT, type LineTable, PROLOGUE_END, rowAt } from './line-table.ts';
import type { PcRange } from './ranges.ts';

/** What the line table says of an address. */
export interface LinePlace {
  /** Path as joinPath makes it. */
  readonly file: string;
  /** 0: no line. */
  readonly line: number;
  readonly column: number;
  /** The address begins a statement. */
  readonly startsStatement: boolean;
}

export function placeAt(table: LineTable, pc: number): LinePlace | undefined {
  const row = rowAt(table, pc);
  if (row < 0) return undefined;
  const file = table.files[table.fileNumbers[row] as number];
  if (file === undefined) return undefined;
  const line = table.lines[row] as number;
  return { file, line, column: table.columns[row] as number, startsStatement: startsStatement(table, row, pc) };
}

/** Whether a row of the same line begins a statement at exactly this address. */
function startsStatement({ addresses, flags, lines, fileNumbers }: LineTable, row: number, pc: number): boolean {
  for (let at = row; at >= 0 && addresses[at] === pc; at--) {
    if (((flags[at] as number) & END_SEQUENCE) !== 0) return false;
    const same = lines[at] === lines[row] && fileNumbers[at] === fileNumbers[row];
    if (same && ((flags[at] as number) & IS_STATEMENT) !== 0) return true;
  }
  return false;
}

/** Addresses that belong to the same line as `pc`, inside `limits`, neighbours joined. */
export function lineRanges(table: LineTable, pc: number, limits: readonly PcRange[]): readonly PcRange[] {
  const row = rowAt(table, pc);
  const sequence = table.sequences.find(({ first, last }) => row >= first && row < last);
  if (sequence === undefined) return [];
  const found: { low: number; high: number }[] = [];
  for (let at = sequence.first; at < sequence.last; at++) {
    if (table.lines[at] !== table.lines[row] || table.fileNumbers[at] !== table.fileNumbers[row]) continue;
    const low = table.addresses[at] as number;
    const high = table.addresses[at + 1] as number;
    if (high === low || !limits.some((limit) => low >= limit.low && low < limit.high)) continue;
    const before = found.at(-1);
    if (before?.high === low) before.high = high;
    else found.push({ low, high });
  }
  return found;
}

/**
 * Where the body of the function at `low` begins: where the compiler says that the prologue ends, else at the second
 * statement, which in unoptimised code is the first behind the prologue, and in optimised code `low` itself.
 */
export function bodyStart(table: LineTable, low: number, high: number): number {
  let row = rowAt(table, low);
  while (row > 0 && table.addresses[row - 1] === low && !endsSequence(table, row - 1)) row--;
  if (row < 0) return low;
  let second: number | undefined;
  for (let at = row + 1; at < table.addresses.length; at++) {
    const address = table.addresses[at] as number;
    if (endsSequence(table, at) || address >= high) break;
    if (((table.flags[at] as number) & PROLOGUE_END) !== 0) return address;
    if (((table.flags[at] as number) & IS_STATEMENT) !== 0) second ??= address;
  }
  return second ?? low;
}

const endsSequence = ({ flags }: LineTable, row: number): boolean => ((flags[row] as number) & END_SEQUENCE) !== 0;

/** The lowest line from `line` on that has a statement in the file; undefined: none. */
export function nearestLine(table: LineTable, fileNumbers: ReadonlySet<number>, line: number): number | undefined {
  let best: number | undefined;
  for (const [row, candidate] of table.lines.entries()) {
    if (candidate < line || candidate >= (best ?? Number.POSITIVE_INFINITY)) continue;
    if (isStatementOf(table, row, fileNumbers)) best = candidate;
  }
  return best;
}

/** Addresses at which a statement of the line begins, ascending. */
export function statementsOf(table: LineTable, fileNumbers: ReadonlySet<number>, line: number): readonly number[] {
  const found = new Set<number>();
  for (const [row, candidate] of table.lines.entries()) {
    if (candidate === line && isStatementOf(table, row, fileNumbers)) found.add(table.addresses[row] as number);
  }
  return [...found].sort((left, right) => left - right);
}

/** Lines of a file that have statements, ascending. */
export function statementLines(table: LineTable, fileNumbers: ReadonlySet<number>): readonly number[] {
  const found = new Set<number>();
  for (const [row, line] of table.lines.entries()) if (isStatementOf(table, row, fileNumbers)) found.add(line);
  return [...found].sort((left, right) => left - right);
}

function isStatementOf(table: LineTable, row: number, fileNumbers: ReadonlySet<number>): boolean {
  const flags = table.flags[row] as number;
  if ((flags & IS_STATEMENT) === 0 || (flags & END_SEQUENCE) !== 0 || table.lines[row] === 0) return false;
  return fileNumbers.has(table.fileNumbers[row] as number);
}
