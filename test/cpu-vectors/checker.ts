import { type CaseDraft, definedFlags, makeCases } from './case.ts';
import { DF, type Form, type FormGroup, STATUS_FLAGS } from './form.ts';
import { CODE, CODE_SIZE, DATA, DATA_WRITABLE, FILLER, makeBackground } from './layout.ts';
import { type Fault, InputHash, type Result, type ResultFile, ResultReader } from './results.ts';

export type Mode = 64 | 32;

/** What has to be able to replay the cases: a processor in user mode over the memory that layout.ts describes. */
export interface VectorProcessor {
  /** Stores to CODE and DATA from outside; `address` is virtual, all bytes are inside one area. */
  write(address: number, bytes: Uint8Array): void;
  /** Live view of DATA. */
  readonly data: Uint8Array;
  /** `fpu` in FXSAVE format; left alone when undefined. */
  load(mode: Mode, gpr: BigUint64Array, rip: number, flags: number, fpu: Uint8Array | undefined): void;
  /** Runs the instruction at RIP to its end, all iterations of a REP included (`repeats`), or to its fault. */
  step(repeats: boolean): Fault | undefined;
  readonly rip: bigint;
  readonly flags: number;
  register(index: number): bigint;
  fpu(): Uint8Array;
}

export interface Mismatch {
  readonly form: string;
  readonly mode: Mode;
  readonly description: string;
}

export interface FormReport {
  readonly form: string;
  checked: number;
  failed: number;
  readonly first: string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const describeFault = (fault: Fault | undefined): string =>
  fault === undefined
    ? 'completes'
    : `faults ${fault.vector}(${fault.errorCode})${fault.vector === 14 ? ` at ${fault.cr2.toString(16)}` : ''}`;

/** Flags that are compared: the six status flags and DF; POPF's others are tested by hand. */
const COMPARED_FLAGS = STATUS_FLAGS | DF;
/** Exceptions with an error code; the recorded one is meaningless for others. */
const HAS_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

const float32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getFloat32(at, true);

function sameBytes(a: Uint8Array, b: Uint8Array, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Whether an RCPPS or RSQRTPS lane is near enough: 1.5 × 2^-12 from the truth, so twice that from each other. */
function lanesClose(wanted: Uint8Array, got: Uint8Array): boolean {
  for (let lane = 0; lane < 16; lane += 4) {
    const a = float32(wanted, lane);
    const b = float32(got, lane);
    if (Object.is(a, b)) continue;
    if (Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= Math.abs(a) * 2 ** -10.4) continue;
    if (hex(wanted.subarray(lane, lane + 4)) === hex(got.subarray(lane, lane + 4))) continue;
    return false;
  }
  return true;
}

/** Distance of two 80-bit numbers of like sign in units of the last place. */
function ulps(wanted: Uint8Array, got: Uint8Array): bigint {
  const ordinal = (bytes: Uint8Array): bigint => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const magnitude =
      (BigInt(view.getUint16(8, true) & 0x7fff) << 63n) | (view.getBigUint64(0, true) & 0x7fffffffffffffffn);
    return (view.getUint16(8, true) & 0x8000) !== 0 ? -magnitude : magnitude;
  };
  const distance = ordinal(wanted) - ordinal(got);
  return distance < 0n ? -distance : distance;
}

function compareFpu(form: Form, wanted: Uint8Array, got: Uint8Array): string[] {
  const problems: string[] = [];
  const a = new DataView(wanted.buffer, wanted.byteOffset);
  const b = new DataView(got.buffer, got.byteOffset);
  const word = (name: string, at: number, mask = 0xffff): void => {
    const x = a.getUint16(at, true) & mask;
    const y = b.getUint16(at, true) & mask;
    if (x !== y) problems.push(`${name} ${x.toString(16)} is ${y.toString(16)}`);
  };
  word('FCW', 0);
  word('FSW', 2, ~(form.undefinedConditions ?? (form.tolerance !== undefined ? 0x0200 : 0)));
  word('FTW', 4, 0xff);
  word('MXCSR', 24);
  for (let i = 0; i < 8; i++) {
    if (sameBytes(wanted, got, 32 + 16 * i, 10)) continue;
    const x = wanted.subarray(32 + 16 * i, 42 + 16 * i);
    const y = got.subarray(32 + 16 * i, 42 + 16 * i);
    if (form.tolerance !== undefined && ulps(x, y) <= BigInt(form.tolerance)) continue;
    problems.push(`ST${i} ${hex(x)} is ${hex(y)}`);
  }
  for (let i = 0; i < 16; i++) {
    if (sameBytes(wanted, got, 160 + 16 * i, 16)) continue;
    const x = wanted.subarray(160 + 16 * i, 176 + 16 * i);
    const y = got.subarray(160 + 16 * i, 176 + 16 * i);
    if (form.approximate === true && lanesClose(x, y)) continue;
    problems.push(`XMM${i} ${hex(x)} is ${hex(y)}`);
  }
  return problems;
}

/** Replays cases on one processor. */
export class Checker {
  private readonly expected = makeBackground();
  private readonly background = makeBackground();

