/** Plain data as bytes and back: compact, the same on every host, equal bytes for equal data. */
import { isTypedArray, type PlainData, type TypedArray } from './plain-data.ts';

/** The bytes are no encoding of anything: damaged, or of another version. */
export class PlainDataError extends Error {
  override readonly name = 'PlainDataError';
}

const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
/** Whole numbers, sign in bit 0, seven bits a byte. */
const INTEGER = 4;
const DOUBLE = 5;
/** The first time a string occurs it is spelt out; later it is a number. */
const STRING = 6;
const KNOWN_STRING = 7;
const ARRAY = 8;
const MAP = 9;
const SET = 10;
const OBJECT = 11;
const TYPED_ARRAY = 12;

const TYPED_ARRAYS = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
] as const;
/** Nothing of ours nests deeper; a damaged file must not overflow the stack. */
const MAXIMUM_DEPTH = 1000;

export function encodePlain(data: PlainData): Uint8Array {
  const encoder = new Encoder();
  encoder.value(data);
  return encoder.finish();
}

/** @throws PlainDataError */
export function decodePlain(bytes: Uint8Array): PlainData {
  const decoder = new Decoder(bytes);
  const value = decoder.value(0);
  if (!decoder.atEnd) throw new PlainDataError('there are bytes behind the end');
  return value;
}

class Encoder {
  private bytes = new Uint8Array(1024);
  private length = 0;
  private readonly strings = new Map<string, number>();
  private readonly text = new TextEncoder();

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  value(data: PlainData): void {
    if (data === undefined) this.byte(UNDEFINED);
    else if (data === null) this.byte(NULL);
    else if (typeof data === 'boolean') this.byte(data ? TRUE : FALSE);
    else if (typeof data === 'number') this.number(data);
    else if (typeof data === 'string') this.string(data);
    else if (isTypedArray(data)) this.typedArray(data);
    else if (Array.isArray(data)) {
      this.head(ARRAY, data.length);
      for (const item of data as readonly PlainData[]) this.value(item);
    } else if (data instanceof Map) {
      this.head(MAP, data.size);
      for (const [key, item] of data as ReadonlyMap<PlainData, PlainData>) {
        this.value(key);
        this.value(item);
      }
    } else if (data instanceof Set) {
      this.head(SET, data.size);
      for (const item of data as ReadonlySet<PlainData>) this.value(item);
    } else {
      const entries = Object.entries(data);
      this.head(OBJECT, entries.length);
      for (const [key, item] of entries) {
        this.string(key);
        this.value(item);
      }
    }
  }

  private number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0) && Math.abs(value) <= 2 ** 51) {
      this.byte(INTEGER);
      this.unsigned(value < 0 ? -value * 2 - 1 : value * 2);
      return;
    }
    this.byte(DOUBLE);
    this.raw(new Uint8Array(new Float64Array([value]).buffer));
  }

  private string(value: string): void {
    const known = this.strings.get(value);
    if (known !== undefined) {
      this.head(KNOWN_STRING, known);
      return;
    }
    this.strings.set(value, this.strings.size);
    const bytes = this.text.encode(value);
    this.head(STRING, bytes.length);
    this.raw(bytes);
  }

  private typedArray(value: TypedArray): void {
    this.byte(TYPED_ARRAY);
    this.byte(TYPED_ARRAYS.findIndex((type) => value instanceof type));
    this.unsigned(value.length);
    this.raw(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  private head(tag: number, count: number): void {
    this.byte(tag);
    this.unsigned(count);
  }

  private byte(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  private unsigned(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.byte((left % 0x80) | 0x80);
      left = Math.floor(left / 0x80);
    }
    this.byte(left);
  }

  private raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

class Decoder {
  private at = 0;
  private readonly strings: string[] = [];
  private readonly text = new TextDecoder();

  constructor(private readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  value(depth: number): PlainData {
    if (depth > MAXIMUM_DEPTH) throw new PlainDataError('nested too deeply');
    const tag = this.byte();
    switch (tag) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER: {
        const coded = this.unsigned();
        return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
      }
      case DOUBLE:
        return new Float64Array(new Uint8Array(this.raw(8)).buffer)[0];
      case STRING:
      case KNOWN_STRING:
        return this.string(tag);
      case ARRAY:
        return Array.from({ length: this.count() }, () => this.value(depth + 1));
      case MAP: {
        const map = new Map<PlainData, PlainData>();
        for (let left = this.count(); left > 0; left--) {
          const key = this.value(depth + 1);
          map.set(key, this.value(depth + 1));
        }
        return map;
      }
      case SET:
        return new Set(Array.from({ length: this.count() }, () => this.value(depth + 1)));
      case OBJECT:
        return this.object(depth);
      case TYPED_ARRAY:
        return this.typedArray();
      default:
        throw new PlainDataError(`tag ${tag} at byte ${this.at - 1}`);
    }
  }

  private object(depth: number): PlainData {
    const entries: [string, PlainData][] = [];
    for (let left = this.count(); left > 0; left--) {
      const key = this.string(this.byte());
      entries.push([key, this.value(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  private string(tag: number): string {
    if (tag === STRING) {
      const value = this.text.decode(this.raw(this.count()));
      this.strings.push(value);
      return value;
    }
    const known = tag === KNOWN_STRING ? this.strings[this.unsigned()] : undefined;
    if (known === undefined) throw new PlainDataError(`no string at byte ${this.at}`);
    return known;
  }

  private typedArray(): TypedArray {
    const type = TYPED_ARRAYS[this.byte()];
    if (type === undefined) throw new PlainDataError(`unknown kind of array at byte ${this.at - 1}`);
    const length = this.unsigned();
    const bytes = this.raw(length * type.BYTES_PER_ELEMENT);
    // A copy, also of a Node Buffer, whose `slice` is none.
    return new type(new Uint8Array(bytes).buffer, 0, length);
  }

  /** A number of things that each take a byte at least. */
  private count(): number {
    const count = this.unsigned();
    if (count > this.bytes.length - this.at) throw new PlainDataError(`${count} things announced at byte ${this.at}`);
    return count;
  }

  private byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new PlainDataError('it ends too early');
    this.at++;
    return value;
  }

  private unsigned(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new PlainDataError(`a number without end at byte ${this.at}`);
  }

  private raw(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) throw new PlainDataError('it ends too early');
    const part = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return part;
  }
}
