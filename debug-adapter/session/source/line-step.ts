import type { AddressRange, DebugTarget, StopEvent } from '../../../emulator/debug/target.ts';
import type { FunctionInstance } from '../../dwarf/functions.ts';
import { covers, type PcRange } from '../../dwarf/ranges.ts';
import type { SessionContext } from '../context.ts';
import { callerByTables } from './frame-view.ts';
import { fromPc, hexadecimal, type ModulePlace, toPc } from './modules.ts';
import { byNumber, FRAME_POINTER, STACK_POINTER } from './registers.ts';

/** Steps of the machine that one step by lines may take: a line that goes on longer is one to stop in. */
const MAXIMUM_STEPS = 100_000;

/** Where the vCPU stands, as stepping sees it. */
interface Position {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly place: ModulePlace | undefined;
  /** Address of the frame: the caller's stack pointer. Undefined: no call-frame information. */
  readonly frame: bigint | undefined;
  readonly returnAddress: bigint | undefined;
}

/**
 * One step by source lines, made of steps of the machine: on until a statement of another line begins, in the same
 * function or in the one that called it, or with `in` in one that was called and has source. Functions without lines
 * are run through.
 */
export class LineStep {
  private steps = 0;

  private constructor(
    private readonly context: SessionContext,
    private readonly target: DebugTarget,
    readonly vcpu: number,
    private readonly kind: 'in' | 'over',
    private start: Position,
  ) {}

  /**
   * Starts one from where the vCPU stands. Undefined: there are no lines here, or with `out` no inlined call to leave;
   * then the machine steps as it can.
   */
  static async begin(
    context: SessionContext,
    vcpu: number,
    kind: 'in' | 'over' | 'out',
  ): Promise<LineStep | undefined> {
    const { target } = context;
    const start = await positionOf(context, target, vcpu);
    const { place } = start;
    if (place?.line === undefined || place.line.line === 0) return undefined;
    const step = new LineStep(context, target, vcpu, kind === 'in' ? 'in' : 'over', start);
    if (kind !== 'out') {
      await step.run(place.module.info.lineRanges(place, toPc(start.rip, place.module)));
      return step;
    }
    // Out of an inlined call: on to the first address that is none of it.
    const [innermost] = place.functions;
    if (innermost?.call === undefined) return undefined;
    step.leaving = innermost;
    await step.run(innermost.ranges);
    return step;
  }

  private leaving: FunctionInstance | undefined;

  /** The machine has made a step. True: that was the last one. */
  async next(event: StopEvent): Promise<boolean> {
    if (event.reason !== 'step' || event.vcpu !== this.vcpu) return true;
    if (this.context.pausing || ++this.steps > MAXIMUM_STEPS) return true;
    const here = await positionOf(this.context, this.target, this.vcpu);
    if (this.leaving !== undefined) return true;
    const entered = this.hasEntered(here);
    if (entered && this.kind === 'in') return await this.enter(here);
    if (entered) return await this.leave(here);
    return await this.arrive(here);
  }

  /** A call has just been made: the stack is deeper by the return address, and nothing has run there yet. */
  private hasEntered(here: Position): boolean {
    const { place } = here;
    const outer = place?.functions.at(-1);
    const isStart = outer?.ranges.some(({ low }) => low === toPc(here.rip, place?.module as ModulePlace['module']));
    if (here.rsp >= this.start.rsp) return false;
    if (outer === undefined) return !this.isSameFunction(here);
    return isStart === true && (here.frame === undefined || here.frame !== this.start.frame);
  }

  /** Into the function, if it has lines: behind its prologue. */
  private async enter(here: Position): Promise<boolean> {
    const { place } = here;
    const outer = place?.functions.at(-1);
    if (place?.line === undefined || outer === undefined) return await this.leave(here);
    const body = place.module.info.bodyStart(outer);
    const pc = toPc(here.rip, place.module);
    this.start = { ...here, place: undefined };
    if (body === undefined || body <= pc) return true;
    await this.run([{ low: pc, high: body }]);
    return false;
  }

