import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { OrcTable } from './orc-table.ts';
import { orcFrames } from './orc-unwinder.ts';
import { StackReader } from './stack-reader.ts';
import { findTrapFrame, type TrapFrame } from './trap-frame.ts';

/** How a frame was found, most reliable first. */
export type FrameSource = 'registers' | 'cfi' | 'orc' | 'entry' | 'frame-pointer' | 'trap' | 'scan';

export interface Frame {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint | undefined;
  readonly source: FrameSource;
  /** rip is an instruction that was about to run, as opposed to a return address behind a call. */
  readonly interrupted: boolean;
  /** What is known of the frame's registers, by DWARF number; only call-frame information tells more than the above. */
  readonly registers?: ReadonlyMap<number, bigint>;
}

export interface UnwindInput {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  /** All general registers, by name. */
  readonly registers: Readonly<Record<string, bigint>>;
  readonly bits: 64 | 32;
  readonly symbols: SymbolTable;
  readonly orc: OrcTable | undefined;
  /** The innermost frame's registers by DWARF number. */
  readonly numbered?: ReadonlyMap<number, bigint>;
  /** The caller by call-frame information; 'end': there is none; undefined: the information cannot tell. */
  readonly callerByTables?: (frame: Frame) => Promise<Frame | 'end' | undefined>;
  /** As many bytes as are readable at a virtual address. */
  read(address: bigint, length: number): Promise<Uint8Array>;
}

const MAXIMUM_FRAMES = 256;
/** How much of a stack a scan looks at: Linux's kernel stacks on x86-64 have 16 KiB (THREAD_SIZE). */
const SCAN_BYTES = 16384;
const MAXIMUM_SCANNED = 64;
/** Bytes before a return address that the longest near call can have (SDM vol. 2, CALL: FF /2 with SIB and disp32). */
const LONGEST_CALL = 7;
const PUSH_RBP = 0x55;
const RET = 0xc3;
/** ENDBR64 (SDM vol. 2). */
const ENDBR: readonly number[] = [0xf3, 0x0f, 0x1e, 0xfa];

/**
 * Frames of a vCPU, innermost first. Call-frame information leads the way where there is any, then a Linux kernel's own
 * unwind tables; else the chain
 * of frame pointers, while each link looks like one (aligned, rising, with a return address that follows a call), and
 * across the frames that Xen pushes for traps and events. Where there is neither, words of the stack that follow a call
 * are taken, which may name callers that have long returned: those frames say `scan`.
 */
export async function unwind(input: UnwindInput): Promise<readonly Frame[]> {
  const { rip, rsp, rbp, numbered } = input;
  const innermost: Frame = { rip, rsp, rbp, source: 'registers', interrupted: true };
  const frames: Frame[] = [numbered === undefined ? innermost : { ...innermost, registers: numbered }];
  const stack = new StackReader((address, length) => input.read(address, length), input.bits === 64 ? 8 : 4);
  if (await followTables(input, frames)) return frames;
  if (input.orc !== undefined && input.bits === 64) {
    const last = frames.at(-1) as Frame;
    const registers = frames.length === 1 ? input.registers : undefined;
    const first = { ...last, rbp: last.rbp ?? 0n, registers };
    const { frames: found, complete } = await orcFrames(input.orc, stack, first, MAXIMUM_FRAMES);
    frames.push(...found);
    if (complete) return frames;
  }
  const found = frames.length;
  do {
    if (await followTables(input, frames)) return frames;
    if (frames.at(-1)?.interrupted === true) await atFunctionEdge(input, stack, frames);
  } while ((await followFramePointers(input, stack, frames)) || (await crossTrap(input, stack, frames)));
  // Where call-frame information ended nothing else is to be found.
  if (frames.length === found && frames.at(-1)?.source !== 'cfi') await scan(input, stack, frames);
  return frames;
}

/** Follows call-frame information as far as it reaches. True: the outermost frame was found. */
async function followTables(input: UnwindInput, frames: Frame[]): Promise<boolean> {
  while (frames.length < MAXIMUM_FRAMES) {
    const last = frames.at(-1) as Frame;
    const caller = await input.callerByTables?.(last);
    if (caller === 'end') return true;
    // A stack that does not rise within a frame of calls is no stack.
    if (caller === undefined || (!caller.interrupted && caller.rsp <= last.rsp)) return false;
    frames.push(caller);
  }
  return true;
}

