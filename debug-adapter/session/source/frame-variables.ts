import type { Location } from '../../dwarf/location.ts';
import type { Variable } from '../../dwarf/variables.ts';
import { ExpressionError } from '../../expression/error.ts';
import type { Place, Value } from '../../expression/evaluator.ts';
import { decodeInteger, readObject } from '../../expression/objects.ts';
import { convert, isScalar, sizeOf, type ValueType } from '../../expression/types.ts';
import type { SymbolTable } from '../../symbols/symbol-table.ts';
import { partName } from './registers.ts';
import type { SourceFrame } from './source-frames.ts';

/** More bytes than this are in no register. */
const MAXIMUM_PIECES = 4096;

/** Parameters and locals that a frame sees, inner blocks first. */
export function localsOf({ place, instance }: SourceFrame): readonly Variable[] {
  return instance === undefined ? [] : place.module.info.variables(instance);
}

/** Variables that the frame's file defines outside its functions. */
export const globalsOf = ({ place }: SourceFrame): readonly Variable[] => place.module.info.globals(place.unit);

/**
 * What a name means in a frame: a local, a global of its file, one of another file, an enumerator. `settable`: the
 * frame is the innermost, whose registers can be set.
 */
export async function lookUp(
  source: SourceFrame,
  name: string,
  symbols: SymbolTable,
  settable: boolean,
): Promise<Value | undefined> {
  const local = localsOf(source).find((variable) => variable.name === name);
  if (local !== undefined) return await readVariable(source, local, symbols, settable);
  const { info, types } = source.place.module;
  const global = info.global(name, source.place.unit, symbols.byName(name) !== undefined);
  if (global !== undefined) return await readVariable(source, global, symbols, settable);
  const enumerator = info.enumerator(name, source.place.unit);
  if (enumerator === undefined) return undefined;
  return { kind: 'number', bits: enumerator.value, type: types.of(enumerator.type), place: undefined };
}

/** Never throws: what cannot be read says why. */
export async function readVariable(
  source: SourceFrame,
  variable: Variable,
  symbols: SymbolTable,
  settable: boolean,
): Promise<Value> {
  const { place, instance, view } = source;
  const { info, types } = place.module;
  const type = types.of(variable.type);
  const local = variable.kind === 'global' ? undefined : instance;
  let location = await info.locate(variable, local, view);
  // What is only declared here is where the linker put it.
  if (location.kind === 'unavailable' && variable.kind === 'global') {
    const address = symbols.byName(variable.name)?.address;
    if (address !== undefined) location = { kind: 'memory', address };
  }
  try {
    return await fromLocation(source, variable.name, location, type, settable);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { kind: 'unavailable', name: variable.name, reason: error.message.replace(/\.$/, ''), type };
  }
}

async function fromLocation(
  { view }: SourceFrame,
  name: string,
  location: Location,
  type: ValueType,
  settable: boolean,
): Promise<Value> {
  const unavailable = (reason: string): Value => ({ kind: 'unavailable', name, reason, type });
  const fromBytes = (bytes: Uint8Array, place?: Place): Value => {
    if (bytes.length < sizeOf(type)) return unavailable('optimized out');
    const own = bytes.subarray(0, sizeOf(type));
    if (!isScalar(type)) return { kind: 'object', type, place: undefined, bytes: own };
    return { kind: 'number', bits: decodeInteger(own, type), type, place };
  };
  switch (location.kind) {
    case 'memory':
      return await readObject(location.address, type, view.readMemory);
    case 'register': {
      const value = view.register(location.register);
      if (value === undefined) return unavailable('its register was not saved');
      const part = settable ? partName(location.register, sizeOf(type), view.addressSize) : undefined;
      const place: Place | undefined = part === undefined ? undefined : { kind: 'register', name: part };
      return fromBytes(wordBytes(value, view.addressSize), place);
    }
    case 'value':
      if (isScalar(type)) return { kind: 'number', bits: convert(location.value, type), type, place: undefined };
      return fromBytes(wordBytes(location.value, 8));
    case 'bytes':
      return fromBytes(location.bytes);
    case 'pieces': {
      const bytes = await joinPieces(location.pieces, view);
      return bytes === undefined ? unavailable('optimized out in part') : fromBytes(bytes);
    }
    case 'unavailable':
      return unavailable(location.reason);
  }
}

async function joinPieces(
  pieces: Extract<Location, { kind: 'pieces' }>['pieces'],
  view: SourceFrame['view'],
): Promise<Uint8Array | undefined> {
  const all: number[] = [];
  for (const { location, size } of pieces) {
    if (all.length + size > MAXIMUM_PIECES) return undefined;
    let bytes: Uint8Array | undefined;
    if (location.kind === 'memory') bytes = await view.readMemory(location.address, size);
    else if (location.kind === 'value') bytes = wordBytes(location.value, 8);
    else if (location.kind === 'bytes') bytes = location.bytes;
    else if (location.kind === 'register') {
      const value = view.register(location.register);
      bytes = value === undefined ? undefined : wordBytes(value, 8);
    }
    if (bytes === undefined || bytes.length < size) return undefined;
    all.push(...bytes.subarray(0, size));
  }
  return Uint8Array.from(all);
}

function wordBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = Number(BigInt.asUintN(8, value >> BigInt(8 * at)));
  return bytes;
}
