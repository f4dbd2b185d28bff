import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import type { Traits } from './row.ts';
import { lowBits } from './sse-operands.ts';

export type Bits = 32 | 64;

export const RARE: Traits = { routine: true };

export const zero = Int.constant(32, 0);

export const constant = (value: number): Int => Int.constant(32, value);

/** Low element of operand `index` as bits. */
export function element(e: Emitter, index: number, bits: Bits): Int {
  return e.isMemory(index) ? e.loadVirtual(bits, e.linearAddress()) : lowBits(e, index, bits);
}

/** Lane function of the given width. */
export const lane = (e: Emitter, name: 'arithmetic' | 'squareRoot' | 'relation' | 'extreme', bits: Bits): number =>
  e.imports.fpu.sse[`${name}${bits}`];

export function begin(e: Emitter): void {
  e.body.call(e.imports.fpu.sse.begin, []);
}

/** MXCSR takes the exceptions; #XM when one is unmasked, and then nothing else changes. */
export function finish(e: Emitter): void {
  e.raiseIf(e.body.result(e.imports.fpu.sse.finish, []), 19);
}
