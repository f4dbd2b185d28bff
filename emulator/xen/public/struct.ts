import { signed64, unsigned64 } from '../../base/numbers.ts';

/**
 * Layouts of ABI structures, declared once as a list of fields. Offsets for both guest widths, typed access and the
 * decoded view in traces and panels all follow from the list. Alignment is the System V ABI's: natural for 64-bit
 * guests; 4 bytes at most for 32-bit ones (`u64a`, Xen's uint64_aligned_t, stays at 8).
 */
export type Width = 64 | 32;

/** `ulong`, `pointer` and `frame` are 8 or 4 bytes wide, by the guest; the rest is what the name says. */
export type ScalarType =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'u64a'
  | 's8'
  | 's16'
  | 's32'
  | 's64'
  | 'ulong'
  | 'pointer'
  | 'frame'
  | 'char';

/**
 * How a value is shown. `hex` is the default of ulong, pointer, frame and u64; `pte` a page-table entry with its frame
 * and flags; `mmu-pointer` a machine address with a command in its low bits; `domid` with names for the special ones.
 */
export type Format =
  | 'decimal'
  | 'hex'
  | 'pte'
  | 'mmu-pointer'
  | 'domid'
  | { readonly values: Readonly<Record<number, string>> }
  | { readonly flags: Readonly<Record<number, string>> };

export interface FieldSpec {
  readonly type: ScalarType | StructDefinition<string>;
  /** Array length; absent for a single value. */
  readonly count?: number;
  /** Member of a union: starts where that earlier field does. */
  readonly overlaps?: string;
  readonly format?: Format;
  /** Starts where a field of this type could: after a nested structure whose padding ends there. */
  readonly align?: ScalarType;
  /** Written by the hypervisor, meaningless before. */
  readonly out?: boolean;
}

export interface Field {
  readonly name: string;
  readonly spec: FieldSpec;
  readonly offset: number;
  /** Bytes of one element. */
  readonly elementSize: number;
  readonly count: number;
}

export interface Layout<Names extends string> {
  readonly size: number;
  readonly alignment: number;
  readonly fields: readonly Field[];
  readonly field: Readonly<Record<Names, Field>>;
  readonly offset: Readonly<Record<Names, number>>;
}

export interface StructDefinition<Names extends string> {
  readonly name: string;
  readonly 64: Layout<Names>;
  readonly 32: Layout<Names>;
}

const SCALAR_BYTES: Readonly<Record<ScalarType, readonly [bytes64: number, bytes32: number]>> = {
  u8: [1, 1],
  s8: [1, 1],
  char: [1, 1],
  u16: [2, 2],
  s16: [2, 2],
  u32: [4, 4],
  s32: [4, 4],
  u64: [8, 8],
  u64a: [8, 8],
  s64: [8, 8],
  ulong: [8, 4],
  pointer: [8, 4],
  frame: [8, 4],
};

/** Declares a structure. `pack` limits alignment, for structures that Xen packs. */
export function struct<Names extends string>(
  name: string,
  fields: Readonly<Record<Names, ScalarType | FieldSpec>>,
  pack = 8,
): StructDefinition<Names> {
  return { name, 64: layOut(fields, 64, pack), 32: layOut(fields, 32, pack) };
}

function layOut<Names extends string>(
  fields: Readonly<Record<Names, ScalarType | FieldSpec>>,
  width: Width,
  pack: number,
): Layout<Names> {
  const placed: Field[] = [];
  const offsets: Record<string, number> = {};
  let end = 0;
  let alignment = 1;
  for (const [name, given] of Object.entries<ScalarType | FieldSpec>(fields)) {
    const spec: FieldSpec = typeof given === 'string' ? { type: given } : given;
    const element = sizeAndAlignment(spec.type, width);
    const wanted = spec.align === undefined ? element.alignment : sizeAndAlignment(spec.align, width).alignment;
    const align = Math.min(wanted, pack);
    const from = spec.overlaps === undefined ? end : (offsets[spec.overlaps] as number);
    const offset = Math.ceil(from / align) * align;
    const count = spec.count ?? 1;
    placed.push({ name, spec, offset, elementSize: element.size, count });
    offsets[name] = offset;
    end = Math.max(end, offset + element.size * count);
    alignment = Math.max(alignment, align);
  }
  return {
    size: Math.ceil(end / alignment) * alignment,
    alignment,
    fields: placed,
    field: Object.fromEntries(placed.map((field) => [field.name, field])) as Record<Names, Field>,
    offset: offsets as Record<Names, number>,
  };
}

