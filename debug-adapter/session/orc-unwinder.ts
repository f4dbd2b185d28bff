import {
  ORC_BP,
  ORC_BP_INDIRECT,
  ORC_DI,
  ORC_DX,
  ORC_PREV_SP,
  ORC_R10,
  ORC_R13,
  ORC_SP,
  ORC_SP_INDIRECT,
  ORC_UNDEFINED,
  type OrcEntry,
  type OrcTable,
} from './orc-table.ts';
import type { StackReader } from './stack-reader.ts';
import type { Frame } from './unwinder.ts';

/** Offsets in struct pt_regs (arch/x86/include/asm/ptrace.h). */
const REGS_BP = 32n;
const REGS_IP = 128n;
/** From the saved RIP on, an iret frame: RIP, CS, RFLAGS, RSP, SS. */
const IRET_CS = 8n;
const IRET_SP = 24n;

export interface OrcState {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  /** rip is that of an instruction about to run, not a return address. */
  readonly interrupted: boolean;
  /** Registers that an entry may start from; of the innermost frame only. */
  readonly registers: Readonly<Record<string, bigint>> | undefined;
}

/** The caller; 'end': there is none; undefined: the table cannot tell. */
export async function orcCaller(
  table: OrcTable,
  stack: StackReader,
  state: OrcState,
): Promise<OrcState | 'end' | undefined> {
  const entry = table.find(state.interrupted ? state.rip : state.rip - 1n);
  if (entry === undefined) return undefined;
  if (entry.end) return 'end';
  const sp = await previousStackPointer(entry, stack, state);
  if (sp === undefined) return undefined;
  const frame = await savedFrame(entry, stack, sp);
  if (frame === undefined) return undefined;
  // The guest's user mode: the kernel's tables end here.
  if (frame.cs !== undefined && (frame.cs & 3n) === 3n && frame.rip < 1n << 47n) return 'end';
  const rbp = await previousFramePointer(entry, stack, state, sp);
  return {
    rip: frame.rip,
    rsp: frame.rsp,
    rbp: entry.type === 'registers' ? ((await stack.word(sp + REGS_BP)) ?? state.rbp) : rbp,
    interrupted: entry.type !== 'call',
    registers: undefined,
  };
}

async function previousStackPointer(
  { spRegister, spOffset }: OrcEntry,
  stack: StackReader,
  { rsp, rbp, registers }: OrcState,
): Promise<bigint | undefined> {
  switch (spRegister) {
    case ORC_SP:
      return rsp + spOffset;
    case ORC_BP:
      return rbp + spOffset;
    case ORC_SP_INDIRECT: {
      const word = await stack.word(rsp);
      return word === undefined ? undefined : word + spOffset;
    }
    case ORC_BP_INDIRECT:
      return await stack.word(rbp + spOffset);
    case ORC_R10:
      return registers?.r10;
    case ORC_R13:
      return registers?.r13;
    case ORC_DI:
      return registers?.rdi;
    case ORC_DX:
      return registers?.rdx;
    default:
      return undefined;
  }
}

async function savedFrame(
  { type }: OrcEntry,
  stack: StackReader,
  sp: bigint,
): Promise<{ readonly rip: bigint; readonly rsp: bigint; readonly cs: bigint | undefined } | undefined> {
  if (type === 'call') {
    const rip = await stack.word(sp - 8n);
    return rip === undefined ? undefined : { rip, rsp: sp, cs: undefined };
  }
  const at = type === 'registers' ? sp + REGS_IP : sp;
  const rip = await stack.word(at);
  const cs = await stack.word(at + IRET_CS);
  const rsp = await stack.word(at + IRET_SP);
  return rip === undefined || rsp === undefined ? undefined : { rip, rsp, cs };
}

async function previousFramePointer(
  { bpRegister, bpOffset }: OrcEntry,
  stack: StackReader,
  { rbp }: OrcState,
  sp: bigint,
): Promise<bigint> {
  if (bpRegister === ORC_UNDEFINED) return rbp;
  const at = bpRegister === ORC_PREV_SP ? sp + bpOffset : rbp + bpOffset;
  return (await stack.word(at)) ?? rbp;
}

/** Follows the tables as far as they reach; frames after `first`. `complete`: the outermost frame was found. */
export async function orcFrames(
  table: OrcTable,
  stack: StackReader,
  first: OrcState,
  limit: number,
): Promise<{ readonly frames: readonly Frame[]; readonly complete: boolean }> {
  const frames: Frame[] = [];
  let state = first;
  while (frames.length < limit) {
    const caller = await orcCaller(table, stack, state);
    if (caller === 'end') return { frames, complete: true };
    // A stack that does not rise within a frame of calls is no stack.
    if (caller === undefined || (!caller.interrupted && caller.rsp <= state.rsp)) return { frames, complete: false };
    const { rip, rsp, rbp, interrupted } = caller;
    frames.push({ rip, rsp, rbp, source: 'orc', interrupted });
    state = caller;
  }
  return { frames, complete: true };
}