  constructor(private readonly processor: VectorProcessor) {
    processor.write(CODE, new Uint8Array(CODE_SIZE).fill(FILLER));
    processor.write(DATA, this.background);
  }

  /** What differs, or undefined. In 32-bit mode a 67 prefix is left out: addresses have 32 bits there anyway. */
  check(draft: CaseDraft, wanted: Result, mode: Mode): string | undefined {
    const { processor } = this;
    const dropped = mode === 32 && draft.addressPrefix;
    const code = dropped ? draft.code.filter((_, i) => i !== draft.code.indexOf(0x67)) : draft.code;
    const codeAddress = draft.codeAddress + (dropped ? 1 : 0);
    // Nothing is left of it inside the code area.
    if (codeAddress === CODE + CODE_SIZE) return undefined;
    const end = Math.min(codeAddress + code.length, CODE + CODE_SIZE);
    const shown = code.subarray(0, end - codeAddress);
    processor.write(codeAddress, shown);
    processor.write(draft.windowAddress, draft.window);
    processor.load(mode, draft.gpr, codeAddress, draft.flags, draft.fpu);
    const fault = processor.step(draft.repeat !== 0);
    const problems = this.compareState(draft, wanted, mode, fault, dropped);
    this.compareMemory(draft, wanted, problems);
    processor.write(codeAddress, new Uint8Array(shown.length).fill(FILLER));
    if (problems.length === 0) return undefined;
    return this.describe(draft, code, mode, problems);
  }

  private compareState(
    draft: CaseDraft,
    wanted: Result,
    mode: Mode,
    fault: Fault | undefined,
    dropped: boolean,
  ): string[] {
    const { processor } = this;
    const problems: string[] = [];
    const sameFault =
      fault?.vector === wanted.fault?.vector &&
      (fault === undefined ||
        wanted.fault === undefined ||
        ((!HAS_ERROR_CODE.has(fault.vector) || fault.errorCode === wanted.fault.errorCode) &&
          fault.cr2 === wanted.fault.cr2));
    if (!sameFault) problems.push(`real CPU ${describeFault(wanted.fault)}, ours ${describeFault(fault)}`);
    const rip = wanted.fault !== undefined && wanted.fault.vector !== 3 && dropped ? wanted.rip + 1n : wanted.rip;
    if (processor.rip !== rip) problems.push(`RIP ${rip.toString(16)} is ${processor.rip.toString(16)}`);
    const mask = mode === 64 ? 0xffffffffffffffffn : 0xffffffffn;
    for (let i = 0; i < (mode === 64 ? 16 : 8); i++) {
      const now = processor.register(i) & mask;
      const then = (wanted.gpr[i] as bigint) & mask;
      if (now !== then) problems.push(`r${i} ${then.toString(16)} is ${now.toString(16)}`);
    }
    const flags = wanted.fault === undefined ? definedFlags(draft) & COMPARED_FLAGS : COMPARED_FLAGS;
    // A fault in the middle of a REP leaves flags of the iterations before it.
    if (((processor.flags ^ wanted.flags) & flags) !== 0) {
      problems.push(`flags ${(wanted.flags & flags).toString(16)} are ${(processor.flags & flags).toString(16)}`);
    }
    if (wanted.fpu !== undefined) problems.push(...compareFpu(draft.form, wanted.fpu, processor.fpu()));
    return problems;
  }

