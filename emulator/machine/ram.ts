import { assert } from '../base/assert.ts';
import { type MachineAddress, type Mfn, PAGE_SHIFT, PAGE_SIZE } from '../base/numbers.ts';

/**
 * The machine's RAM: frames inside the engine's linear memory. Guest instructions store straight into it; everybody
 * else (hypervisor, back ends, debugger) stores through the write methods here, which drop translated code that the
 * store made stale. Reads are free: use the typed views with `offset(mfn)`.
 *
 * Machine frame numbers start at `firstMfn`, so that a small number is never accidentally a valid frame.
 */
export class Ram {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  /** 1 for a frame that holds decoded code; its write tags are withheld. */
  readonly codeFrames: Uint8Array;
  /** Set by the engine: called with the frame when a store from outside hits a code frame. */
  onCodeWrite: (mfn: Mfn) => void = () => {};

  constructor(
    readonly memory: WebAssembly.Memory,
    /** Byte offset of the first frame in linear memory; page aligned. */
    readonly base: number,
    readonly frameCount: number,
    readonly firstMfn: number,
  ) {
    assert(base % PAGE_SIZE === 0, 'RAM base must be page aligned');
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.codeFrames = new Uint8Array(frameCount);
  }

  /** One past the last frame: Xen's max_page. */
  get endMfn(): number {
    return this.firstMfn + this.frameCount;
  }

  hasFrame(mfn: number): mfn is Mfn {
    return mfn >= this.firstMfn && mfn < this.firstMfn + this.frameCount;
  }

  /** Byte offset of a frame in linear memory. The frame must exist. */
  offset(mfn: Mfn): number {
    return this.base + (mfn - this.firstMfn) * PAGE_SIZE;
  }

  /** Byte offset of a machine address in linear memory. The frame must exist. */
  offsetOf(address: MachineAddress): number {
    return this.base + (address - this.firstMfn * PAGE_SIZE);
  }

  /** Inverse of `offset`. */
  mfnAt(offset: number): Mfn {
    return (((offset - this.base) >>> PAGE_SHIFT) + this.firstMfn) as Mfn;
  }

  read32(address: MachineAddress): number {
    return this.u32[this.offsetOf(address) >>> 2] as number;
  }

  write8(address: MachineAddress, value: number): void {
    this.u8[this.offsetOf(address)] = value;
    this.touched(address);
  }

  write16(address: MachineAddress, value: number): void {
    this.u16[this.offsetOf(address) >>> 1] = value;
    this.touched(address);
  }

  write32(address: MachineAddress, value: number): void {
    this.u32[this.offsetOf(address) >>> 2] = value;
    this.touched(address);
  }

  /** Both halves of an aligned 64-bit value. */
  write64(address: MachineAddress, low: number, high: number): void {
    const index = this.offsetOf(address) >>> 2;
    this.i32[index] = low;
    this.i32[index + 1] = high;
    this.touched(address);
  }

  /** Copies bytes; must not run past the end of RAM. Consecutive frames are consecutive in memory. */
  writeBytes(address: MachineAddress, bytes: Uint8Array): void {
    this.u8.set(bytes, this.offsetOf(address));
    for (let at = address - (address % PAGE_SIZE); at < address + bytes.length; at += PAGE_SIZE) this.touched(at);
  }

  /** A view (not a copy) of one frame; do not store through it. */
  frame(mfn: Mfn): Uint8Array {
    const offset = this.offset(mfn);
    return this.u8.subarray(offset, offset + PAGE_SIZE);
  }

  clearFrame(mfn: Mfn): void {
    this.frame(mfn).fill(0);
    if (this.codeFrames[mfn - this.firstMfn] !== 0) this.onCodeWrite(mfn);
  }

  private touched(address: number): void {
    const index = Math.floor(address / PAGE_SIZE) - this.firstMfn;
    if (this.codeFrames[index] !== 0) this.onCodeWrite((index + this.firstMfn) as Mfn);
  }
}
