import type { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';
import { i32, Routine, type Variable } from './routine.ts';
import { VECTOR_DESTINATION, VECTOR_SOURCE } from './slots.ts';

/** Fields of the immediate of PCMPxSTRx (SDM vol. 1, 14.2.1). */
const WORDS = 1;
const SIGNED = 2;
const EQUAL_ANY = 0;
const RANGES = 1;
const EQUAL_EACH = 2;

/**
 * The comparison of PCMPESTRI and its relatives: `(immediate, valid elements of the destination, of the source)` →
 * IntRes2, one bit per element of the source. The vectors stand in the work area.
 */
export function addStringComparison(builder: ModuleBuilder): number {
  const r = new Routine(builder, [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  const control = r.parameter(0);
  const lengthA = r.parameter(1);
  const lengthB = r.parameter(2);
  const wide = r.body.let(control.and(WORDS));
  const count = r.body.let(i32(16).shrU(wide));
  const aggregation = r.body.let(control.shrU(2).and(3));
  const load = (base: number, index: Int): Int => {
    const at = r.body.let(index.shl(wide));
    const bytes = (signed: boolean): Int =>
      r.body.load(16, at, base, signed).select(wide, r.body.load(8, at, base, signed));
    return r.body.let(bytes(true).select(control.and(SIGNED), bytes(false)));
  };
  const result = r.variable32(0);
  const outer = r.variable32(0);
  const times = (counter: Variable, limit: Int, round: () => void): void => {
    counter.value = i32(0);
    r.body.if(limit.gtS(0), () =>
      r.repeat(() => {
        round();
        counter.value = counter.value.add(1);
        return counter.value.ltS(limit);
      }),
    );
  };
  const inner = r.variable32(0);
  const hit = r.variable32(0);
  times(outer, count, () => {
    const j = outer.value;
    r.if(
      aggregation.eq(EQUAL_EACH),
      () => {
        const validA = j.ltS(lengthA);
        const validB = j.ltS(lengthB);
        const equal = load(VECTOR_DESTINATION, j).eq(load(VECTOR_SOURCE, j));
        hit.value = equal.select(validA.and(validB), validA.or(validB).eqz());
      },
      () =>
        r.if(
          aggregation.leU(RANGES),
          () => {
            hit.value = i32(0);
            r.if(j.ltS(lengthB), () => {
              const element = load(VECTOR_SOURCE, j);
              r.if(
                aggregation.eq(EQUAL_ANY),
                () =>
                  times(inner, lengthA, () => {
                    hit.value = hit.value.or(load(VECTOR_DESTINATION, inner.value).eq(element));
                  }),
                () =>
                  times(inner, lengthA.shrU(1), () => {
                    const low = load(VECTOR_DESTINATION, inner.value.shl(1));
                    const high = load(VECTOR_DESTINATION, inner.value.shl(1).add(1));
                    hit.value = hit.value.or(low.leS(element).and(element.leS(high)));
                  }),
              );
            });
          },
          () => {
            // Equal ordered: the destination, as far as it is valid and fits, found at this place.
            hit.value = i32(1);
            const rest = r.body.let(count.sub(j));
            const limit = r.body.let(lengthA.select(lengthA.ltS(rest), rest));
            times(inner, limit, () => {
              const at = r.body.let(j.add(inner.value));
              const same = load(VECTOR_DESTINATION, inner.value).eq(load(VECTOR_SOURCE, at));
              hit.value = hit.value.and(same).and(at.ltS(lengthB));
            });
          },
        ),
    );
    result.value = result.value.or(hit.value.shl(j));
  });
  const all = r.body.let(i32(1).shl(count).sub(1));
  const valid = i32(1).shl(lengthB).sub(1);
  const inverted = all.select(control.and(0x20).eqz(), valid);
  r.return(result.value.xor(inverted.select(control.and(0x10), 0)));
  return r.end();
}
