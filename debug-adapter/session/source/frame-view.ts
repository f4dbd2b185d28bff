import { callerOf, canonicalFrameAddress } from '../../dwarf/caller.ts';
import type { VariableFrame } from '../../dwarf/debug-info.ts';
import type { FrameRow } from '../../dwarf/frame-program.ts';
import type { ReadMemory } from '../../expression/objects.ts';
import type { Frame } from '../unwinder.ts';
import { type Module, type Modules, toPc } from './modules.ts';
import { FRAME_POINTER, PROGRAM_COUNTER, STACK_POINTER } from './registers.ts';

/** One frame as its variables are found: registers as far as they are known, the frame's address, memory. */
export class FrameView implements VariableFrame {
  readonly addressSize: 8 | 4;

  constructor(
    private readonly modules: Modules,
    readonly module: Module,
    private readonly frame: Frame,
    readonly readMemory: ReadMemory,
    /** The frame that called this one; undefined: not known. */
    private readonly caller?: () => { readonly frame: Frame; readonly view: FrameView } | undefined,
  ) {
    this.addressSize = module.info.addressSize;
  }

  get pc(): number {
    return toPc(lookupAddress(this.frame), this.module);
  }

  register(number: number): bigint | undefined {
    const { frame, addressSize } = this;
    const known = frame.registers?.get(number);
    if (known !== undefined) return known;
    if (number === STACK_POINTER[addressSize]) return frame.rsp;
    if (number === FRAME_POINTER[addressSize]) return frame.rbp;
    return number === PROGRAM_COUNTER[addressSize] ? frame.rip : undefined;
  }

  async canonicalFrameAddress(): Promise<bigint | undefined> {
    const row = this.row;
    return row === undefined ? undefined : await canonicalFrameAddress(row, this);
  }

  /** From what the caller is known to have passed. */
  async entryValue(expression: Uint8Array): Promise<bigint | undefined> {
    const caller = this.caller?.();
    if (caller === undefined || caller.frame.interrupted) return undefined;
    const { frame, view } = caller;
    const argument = view.module.info.argumentAt(toPc(frame.rip, view.module), expression);
    if (argument === undefined) return undefined;
    const location = await view.module.info.evaluate(argument.expression, argument.unit, view);
    if (location.kind === 'value') return location.value;
    if (location.kind === 'memory') return location.address;
    return location.kind === 'register' ? view.register(location.register) : undefined;
  }

  private get row(): FrameRow | undefined {
    return this.modules.frameRow(lookupAddress(this.frame));
  }
}

/** A return address is looked up by the call before it, which may be the last instruction of its block. */
export const lookupAddress = ({ rip, interrupted }: Frame): bigint => (interrupted ? rip : rip - 1n);

/** The caller of a frame by call-frame information; 'end': there is none; undefined: the information cannot tell. */
export async function callerByTables(
  modules: Modules,
  frame: Frame,
  readMemory: ReadMemory,
  addressSize: 8 | 4,
): Promise<Frame | 'end' | undefined> {
  const row = modules.frameRow(lookupAddress(frame));
  const { registers } = frame;
  if (row === undefined) return undefined;
  const register = (number: number): bigint | undefined => {
    const known = registers?.get(number);
    if (known !== undefined) return known;
    if (number === STACK_POINTER[addressSize]) return frame.rsp;
    return number === FRAME_POINTER[addressSize] ? frame.rbp : undefined;
  };
  const caller = await callerOf(row, { addressSize, register, readMemory });
  if (caller === undefined || caller === 'end') return caller;
  return {
    rip: caller.pc,
    rsp: caller.registers.get(STACK_POINTER[addressSize]) ?? caller.canonicalFrameAddress,
    rbp: caller.registers.get(FRAME_POINTER[addressSize]),
    source: 'cfi',
    interrupted: row.isSignalFrame,
    registers: caller.registers,
  };
}