  private compareMemory(draft: CaseDraft, wanted: Result, problems: string[]): void {
    const { processor, expected, background } = this;
    const start = draft.windowAddress - DATA;
    expected.set(draft.window, start);
    for (const run of wanted.memory) expected.set(run.bytes, run.offset);
    for (const [offset, length] of draft.form.ignoredMemory ?? []) {
      const at = (draft.target ?? DATA) - DATA + offset;
      if (at >= 0 && at + length <= DATA_WRITABLE) expected.set(processor.data.subarray(at, at + length), at);
    }
    const same = Buffer.compare(expected, processor.data) === 0;
    if (!same) {
      let first = 0;
      while (expected[first] === processor.data[first]) first++;
      const until = first + 16;
      problems.push(
        `memory at ${(DATA + first).toString(16)} ${hex(expected.subarray(first, until))} is ${hex(processor.data.subarray(first, until))}`,
      );
      expected.set(background);
      processor.write(DATA, background);
      return;
    }
    expected.set(background.subarray(start, start + draft.window.length), start);
    for (const run of wanted.memory) {
      const original = background.subarray(run.offset, run.offset + run.bytes.length);
      expected.set(original, run.offset);
      processor.write(DATA + run.offset, original);
    }
    for (const [offset, length] of draft.form.ignoredMemory ?? []) {
      const at = (draft.target ?? DATA) - DATA + offset;
      if (at < 0 || at + length > DATA_WRITABLE) continue;
      expected.set(background.subarray(at, at + length), at);
      processor.write(DATA + at, background.subarray(at, at + length));
    }
    processor.write(draft.windowAddress, background.subarray(start, start + draft.window.length));
  }

  private describe(draft: CaseDraft, code: Uint8Array, mode: Mode, problems: readonly string[]): string {
    const registers = [...draft.gpr].map((value, i) => `r${i}=${value.toString(16)}`).join(' ');
    const fpu = draft.fpu === undefined ? '' : ` fpu=${hex(draft.fpu.subarray(0, 416))}`;
    const window = `window ${draft.windowAddress.toString(16)}: ${hex(draft.window)}`;
    return (
      `${hex(code)} in ${mode}-bit mode at ${draft.codeAddress.toString(16)}: ${problems.join('; ')}\n` +
      `      before: ${registers} flags=${draft.flags.toString(16)} ${window}${fpu}`
    );
  }
}

/**
 * Replays one form. `limit` restricts it to its first cases; without one, the recorded hash over the inputs is
 * verified too.
 */
export function checkForm(
  checker: Checker,
  form: Form,
  file: ResultFile,
  modes: readonly Mode[],
  limit = Infinity,
): FormReport {
  const report: FormReport = { form: form.name, checked: 0, failed: 0, first: [] };
  const header = file.forms.find((candidate) => candidate.name === form.name);
  const body = file.bodies.get(form.name);
  if (header === undefined || body === undefined) {
    report.failed++;
    report.first.push('no results recorded: run test/cpu-vectors/generator');
    return report;
  }
  const reader = new ResultReader(body);
  const hash = new InputHash();
  const cases: (readonly [CaseDraft, Result])[] = [];
  for (const draft of makeCases(form)) {
    if (cases.length >= limit) break;
    if (limit === Infinity) hash.add(draft);
    const wanted = reader.next(draft);
    if (wanted !== undefined) cases.push([draft, wanted]);
  }
  // One mode after the other: changing between them costs the processor more than a case.
  for (const mode of modes) {
    for (const [draft, wanted] of cases) {
      if (mode === 32 && !draft.sameIn32BitMode) continue;
      report.checked++;
      const problem = checker.check(draft, wanted, mode);
      if (problem === undefined) continue;
      report.failed++;
      if (report.first.length < 3) report.first.push(problem);
    }
  }
  if (limit === Infinity && hash.digest() !== header.inputs) {
    report.failed++;
    report.first.unshift('the cases are not those recorded: run test/cpu-vectors/generator');
  }
  return report;
}

/** All forms of a group; only the reports with failures, and the number of checks. */
export function checkGroup(
  checker: Checker,
  group: FormGroup,
  file: ResultFile,
  modes: readonly Mode[],
  limit = Infinity,
): { readonly checked: number; readonly failures: readonly FormReport[] } {
  let checked = 0;
  const failures: FormReport[] = [];
  for (const form of group.forms) {
    const report = checkForm(checker, form, file, modes, limit);
    checked += report.checked;
    if (report.failed > 0) failures.push(report);
  }
  return { checked, failures };
}

/** Failures in the order of their number, one paragraph a form. */
export function formatFailures(failures: readonly FormReport[], examples = 1): string {
  return [...failures]
    .sort((a, b) => b.failed - a.failed)
    .map(
      (report) =>
        `${report.form}: ${report.failed} of ${report.checked}\n${report.first
          .slice(0, examples)
          .map((text) => `    ${text}`)
          .join('\n')}`,
    )
    .join('\n');
}
