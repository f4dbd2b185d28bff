/** Structures and arrays: their parts, as values of their own. */
import { unreadable } from './error.ts';
import type { MemoryPlace, NumberValue, Value } from './evaluator.ts';
import { convert, isScalar, isSigned, type StructMember, sizeOf, type ValueType } from './types.ts';

export type ReadMemory = (address: bigint, length: number) => Promise<Uint8Array>;

/** A structure, an array or a function: in memory, or as bytes where it lies in registers or nowhere. */
export interface ObjectValue {
  readonly kind: 'object';
  readonly type: ValueType;
  readonly place: MemoryPlace | undefined;
  readonly bytes: Uint8Array | undefined;
}

/** Little-endian bytes as a number of the given type. */
export function decodeInteger(bytes: Uint8Array, type: ValueType): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
  return convert(value, type);
}

/** What lies at an address: a number is read now, a structure or an array when its parts are asked for. */
export async function readObject(address: bigint, type: ValueType, read: ReadMemory): Promise<Value> {
  const place: MemoryPlace = { kind: 'memory', address };
  if (!isScalar(type)) return { kind: 'object', type, place, bytes: undefined };
  const size = sizeOf(type);
  const bytes = await read(address, size);
  if (bytes.length < size) throw unreadable(`0x${address.toString(16)}`);
  return { kind: 'number', bits: decodeInteger(bytes, type), type, place };
}

/** The member of a structure or union, those of anonymous ones inside included; undefined: there is none. */
export async function memberOf(object: ObjectValue, name: string, read: ReadMemory): Promise<Value | undefined> {
  const { type } = object;
  if (type.kind !== 'struct') return undefined;
  for (const member of type.members) {
    if (member.name === name) return await partOf(object, member, read);
    if (member.name !== undefined || member.type.kind !== 'struct') continue;
    const inner = await partOf(object, member, read);
    const found = inner.kind === 'object' ? await memberOf(inner, name, read) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function elementAt(object: ObjectValue, index: bigint, read: ReadMemory): Promise<Value | undefined> {
  const { type } = object;
  if (type.kind !== 'array') return undefined;
  const offset = Number(index) * sizeOf(type.of);
  return await partOf(object, { name: undefined, type: type.of, offset, bits: undefined }, read);
}

/** A part of an object by its offset and type. */
export async function partOf(object: ObjectValue, member: StructMember, read: ReadMemory): Promise<Value> {
  const { type, offset, bits } = member;
  const { place, bytes } = object;
  if (bits !== undefined) return await readBits(object, member, bits, read);
  if (place !== undefined) return await readObject(BigInt.asUintN(64, place.address + BigInt(offset)), type, read);
  const own = bytes?.subarray(offset, offset + sizeOf(type));
  if (own === undefined || own.length < sizeOf(type)) {
    return { kind: 'unavailable', name: member.name ?? 'it', reason: 'optimized out', type };
  }
  if (!isScalar(type)) return { kind: 'object', type, place: undefined, bytes: own };
  return { kind: 'number', bits: decodeInteger(own, type), type, place: undefined };
}

async function readBits(
  { place, bytes }: ObjectValue,
  { type, name }: StructMember,
  { offset, size }: { readonly offset: number; readonly size: number },
  read: ReadMemory,
): Promise<Value> {
  const first = Math.floor(offset / 8);
  const shift = offset - 8 * first;
  const length = Math.ceil((shift + size) / 8);
  const address = place === undefined ? undefined : BigInt.asUintN(64, place.address + BigInt(first));
  const own = address === undefined ? bytes?.subarray(first, first + length) : await read(address, length);
  if (own === undefined || own.length < length) {
    if (address !== undefined) throw unreadable(`0x${address.toString(16)}`);
    return { kind: 'unavailable', name: name ?? 'it', reason: 'optimized out', type };
  }
  let value = 0n;
  for (let at = length - 1; at >= 0; at--) value = (value << 8n) | BigInt(own[at] as number);
  value >>= BigInt(shift);
  const result: NumberValue = {
    kind: 'number',
    bits: isSigned(type) ? BigInt.asIntN(size, value) : BigInt.asUintN(size, value),
    type,
    place: address === undefined ? undefined : { kind: 'bits', address, bytes: length, shift, size },
  };
  return result;
}
