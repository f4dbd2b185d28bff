import { STATE_XMM } from '../cpu/layout.ts';
import { VECTOR_DESTINATION, VECTOR_SOURCE } from '../fpu/slots.ts';
import { Int } from '../wasm/int.ts';
import { Vec } from '../wasm/vec.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';
import { unalignedVector, vector } from './sse-operands.ts';

const zero = Int.constant(32, 0);

/** Number of elements before the first zero: of a vector in the work area. */
function implicitLength(e: Emitter, vectorAddress: number, wide: Int, count: Int): Int {
  const value = Vec.load(zero, vectorAddress).hold(e.body);
  const none = Vec.constant([]);
  const bytes = value.binary('eq8', none).bits('bitmask8');
  const words = value.binary('eq16', none).bits('bitmask8');
  const first = e.let(words.select(wide, bytes).or(0x10000).ctz().shrU(wide));
  return e.let(first.select(first.ltU(count), count));
}

/** Absolute value of EAX or EDX (RAX, RDX with REX.W), at most all elements. */
function explicitLength(e: Emitter, register: number, count: Int): Int {
  const value = e.let(e.size === 64 ? e.register(register, 64) : e.register(register, 32).toI64S());
  const magnitude = e.let(value.negate().select(value.ltS(Int.constant(64, 0)), value));
  return e.let(magnitude.toI32().select(magnitude.ltU(count.toI64U()), count));
}

function compare(explicit: boolean, toIndex: boolean): Semantics {
  return (e) => {
    e.requireFpu();
    unalignedVector(e, 1).store(e.body, Int.constant(32, VECTOR_SOURCE));
    vector(e, 0).store(e.body, Int.constant(32, VECTOR_DESTINATION));
    const control = e.let(e.immediate(8));
    const wide = e.let(control.and(1));
    const count = e.let(Int.constant(32, 16).shrU(wide));
    const lengthA = explicit ? explicitLength(e, 0, count) : implicitLength(e, VECTOR_DESTINATION, wide, count);
    const lengthB = explicit ? explicitLength(e, 2, count) : implicitLength(e, VECTOR_SOURCE, wide, count);
    const result = e.let(e.body.result(e.imports.fpu.stringComparison, [control, lengthA, lengthB]));
    const last = control.and(0x40);
    if (toIndex) {
      const index = Int.constant(32, 31).sub(result.clz()).select(last, result.ctz());
      e.setRegister(1, 32, e.let(count.select(result.eqz(), index)));
    } else {
      storeMask(e, result, wide, last);
    }
    const flags = result.ne(0).or(lengthB.ltU(count).shl(6)).or(lengthA.ltU(count).shl(7));
    e.flags.fromWord(e.let(flags), result.and(1));
  };
}

/** XMM0 = the bits as they are, or as bytes or words of all ones. */
function storeMask(e: Emitter, result: Int, wide: Int, expanded: Int): void {
  const bits = Array.from({ length: 8 }, (_, i) => 1 << i);
  const low = Vec.splat(8, result).binary('and', Vec.constant([...bits, ...bits.map(() => 0)]));
  const high = Vec.splat(8, result.shrU(8)).binary('and', Vec.constant([...bits.map(() => 0), ...bits]));
  const byteWeights = Vec.constant([...bits, ...bits]);
  const wordWeights = Vec.constant(bits.flatMap((bit) => [bit, 0]));
  e.body.if(
    expanded,
    () =>
      e.body.if(
        wide,
        () =>
          Vec.splat(16, result).binary('and', wordWeights).binary('eq16', wordWeights).store(e.body, zero, STATE_XMM),
        () => low.binary('or', high).binary('eq8', byteWeights).store(e.body, zero, STATE_XMM),
      ),
    () => {
      e.setState(64, STATE_XMM, result.toI64U());
      e.setState(64, STATE_XMM + 8, Int.constant(64, 0));
    },
  );
}

/** The lengths' suffix `y` gives the forms with REX.W lengths of 64 bits; `_` is an implicit operand. */
const strings = (opcode: string, name: string, explicit: boolean, toIndex: boolean): Row =>
  row(`66 0F 3A ${opcode} /r`, name, explicit ? 'Vx Wx Ib _y' : 'Vx Wx Ib', compare(explicit, toIndex), {
    routine: true,
  });

/** String comparisons of SSE4.2. Their memory operand need not be aligned. */
export const SSE_STRINGS: readonly Row[] = [
  strings('60', 'pcmpestrm', true, false),
  strings('61', 'pcmpestri', true, true),
  strings('62', 'pcmpistrm', false, false),
  strings('63', 'pcmpistri', false, true),
];
