import type { SymbolTable } from '../symbols/symbol-table.ts';

/** How a frame was found, most reliable first. */
export type FrameSource = 'registers' | 'frame-pointer' | 'scan';

export interface Frame {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint | undefined;
  readonly source: FrameSource;
}

export interface UnwindInput {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly bits: 64 | 32;
  readonly symbols: SymbolTable;
  /** As many bytes as are readable at a virtual address. */
  read(address: bigint, length: number): Promise<Uint8Array>;
}

const MAXIMUM_FRAMES = 256;
/** How much of a stack a scan looks at: Linux's kernel stacks on x86-64 have 16 KiB (THREAD_SIZE). */
const SCAN_BYTES = 16384;
const MAXIMUM_SCANNED = 64;
/** Bytes before a return address that the longest near call can have (SDM vol. 2, CALL: FF /2 with SIB and disp32). */
const LONGEST_CALL = 7;

/**
 * Frames of a vCPU, innermost first. Follows the chain of frame pointers while each link looks like one (aligned,
 * rising, with a return address that follows a call); where there is no chain, words of the stack that follow a call
 * are taken, which may name callers that have long returned: those frames say `scan`.
 */
export async function unwind(input: UnwindInput): Promise<readonly Frame[]> {
  const frames: Frame[] = [{ rip: input.rip, rsp: input.rsp, rbp: input.rbp, source: 'registers' }];
  const stack = new StackReader(input);
  await followFramePointers(input, stack, frames);
  if (frames.length === 1) await scan(input, stack, frames);
  return frames;
}

async function followFramePointers(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<void> {
  const word = BigInt(input.bits / 8);
  let pointer = input.rbp;
  let floor = input.rsp;
  while (frames.length < MAXIMUM_FRAMES) {
    if (pointer % word !== 0n || pointer < floor || pointer - floor > BigInt(SCAN_BYTES)) return;
    const next = await stack.word(pointer);
    const rip = await stack.word(pointer + word);
    if (next === undefined || rip === undefined || !(await followsCall(input, rip))) return;
    floor = pointer + 2n * word;
    frames.push({ rip, rsp: floor, rbp: next, source: 'frame-pointer' });
    pointer = next;
  }
}

async function scan(input: UnwindInput, stack: StackReader, frames: Frame[]): Promise<void> {
  const word = BigInt(input.bits / 8);
  const start = input.rsp - (input.rsp % word);
  for (let offset = 0n; offset < BigInt(SCAN_BYTES) && frames.length < MAXIMUM_SCANNED; offset += word) {
    const rip = await stack.word(start + offset);
    if (rip === undefined) return;
    if (!plausibleCode(input, rip) || !(await followsCall(input, rip))) continue;
    frames.push({ rip, rsp: start + offset + word, rbp: undefined, source: 'scan' });
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

/** Reads words of the stack page by page. */
class StackReader {
  private readonly pages = new Map<bigint, Promise<Uint8Array>>();

  constructor(private readonly input: UnwindInput) {}

  async word(address: bigint): Promise<bigint | undefined> {
    const size = this.input.bits / 8;
    const start = address & ~0xfffn;
    let page = this.pages.get(start);
    if (page === undefined) {
      page = this.input.read(start, 4096);
      this.pages.set(start, page);
    }
    const offset = Number(address - start);
    const bytes = (await page).subarray(offset, offset + size);
    if (bytes.length < size) return undefined;
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
    return value;
  }
}