  /** Back to behind the call. */
  private async leave(here: Position): Promise<boolean> {
    const back = here.returnAddress ?? (await this.wordAt(here.rsp));
    if (back === undefined) return true;
    await this.target.step(this.vcpu, 'out', hexadecimal(back));
    return false;
  }

  private async arrive(here: Position): Promise<boolean> {
    const { place } = here;
    if (place?.line === undefined || place.line.line === 0) return place === undefined || !this.isSameFunction(here);
    const pc = toPc(here.rip, place.module);
    const { info } = place.module;
    const sameFrame = this.isSameFunction(here) && (here.frame === undefined || here.frame === this.start.frame);
    // A call that was inlined is run through as any other.
    const inlined = this.kind === 'over' && sameFrame ? this.inlinedSince(place) : undefined;
    if (inlined !== undefined) {
      await this.run(inlined.ranges.filter((range) => covers([range], pc)));
      return false;
    }
    const before = this.start.place?.line;
    const sameLine = sameFrame && place.line.file === before?.file && place.line.line === before?.line;
    if (!sameLine && place.line.startsStatement) return true;
    const ranges = info.lineRanges(place, pc);
    if (ranges.length === 0) return true;
    await this.run(ranges);
    return false;
  }

  /** The outermost inlined call that the step has come into since it began. */
  private inlinedSince(place: ModulePlace): FunctionInstance | undefined {
    const before = new Set(this.start.place?.functions.map(({ index }) => index));
    return [...place.functions].reverse().find(({ index, call }) => call !== undefined && !before.has(index));
  }

  private isSameFunction(here: Position): boolean {
    const [then, now] = [this.start.place, here.place];
    if (then === undefined || now === undefined) return false;
    return then.unit === now.unit && then.functions.at(-1)?.index === now.functions.at(-1)?.index;
  }

  private async run(ranges: readonly PcRange[]): Promise<void> {
    const within = ranges.map(
      ({ low, high }): AddressRange => ({ low: hexadecimal(fromPc(low)), high: hexadecimal(fromPc(high)) }),
    );
    await this.target.step(this.vcpu, this.kind, undefined, within);
  }

  private async wordAt(address: bigint): Promise<bigint | undefined> {
    const size = (await bitsOf(this.target, this.vcpu)) / 8;
    const bytes = await this.target.readMemory('virtual', hexadecimal(address), size);
    if (bytes.length < size) return undefined;
    return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
}

async function positionOf(context: SessionContext, target: DebugTarget, vcpu: number): Promise<Position> {
  const modules = await context.modules();
  const { general } = await target.registers(vcpu);
  const registers = Object.fromEntries(Object.entries(general).map(([name, value]) => [name, BigInt(value)]));
  const addressSize = (await bitsOf(target, vcpu)) === 64 ? 8 : 4;
  const numbered = byNumber(registers, addressSize);
  const rip = registers.rip ?? 0n;
  const rsp = numbered.get(STACK_POINTER[addressSize]) ?? 0n;
  const rbp = numbered.get(FRAME_POINTER[addressSize]);
  const place = modules.place(rip);
  const frame = { rip, rsp, rbp, source: 'registers', interrupted: true, registers: numbered } as const;
  const read = (address: bigint, length: number): Promise<Uint8Array> =>
    target.readMemory('virtual', hexadecimal(address), length);
  const caller = await callerByTables(modules, frame, read, addressSize);
  const known = caller === undefined || caller === 'end' ? undefined : caller;
  return { rip, rsp, place, frame: known?.rsp, returnAddress: known?.rip };
}

async function bitsOf(target: DebugTarget, vcpu: number): Promise<64 | 32> {
  return (await target.threads()).find((thread) => thread.vcpu === vcpu)?.bits ?? 64;
}
