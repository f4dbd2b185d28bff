/**
 * State as plain data: what snapshots hold and what crosses to files. Objects are those of literals; classes give and
 * take plain data with `save` and `restore`.
 */
import { assert } from '../base/assert.ts';

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export type PlainData =
  | undefined
  | null
  | boolean
  | number
  | string
  | TypedArray
  | readonly PlainData[]
  | ReadonlyMap<PlainData, PlainData>
  | ReadonlySet<PlainData>
  | PlainObject;

export interface PlainObject {
  readonly [key: string]: PlainData;
}

/** What something saves, as its owner sees it. */
export interface Saveable<State extends PlainData = PlainData> {
  save(): State;
  restore(state: State): void;
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** A deep copy, down to the typed arrays. Anything that is no plain data is a bug of ours; `path` says where. */
export function copyPlain(value: unknown, path = 'state'): PlainData {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
    case 'string':
      return value;
    case 'object':
      return value === null ? null : copyObject(value, path);
    default:
      return assert(false, `${path} is a ${typeof value}, not plain data`) as never;
  }
}

function copyObject(value: object, path: string): PlainData {
  if (isTypedArray(value)) return value.slice();
  // Not `map`, which leaves holes.
  if (Array.isArray(value)) return Array.from(value, (item: unknown, index) => copyPlain(item, `${path}[${index}]`));
  if (value instanceof Map) {
    const copy = new Map<PlainData, PlainData>();
    for (const [key, item] of value)
      copy.set(copyPlain(key, `${path} key`), copyPlain(item, `${path}[${String(key)}]`));
    return copy;
  }
  if (value instanceof Set) return new Set(Array.from(value, (item: unknown) => copyPlain(item, `${path} member`)));
  const prototype: unknown = Object.getPrototypeOf(value);
  assert(
    prototype === Object.prototype || prototype === null,
    `${path} is a ${value.constructor?.name ?? 'strange object'}, not plain data`,
  );
  const copy: Record<string, PlainData> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = copyPlain(item, `${path}.${key}`);
  return copy;
}

/**
 * All fields of an object but those named, copied: the way to save a class whose fields are plain data, so that a new
 * field cannot be forgotten. A field that is no plain data must be named.
 */
export function saveFields(object: object, except: readonly string[] = []): PlainObject {
  const state: Record<string, PlainData> = {};
  for (const [key, value] of Object.entries(object)) {
    if (!except.includes(key)) state[key] = copyPlain(value, `${object.constructor.name}.${key}`);
  }
  return state;
}

/** The state is of another version of a class: it has other fields. */
export class StateMismatch extends Error {
  override readonly name = 'StateMismatch';
}

/**
 * Inverse of `saveFields`. Collections and typed arrays keep their identity, as their `readonly` promises. With `except`,
 * which is then that of `saveFields`, the state must have the object's fields, no more and no less.
 * @throws StateMismatch
 */
export function restoreFields(object: object, state: PlainObject, except?: readonly string[]): void {
  const fields = object as Record<string, unknown>;
  if (except !== undefined) checkFields(object, state, except);
  for (const [key, value] of Object.entries(state)) {
    const copy = copyPlain(value, key);
    if (!refill(fields[key], copy)) fields[key] = copy;
  }
}

function checkFields(object: object, state: PlainObject, except: readonly string[]): void {
  const own = Object.keys(object).filter((key) => !except.includes(key));
  const missing = own.find((key) => !(key in state));
  const strange = Object.keys(state).find((key) => !own.includes(key));
  if (missing === undefined && strange === undefined) return;
  const what = missing === undefined ? `has ${strange}` : `lacks ${missing}`;
  throw new StateMismatch(`the state of ${object.constructor.name} ${what}`);
}

/** Replaces the contents of a collection; false when the two do not fit. */
function refill(old: unknown, value: PlainData): boolean {
  if (isTypedArray(old) && isTypedArray(value) && old.length === value.length) {
    old.set(value);
    return true;
  }
  if (Array.isArray(old) && Array.isArray(value)) {
    old.length = 0;
    for (const item of value) old.push(item);
    return true;
  }
  if (old instanceof Map && value instanceof Map) {
    old.clear();
    for (const [key, item] of value) old.set(key, item);
    return true;
  }
  if (old instanceof Set && value instanceof Set) {
    old.clear();
    for (const item of value) old.add(item);
    return true;
  }
  return false;
}
