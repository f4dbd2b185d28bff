import { STATE_X87_STATUS, STATE_X87_TAGS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import { Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';

/** #GP(0) for a 128-bit operand that is not aligned (SDM vol. 1, 11.4.1.1). */
function requireAlignment(e: Emitter, address: Int): void {
  e.raiseIf(address.toI32().and(15).ne(0), 13, 0);
}

/** Operand `index` as a vector: all of a register or of an aligned 128-bit memory operand. */
export function vector(e: Emitter, index: number): Vec {
  if (!e.isMemory(index)) return Vec.load(e.registerAddress(index)).hold(e.body);
  const address = e.linearAddress();
  requireAlignment(e, address);
  return Vec.load(e.readPointer(128, address)).hold(e.body);
}

export function unalignedVector(e: Emitter, index: number): Vec {
  if (!e.isMemory(index)) return vector(e, index);
  return Vec.load(e.readPointer(128, e.linearAddress())).hold(e.body);
}

/** Low 32 or 64 bits of operand `index`, the rest zero. */
export function lowVector(e: Emitter, index: number, bits: 32 | 64): Vec {
  const address = e.isMemory(index) ? e.readPointer(bits, e.linearAddress()) : e.registerAddress(index);
  return Vec.loadLow(bits, address).hold(e.body);
}

export function setVector(e: Emitter, index: number, value: Vec): void {
  value.store(e.body, e.registerAddress(index));
}

/** Stores 128 bits to a memory operand. */
export function storeVector(e: Emitter, value: Vec, aligned: boolean): void {
  const address = e.linearAddress();
  if (aligned) requireAlignment(e, address);
  const held = value.hold(e.body);
  e.storeThrough(128, address, (pointer) => held.store(e.body, pointer));
}

/** Low 8 to 64 bits of an XMM or MMX register as an integer. */
export function lowBits(e: Emitter, index: number, bits: number, offset = 0): Int {
  return e.let(e.body.load(bits, e.registerAddress(index), offset));
}

/** #NM, then #MF for an exception that is pending in the x87 status word. */
export function requireX87(e: Emitter): void {
  e.requireFpu();
  e.raiseIf(e.state(32, STATE_X87_STATUS).and(0x80), 16);
}

/** MMX instructions make the top of the stack 0 and all registers valid (SDM vol. 1, 9.5.1). */
export function enterMmx(e: Emitter): void {
  e.setState(32, STATE_X87_STATUS, e.state(32, STATE_X87_STATUS).and(~0x3800));
  e.setState(64, STATE_X87_TAGS, Int.constant64(0x01010101, 0x01010101));
}

/** Writes an MMX register; the exponent above it becomes all ones. */
export function setMmx(e: Emitter, index: number, value: Int): void {
  const address = e.registerAddress(index);
  e.body.store(64, address, value);
  e.body.store(16, address, Int.constant(32, 0xffff), 8);
}
