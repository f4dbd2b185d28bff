import {
  STATE_MXCSR,
  STATE_X87,
  STATE_X87_CONTROL,
  STATE_X87_DP,
  STATE_X87_IP,
  STATE_X87_OPCODE,
  STATE_X87_STATUS,
  STATE_X87_TAGS,
  STATE_XMM,
} from './layout.ts';

/** MXCSR bits that exist: DAZ included (SDM vol. 1, 11.6.6). */
export const MXCSR_MASK = 0xffff;
const TOP_SHIFT = 11;

/** x87 and SSE state to and from the FXSAVE image (SDM vol. 1, table 10-2). Registers are stored in stack order. */
export class FpuImage {
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly u32: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.reset();
  }

  /** As after FNINIT, with MXCSR at its power-up value. */
  reset(): void {
    this.u8.fill(0, STATE_XMM, STATE_X87 + 128);
    this.u32[STATE_X87_CONTROL >> 2] = 0x37f;
    this.u32[STATE_X87_STATUS >> 2] = 0;
    this.u8.fill(0, STATE_X87_TAGS, STATE_X87_TAGS + 8);
    this.u32[STATE_MXCSR >> 2] = 0x1f80;
  }

  /** 512 bytes; those that FXSAVE does not write are zero. `long`: 64-bit instruction and data pointers. */
  save(xmmCount: number): Uint8Array {
    const image = new Uint8Array(512);
    const view = new DataView(image.buffer);
    view.setUint16(0, this.u32[STATE_X87_CONTROL >> 2] as number, true);
    const status = this.u32[STATE_X87_STATUS >> 2] as number;
    view.setUint16(2, status, true);
    let tags = 0;
    for (let register = 0; register < 8; register++) tags |= (this.u8[STATE_X87_TAGS + register] as number) << register;
    view.setUint8(4, tags);
    view.setUint16(6, this.u16[STATE_X87_OPCODE >> 1] as number, true);
    for (let word = 0; word < 2; word++) {
      view.setUint32(8 + word * 4, this.u32[(STATE_X87_IP >> 2) + word] as number, true);
      view.setUint32(16 + word * 4, this.u32[(STATE_X87_DP >> 2) + word] as number, true);
    }
    view.setUint32(24, this.u32[STATE_MXCSR >> 2] as number, true);
    view.setUint32(28, MXCSR_MASK, true);
    const top = (status >> TOP_SHIFT) & 7;
    for (let place = 0; place < 8; place++) {
      const from = STATE_X87 + ((top + place) & 7) * 16;
      image.set(this.u8.subarray(from, from + 10), 32 + place * 16);
    }
    image.set(this.u8.subarray(STATE_XMM, STATE_XMM + xmmCount * 16), 160);
    return image;
  }

  /** False: MXCSR has reserved bits set (#GP); nothing changed. */
  restore(image: Uint8Array, xmmCount: number): boolean {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    const mxcsr = view.getUint32(24, true);
    if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
    this.u32[STATE_X87_CONTROL >> 2] = view.getUint16(0, true) | 0x40;
    const status = view.getUint16(2, true);
    this.u32[STATE_X87_STATUS >> 2] = status;
    const tags = view.getUint8(4);
    for (let register = 0; register < 8; register++) this.u8[STATE_X87_TAGS + register] = (tags >> register) & 1;
    this.u16[STATE_X87_OPCODE >> 1] = view.getUint16(6, true) & 0x7ff;
    for (let word = 0; word < 2; word++) {
      this.u32[(STATE_X87_IP >> 2) + word] = view.getUint32(8 + word * 4, true);
      this.u32[(STATE_X87_DP >> 2) + word] = view.getUint32(16 + word * 4, true);
    }
    this.u32[STATE_MXCSR >> 2] = mxcsr;
    const top = (status >> TOP_SHIFT) & 7;
    for (let place = 0; place < 8; place++) {
      const to = STATE_X87 + ((top + place) & 7) * 16;
      this.u8.fill(0, to, to + 16);
      this.u8.set(image.subarray(32 + place * 16, 42 + place * 16), to);
    }
    this.u8.set(image.subarray(160, 160 + xmmCount * 16), STATE_XMM);
    return true;
  }
}
