import type { Value } from './evaluator.ts';
import { type EnumType, isSigned, sizeOf, typeName, type ValueType } from './types.ts';

/** Hexadecimal, with the decimal beside it where that is the likelier reading (small or negative numbers). */
export function formatNumber(bits: bigint, type: ValueType): string {
  const size = sizeOf(type);
  const hexadecimal = `0x${BigInt.asUintN(size * 8, bits).toString(16)}`;
  switch (type.kind) {
    case 'pointer':
      return hexadecimal;
    case 'enum':
      return formatEnumerator(bits, type);
    case 'float':
      return formatFloat(bits, size);
    case 'integer':
      if (type.style === 'boolean' && (bits === 0n || bits === 1n)) return bits === 1n ? 'true' : 'false';
      if (type.style === 'character') return formatCharacter(bits);
      break;
    default:
      break;
  }
  const signed = BigInt.asIntN(size * 8, bits);
  if (isSigned(type) || (signed > -4096n && signed < 0n))
    return signed < 10n && signed >= 0n ? `${signed}` : `${hexadecimal} (${signed})`;
  if (bits < 10n) return bits.toString();
  return bits < 0x1_0000_0000n ? `${hexadecimal} (${bits})` : hexadecimal;
}

/** "BLUE (7)", "READ | WRITE (3)", or the number alone. */
function formatEnumerator(bits: bigint, { enumerators }: EnumType): string {
  const same = enumerators.find(({ value }) => value === bits);
  if (same !== undefined) return `${same.name} (${bits})`;
  let left = bits;
  const names: string[] = [];
  for (const { name, value } of enumerators) {
    const isBit = value > 0n && (value & (value - 1n)) === 0n;
    if (!isBit || (left & value) === 0n) continue;
    names.push(name);
    left &= ~value;
  }
  return names.length === 0 || left !== 0n ? bits.toString() : `${names.join(' | ')} (${bits})`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0, '\\0'],
  [9, '\\t'],
  [10, '\\n'],
  [13, '\\r'],
  [0x27, "\\'"],
  [0x5c, '\\\\'],
]);

/** "97 'a'". */
function formatCharacter(bits: bigint): string {
  const code = Number(BigInt.asUintN(8, bits));
  const printable =
    code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`;
  return `${bits} '${ESCAPES.get(code) ?? printable}'`;
}

function formatFloat(bits: bigint, size: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt.asUintN(64, bits), true);
  if (size === 4) return String(Math.fround(view.getFloat32(0, true)));
  if (size === 8) return String(view.getFloat64(0, true));
  return `0x${bits.toString(16)}`;
}

/** In one line, from what is known without reading memory. */
export function formatValue(value: Value): string {
  switch (value.kind) {
    case 'number':
      return formatNumber(value.bits, value.type);
    case 'tree':
      return value.tree.value;
    case 'object':
      return value.place === undefined ? '{…}' : `{…} at 0x${value.place.address.toString(16)}`;
    case 'unavailable':
      return `<${value.reason}>`;
  }
}

export const formatType = (value: Value): string => (value.kind === 'tree' ? '' : typeName(value.type));
