import { STATE_XMM } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import { run, Vec, type VectorOperation } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { combine, joined } from './sse-lanes.ts';
import { enterMmx, lowBits, lowVector, requireX87, setMmx, setVector, vector } from './sse-operands.ts';
import { xmm } from './sse-packed.ts';

/** PSLLDQ, PSRLDQ: whole bytes, by an index vector. */
export function byteShift(encoding: string, name: string, left: boolean): Row {
  return row(
    encoding,
    name,
    'Ux Ib',
    (e) => {
      e.requireFpu();
      const value = e.let(e.immediate(8));
      const count = e.let(value.select(value.ltU(16), 16));
      const shift = Vec.splat(8, count);
      const identity = Vec.constant(run(0, 16));
      // Indices of 16 and more read zero; a left shift's negative ones wrap to more than 16.
      const indices = left ? identity.binary('sub8', shift) : identity.binary('add8', shift);
      setVector(e, 0, vector(e, 0).binary('swizzle', indices));
    },
    { routine: true },
  );
}

/** PALIGNR: destination above source, shifted right by bytes. */
export function align(wide: boolean): Semantics {
  return (e) => {
    if (wide) e.requireFpu();
    else requireX87(e);
    const value = e.let(e.immediate(8));
    const limit = wide ? 32 : 16;
    const count = e.let(value.select(value.ltU(limit), limit));
    const identity = Vec.constant(run(0, 16));
    const source = wide ? vector(e, 1) : lowVector(e, 1, 64);
    const destination = wide ? vector(e, 0) : lowVector(e, 0, 64);
    const indices = identity.binary('add8', Vec.splat(8, count)).hold(e.body);
    if (wide) {
      // Below 16 the index falls into the source, from 16 on into the destination; others read zero.
      const upper = indices.binary('sub8', Vec.splat(8, Int.constant(32, 16)));
      const result = source.binary('swizzle', indices).binary('or', destination.binary('swizzle', upper));
      setVector(e, 0, result);
      return;
    }
    const result = e.let(joined(source, destination).binary('swizzle', indices).lane64(0));
    enterMmx(e);
    setMmx(e, 0, result);
  };
}

/** PSHUFD and relatives: two immediate bits choose each element; the rest of the vector is copied. */
export function shuffleElements(bytes: 2 | 4, first: number): Semantics {
  return (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    setVector(e, 0, source.binary('swizzle', selectorIndices(e, bytes, first)));
  };
}

/** Byte indices for four elements from `first` on, chosen by the immediate. */
export function selectorIndices(e: Emitter, bytes: 2 | 4, first: number): Vec {
  const immediate = e.let(e.immediate(8));
  const identity = run(0, 16);
  const size = 4 * bytes;
  const fixed = identity.map((at) => (at >= first && at < first + size ? first + (at % bytes) : at));
  // Element number times its size, in every byte of the element it goes to.
  const chosen = [0, 1, 2, 3].map((element) =>
    e.let(
      immediate
        .shrU(2 * element)
        .and(3)
        .mul(bytes === 4 ? 0x04040404 : 0x0202),
    ),
  ) as [Int, Int, Int, Int];
  const low = (index: number): Int => (chosen[index] as Int).toI64U();
  if (bytes === 4) {
    const lower = low(0).or(low(1).shl(32));
    const upper = low(2).or(low(3).shl(32));
    return combine(lower, upper).binary('add8', Vec.constant(fixed));
  }
  const four = low(0).or(low(1).shl(16)).or(low(2).shl(32)).or(low(3).shl(48));
  const zero = Int.constant(64, 0);
  const added = first === 0 ? combine(four, zero) : combine(zero, four);
  return added.binary('add8', Vec.constant(fixed));
}

/** SHUFPS, SHUFPD: low elements from the destination, high ones from the source. */
export const shuffleFloats =
  (bits: 32 | 64): Semantics =>
  (e) => {
    e.requireFpu();
    const source = vector(e, 1);
    const destination = vector(e, 0);
    if (bits === 32) {
      const indices = selectorIndices(e, 4, 0).hold(e.body);
      const low = destination.binary('swizzle', indices);
      const high = source.binary('swizzle', indices);
      setVector(e, 0, low.shuffle(high, [...run(0, 8), ...run(24, 8)]));
      return;
    }
    const immediate = e.let(e.immediate(8));
    const pick = (from: Vec, bit: number): Int =>
      e.let(from.lane64(1).select(immediate.shrU(bit).and(1), from.lane64(0)));
    setVector(e, 0, combine(pick(destination, 0), pick(source, 1)));
  };

/** PMOVSX, PMOVZX: a chain of extensions of the low lanes. */
export function extend(opcode: string, name: string, memory: 'q' | 'd' | 'w', steps: readonly VectorOperation[]): Row {
  return row(
    `66 0F 38 ${opcode} /r`,
    name,
    `Vx W${memory}`,
    (e) => {
      e.requireFpu();
      let value: Vec;
      if (memory === 'w') value = Vec.splat(16, e.let(e.isMemory(1) ? e.read(1, 16) : lowBits(e, 1, 16)));
      else value = lowVector(e, 1, memory === 'q' ? 64 : 32);
      for (const step of steps) value = value.unary(step);
      setVector(e, 0, value);
    },
    { routine: true },
  );
}

/** PBLENDVB, BLENDVPS, BLENDVPD: sign bits of XMM0 choose the source. */
export function blendVariable(opcode: string, name: string, bits: 8 | 32 | 64): Row {
  return xmm(opcode, name, (a, b, e) => {
    const mask = Vec.load(Int.constant(32, 0), STATE_XMM);
    const zero = Vec.constant([]);
    return b.select(zero.binary(`gtS${bits}`, mask).hold(e.body), a);
  });
}

/** BLENDPS, BLENDPD, PBLENDW: immediate bits choose the source. */
export function blendImmediate(opcode: string, name: string, bits: 16 | 32 | 64): Row {
  return row(
    `66 0F 3A ${opcode} /r`,
    name,
    'Vx Wx Ib',
    (e) => {
      e.requireFpu();
      const source = vector(e, 1);
      const bytes = bits / 8;
      const weights = Array.from({ length: 16 }, (_, i) => (i % bytes === 0 ? 1 << Math.floor(i / bytes) : 0));
      const selected = Vec.splat(bits === 16 ? 16 : bits, e.immediate(8).toWidth(bits === 64 ? 64 : 32));
      const weight = Vec.constant(weights);
      const mask = selected.binary('and', weight).binary(`eq${bits}`, weight).hold(e.body);
      setVector(e, 0, source.select(mask, vector(e, 0)));
    },
    { routine: true },
  );
}
