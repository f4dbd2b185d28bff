import { badHitCondition } from './error.ts';

/** Decides from the number of hits so far, this one counted, whether to stop. */
export type HitCondition = (hits: number) => boolean;

const TESTS: Readonly<Record<string, (hits: number, count: number) => boolean>> = {
  '==': (hits, count) => hits === count,
  '=': (hits, count) => hits === count,
  '>=': (hits, count) => hits >= count,
  '>': (hits, count) => hits > count,
  '<=': (hits, count) => hits <= count,
  '<': (hits, count) => hits < count,
  '%': (hits, count) => hits % count === 0,
};

/**
 * "5" and "==5": at the fifth hit only; ">=5": from the fifth on; "%5": at every fifth; ">5", "<5", "<=5" as they read.
 * Throws `ExpressionError`.
 */
export function parseHitCondition(text: string): HitCondition {
  const match = /^\s*(==|=|>=|>|<=|<|%)?\s*(0x[0-9a-fA-F]+|[0-9]+)\s*$/.exec(text);
  const count = Number(match?.[2]);
  const test = TESTS[match?.[1] ?? '=='];
  if (match === null || test === undefined || !Number.isSafeInteger(count) || (match[1] === '%' && count === 0)) {
    throw badHitCondition(text);
  }
  return (hits) => test(hits, count);
}
