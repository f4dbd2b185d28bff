/**
 * Finding what a trap or an event interrupted: the frame that Xen pushed on the guest's stack before it entered the
 * handler (public/arch-x86/xen-x86_64.h, xen-x86_32.h). Its CS, with the event mask saved above the selector, and its
 * flags make it hard to mistake for anything else.
 */
import type { StackReader } from './stack-reader.ts';

export interface TrapFrame {
  readonly rip: bigint;
  readonly rsp: bigint;
  /** Where the frame itself lies: its RIP slot. */
  readonly at: bigint;
  /** One past its last word: what the stack held before. */
  readonly end: bigint;
}

/** FLAT_RING3_CS64, and the same as Linux keeps it: with the privilege of a kernel. */
const KERNEL_CS_64: readonly bigint[] = [0xe033n, 0xe030n];
/** FLAT_RING1_CS, and the same with privilege 0. */
const KERNEL_CS_32: readonly bigint[] = [0xe019n, 0xe018n];
/** FLAT_RING3_SS64, and null: what a 64-bit kernel runs on. */
const KERNEL_SS_64: readonly bigint[] = [0xe02bn, 0xe028n, 0n];
/** Bits of EFLAGS that are always zero, and the one that is always one (SDM vol. 1, 3.4.3). */
const FLAGS_ZERO = ~0x3f7fd7n;
const FLAGS_ONE = 2n;
/** Room for all registers, FXSAVE included, and a few locals of the handler's entry. */
const SEARCHED_WORDS = 128n;

/** The first such frame from `from` up to `limit`; frames that interrupted user mode are none, for nothing called it. */
export async function findTrapFrame(stack: StackReader, from: bigint, limit: bigint): Promise<TrapFrame | undefined> {
  const word = BigInt(stack.wordSize);
  const start = from + ((word - (from % word)) % word);
  const end = start + SEARCHED_WORDS * word;
  for (let at = start; at < end && at < limit; at += word) {
    const frame = stack.wordSize === 8 ? await readFrame64(stack, at) : await readFrame32(stack, at);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

/** RIP; CS, and the saved upcall mask in bits 39:32; RFLAGS; RSP; SS. */
async function readFrame64(stack: StackReader, at: bigint): Promise<TrapFrame | undefined> {
  const cs = await stack.word(at + 8n);
  if (cs === undefined || !KERNEL_CS_64.includes(cs & 0xffffffffn) || cs >> 33n !== 0n) return undefined;
  const [rip, flags, rsp, ss] = [
    await stack.word(at),
    await stack.word(at + 16n),
    await stack.word(at + 24n),
    await stack.word(at + 32n),
  ];
  if (rip === undefined || flags === undefined || rsp === undefined || ss === undefined) return undefined;
  return plausibleFlags(flags) && KERNEL_SS_64.includes(ss) ? { rip, rsp, at, end: at + 40n } : undefined;
}

/** EIP; CS, and the saved upcall mask in bits 23:16; EFLAGS; no stack, as the privilege did not change. */
async function readFrame32(stack: StackReader, at: bigint): Promise<TrapFrame | undefined> {
  const cs = await stack.word(at + 4n);
  if (cs === undefined || !KERNEL_CS_32.includes(cs & 0xffffn) || cs >> 17n !== 0n) return undefined;
  const [rip, flags] = [await stack.word(at), await stack.word(at + 8n)];
  if (rip === undefined || flags === undefined || !plausibleFlags(flags)) return undefined;
  return { rip, rsp: at + 12n, at, end: at + 12n };
}

const plausibleFlags = (flags: bigint): boolean => (flags & FLAGS_ZERO) === 0n && (flags & FLAGS_ONE) !== 0n;
