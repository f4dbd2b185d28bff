import { FORM } from './constants.ts';
import type { DataReader } from './data-reader.ts';

/** How the entries with one abbreviation code are laid out. */
export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute names and forms in turn. */
  readonly specifications: Uint16Array;
  /** Values of DW_FORM_implicit_const, by index of the attribute. */
  readonly constants: ReadonlyMap<number, bigint> | undefined;
  /** Bytes of the attributes together where that is the same for all entries, else -1. */
  readonly size: number;
}

/** What the sizes of forms depend on. */
export interface Format {
  readonly version: number;
  readonly addressSize: number;
  readonly is64: boolean;
}

/** One table of .debug_abbrev, read as far as the codes asked for: the root of a unit has the first one. */
export class Abbreviations {
  private readonly known = new Map<number, Abbreviation>();
  private complete = false;

  constructor(
    private readonly reader: DataReader,
    private readonly format: Format,
  ) {}

  get(wanted: number): Abbreviation | undefined {
    while (!this.complete && !this.known.has(wanted)) this.readNext();
    return this.known.get(wanted);
  }

  private readNext(): void {
    const { reader, format } = this;
    const code = reader.uleb();
    if (code === 0) {
      this.complete = true;
      return;
    }
    const tag = reader.uleb();
    const hasChildren = reader.u8() !== 0;
    const specifications: number[] = [];
    let constants: Map<number, bigint> | undefined;
    let size = 0;
    for (;;) {
      const name = reader.uleb();
      const form = reader.uleb();
      if (form === FORM.implicit_const) {
        constants ??= new Map();
        constants.set(specifications.length >> 1, reader.slebBig());
      }
      if (name === 0 && form === 0) break;
      specifications.push(name, form);
      const bytes = fixedSize(form, format);
      size = size < 0 || bytes < 0 ? -1 : size + bytes;
    }
    // Of two with one code the first counts.
    if (!this.known.has(code)) {
      this.known.set(code, { tag, hasChildren, specifications: Uint16Array.from(specifications), constants, size });
    }
  }
}

/** Bytes that a form takes; -1: it varies. */
export function fixedSize(form: number, { version, addressSize, is64 }: Format): number {
  switch (form) {
    case FORM.implicit_const:
    case FORM.flag_present:
      return 0;
    case FORM.data1:
    case FORM.flag:
    case FORM.ref1:
    case FORM.strx1:
    case FORM.addrx1:
      return 1;
    case FORM.data2:
    case FORM.ref2:
    case FORM.strx2:
    case FORM.addrx2:
      return 2;
    case FORM.strx3:
    case FORM.addrx3:
      return 3;
    case FORM.data4:
    case FORM.ref4:
    case FORM.ref_sup4:
    case FORM.strx4:
    case FORM.addrx4:
      return 4;
    case FORM.data8:
    case FORM.ref8:
    case FORM.ref_sup8:
    case FORM.ref_sig8:
      return 8;
    case FORM.data16:
      return 16;
    case FORM.addr:
      return addressSize;
    case FORM.ref_addr:
      // DWARF 2 made it as wide as an address.
      return version <= 2 ? addressSize : is64 ? 8 : 4;
    case FORM.strp:
    case FORM.line_strp:
    case FORM.sec_offset:
    case FORM.strp_sup:
    case FORM.GNU_ref_alt:
    case FORM.GNU_strp_alt:
      return is64 ? 8 : 4;
    default:
      return -1;
  }
}