function sizeAndAlignment(type: FieldSpec['type'], width: Width): { size: number; alignment: number } {
  if (typeof type !== 'string') return { size: type[width].size, alignment: type[width].alignment };
  const size = SCALAR_BYTES[type][width === 64 ? 0 : 1];
  return { size, alignment: width === 32 && type !== 'u64a' ? Math.min(size, 4) : size };
}

/**
 * Typed access to one structure inside bytes. Numbers are exact doubles: 64-bit fields above 2^53 lose their low bits
 * in `get`, so page-table entries and the like are read as halves.
 */
export class StructView<Names extends string> {
  private readonly data: DataView;
  private readonly layout: Layout<Names>;

  constructor(
    readonly definition: StructDefinition<Names>,
    readonly width: Width,
    readonly bytes: Uint8Array,
    readonly start = 0,
  ) {
    this.layout = definition[width];
    this.data = new DataView(bytes.buffer, bytes.byteOffset + start, this.layout.size);
  }

  /** Value of a scalar field (or of one element). u64 and ulong unsigned, `pointer` as a signed canonical address. */
  get(name: Names, index = 0): number {
    const field = this.field(name);
    const at = field.offset + index * field.elementSize;
    switch (field.spec.type) {
      case 'u8':
      case 'char':
        return this.data.getUint8(at);
      case 's8':
        return this.data.getInt8(at);
      case 'u16':
        return this.data.getUint16(at, true);
      case 's16':
        return this.data.getInt16(at, true);
      case 's32':
        return this.data.getInt32(at, true);
      default: {
        const low = this.data.getUint32(at, true);
        if (field.elementSize === 4) return low;
        const high = this.data.getUint32(at + 4, true);
        const signed = field.spec.type === 'pointer' || field.spec.type === 's64';
        return signed ? signed64(low, high) : unsigned64(low, high);
      }
    }
  }

  /** Low half of a field, for exact 64-bit values. */
  low(name: Names, index = 0): number {
    const field = this.field(name);
    return this.data.getInt32(field.offset + index * field.elementSize, true);
  }

  /** High half; 0 for a field of 4 bytes. */
  high(name: Names, index = 0): number {
    const field = this.field(name);
    return field.elementSize === 8 ? this.data.getInt32(field.offset + index * 8 + 4, true) : 0;
  }

  set(name: Names, value: number, index = 0): void {
    const field = this.field(name);
    const at = field.offset + index * field.elementSize;
    if (field.elementSize === 1) this.data.setUint8(at, value);
    else if (field.elementSize === 2) this.data.setUint16(at, value, true);
    else {
      this.data.setUint32(at, value % 4294967296, true);
      if (field.elementSize === 8) this.data.setUint32(at + 4, Math.floor(value / 4294967296), true);
    }
  }

  setHalves(name: Names, low: number, high: number, index = 0): void {
    const field = this.field(name);
    const at = field.offset + index * field.elementSize;
    this.data.setInt32(at, low, true);
    if (field.elementSize === 8) this.data.setInt32(at + 4, high, true);
  }

  /** Text of a char array, up to its first NUL. */
  text(name: Names): string {
    const field = this.field(name);
    const bytes = this.bytes.subarray(this.start + field.offset, this.start + field.offset + field.count);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  }

  /** Stores text (Latin-1) and a NUL, cut to fit. */
  setText(name: Names, text: string): void {
    const field = this.field(name);
    for (let index = 0; index < field.count; index++) {
      const last = index === field.count - 1;
      this.data.setUint8(field.offset + index, last ? 0 : text.charCodeAt(index) || 0);
    }
  }

  private field(name: Names): Field {
    return this.layout.field[name];
  }
}

/** A new zeroed structure. */
export function newStruct<Names extends string>(definition: StructDefinition<Names>, width: Width): StructView<Names> {
  return new StructView(definition, width, new Uint8Array(definition[width].size));
}
