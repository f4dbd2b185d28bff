import type { Value } from './evaluator.ts';
import { isSigned, sizeOf, typeName, type ValueType } from './types.ts';

/** Hexadecimal, with the decimal beside it where that is the likelier reading (small or negative numbers). */
export function formatNumber(bits: bigint, type: ValueType): string {
  const size = sizeOf(type);
  const hexadecimal = `0x${BigInt.asUintN(size * 8, bits).toString(16)}`;
  if (type.kind === 'pointer') return hexadecimal;
  const signed = BigInt.asIntN(size * 8, bits);
  if (isSigned(type) || (signed > -4096n && signed < 0n))
    return signed < 10n && signed >= 0n ? `${signed}` : `${hexadecimal} (${signed})`;
  if (bits < 10n) return bits.toString();
  return bits < 0x1_0000_0000n ? `${hexadecimal} (${bits})` : hexadecimal;
}

export const formatValue = (value: Value): string =>
  value.kind === 'number' ? formatNumber(value.bits, value.type) : value.tree.value;

export const formatType = (value: Value): string => (value.kind === 'number' ? typeName(value.type) : '');