/** Where the chain ends at a handler's entry, goes on with what the trap interrupted. */
async function crossTrap(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<boolean> {
  const last = frames.at(-1) as Frame;
  if (frames.length >= MAXIMUM_FRAMES || last.rbp === 0n) return false;
  const trap = await findTrapFrame(stack, last.rsp, last.rsp + BigInt(SCAN_BYTES));
  if (trap === undefined) return false;
  const rbp = await savedFramePointer(input, stack, last.rsp, trap);
  frames.push({ rip: trap.rip, rsp: trap.rsp, rbp, source: 'trap', interrupted: true });
  return true;
}

/** The handler's entry has saved RBP somewhere below the trap's frame: the one word there that is a frame pointer. */
async function savedFramePointer(
  input: UnwindInput,
  stack: StackReader,
  from: bigint,
  trap: TrapFrame,
): Promise<bigint | undefined> {
  const word = BigInt(stack.wordSize);
  for (let at = trap.at - word; at >= from; at -= word) {
    const value = await stack.word(at);
    if (value !== undefined && (await isFramePointer(input, stack, value, trap.rsp))) return value;
  }
  return undefined;
}

async function isFramePointer(
  input: UnwindInput,
  stack: StackReader,
  pointer: bigint,
  floor: bigint,
): Promise<boolean> {
  const word = BigInt(stack.wordSize);
  if (pointer % word !== 0n || pointer < floor || pointer - floor > BigInt(SCAN_BYTES)) return false;
  const rip = await stack.word(pointer + word);
  return rip !== undefined && plausibleCode(input, rip) && (await followsCall(input, rip));
}

/** At its first instructions a function has no frame of its own yet, and at its last none any more. */
async function atFunctionEdge(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<void> {
  const word = BigInt(stack.wordSize);
  const last = frames.at(-1) as Frame;
  const offset = input.symbols.at(last.rip)?.offset;
  const [before, here] = await input.read(last.rip - 1n, 2);
  const pushed = offset === 1 && before === PUSH_RBP;
  if (offset !== 0 && !pushed && here !== RET) return;
  const at = pushed ? last.rsp + word : last.rsp;
  const rip = await stack.word(at);
  if (rip === undefined || !(await followsCall(input, rip))) return;
  frames.push({ rip, rsp: at + word, rbp: last.rbp, source: 'entry', interrupted: false });
}

/** Assembly that nothing calls: it is a function, and makes no frame of its own. */
async function isEntry(input: UnwindInput, { rip, interrupted }: Frame): Promise<boolean> {
  const at = interrupted ? rip : rip - 1n;
  const located = input.symbols.at(at);
  if (located === undefined) return false;
  const bytes = await input.read(at - BigInt(located.offset), ENDBR.length + 1);
  const first = ENDBR.every((byte, index) => bytes[index] === byte) ? bytes[ENDBR.length] : bytes[0];
  return first !== undefined && first !== PUSH_RBP;
}

/** True: it came to what a trap interrupted, and goes on from there. */
async function followFramePointers(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<boolean> {
  const word = BigInt(stack.wordSize);
  const last = frames.at(-1) as Frame;
  let pointer = last.rbp;
  let floor = last.rsp;
  while (frames.length < MAXIMUM_FRAMES && pointer !== undefined) {
    if (pointer % word !== 0n || pointer < floor || pointer - floor > BigInt(SCAN_BYTES)) return false;
    const next = await stack.word(pointer);
    const rip = await stack.word(pointer + word);
    if (next === undefined || rip === undefined || !(await followsCall(input, rip))) return false;
    // A handler entered from assembly that left RBP alone: the next link is the interrupted function's own.
    const entry = await isEntry(input, frames.at(-1) as Frame);
    const trap = entry ? await findTrapFrame(stack, floor, pointer) : undefined;
    if (trap !== undefined) {
      frames.push({ rip: trap.rip, rsp: trap.rsp, rbp: pointer, source: 'trap', interrupted: true });
      return true;
    }
    floor = pointer + 2n * word;
    const frame: Frame = { rip, rsp: floor, rbp: next, source: 'frame-pointer', interrupted: false };
    frames.push(frame);
    // Call-frame information knows better, where it goes on.
    if ((await input.callerByTables?.(frame)) !== undefined) return true;
    pointer = next;
  }
  return false;
}

async function scan(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<void> {
  const word = BigInt(stack.wordSize);
  const { rsp } = frames.at(-1) as Frame;
  const start = rsp - (rsp % word);
  for (let offset = 0n, found = 0; offset < BigInt(SCAN_BYTES) && found < MAXIMUM_SCANNED; offset += word) {
    const rip = await stack.word(start + offset);
    if (rip === undefined) return;
    if (!plausibleCode(input, rip) || !(await followsCall(input, rip))) continue;
    frames.push({ rip, rsp: start + offset + word, rbp: undefined, source: 'scan', interrupted: false });
    found++;
  }
}

/** With symbols, code is where functions are; without, near the program counter. */
function plausibleCode(input: UnwindInput, address: bigint): boolean {
  const located = input.symbols.at(address);
  if (located !== undefined) return located.symbol.kind !== 'object' && located.offset > 0;
  if (input.symbols.count > 0) return false;
  const distance = address - input.rip;
  return distance > -0x1000000n && distance < 0x1000000n;
}

/** Whether the bytes before `address` are a near call (SDM vol. 2, CALL): E8 rel32, or FF /2 in its lengths. */
async function followsCall(input: UnwindInput, address: bigint): Promise<boolean> {
  if (address < BigInt(LONGEST_CALL)) return false;
  const bytes = await input.read(address - BigInt(LONGEST_CALL), LONGEST_CALL);
  if (bytes.length < LONGEST_CALL) return false;
  if (bytes[LONGEST_CALL - 5] === 0xe8) return true;
  for (let length = 2; length <= LONGEST_CALL; length++) {
    const at = LONGEST_CALL - length;
    if (bytes[at] === 0xff && ((bytes[at + 1] as number) & 0x38) === 0x10) return true;
  }
  return false;
}
