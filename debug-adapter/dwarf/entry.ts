import type { Abbreviation } from './abbreviations.ts';
import { AT } from './constants.ts';
import { type AttributeValue, readForm, skipForm } from './forms.ts';
import { MalformedDwarf, unsupportedReference } from './malformed.ts';
import type { Unit } from './unit.ts';

/** One debugging information entry: made when looked at, not kept. Its methods may throw `MalformedDwarf`. */
export class Entry {
  constructor(
    readonly unit: Unit,
    /** In .debug_info; names the entry. */
    readonly offset: number,
    private readonly abbreviation: Abbreviation,
    private readonly attributes: number,
  ) {}

  get tag(): number {
    return this.abbreviation.tag;
  }

  get hasChildren(): boolean {
    return this.abbreviation.hasChildren;
  }

  has(wanted: number): boolean {
    return indexOf(this.abbreviation, wanted) >= 0;
  }

  get(wanted: number): AttributeValue | undefined {
    const { specifications, constants } = this.abbreviation;
    const index = indexOf(this.abbreviation, wanted);
    if (index < 0) return undefined;
    const reader = this.unit.reader(this.attributes);
    const { header } = this.unit;
    for (let at = 0; at < index; at++) skipForm(reader, specifications[2 * at + 1] as number, header);
    return readForm(reader, specifications[2 * index + 1] as number, header, constants?.get(index));
  }

  text(wanted: number): string | undefined {
    const value = this.get(wanted);
    switch (value?.kind) {
      case 'string':
        return value.value;
      case 'text':
        return this.unit.sections.reader(value.section, value.offset).string();
      case 'index':
        return this.unit.string(value.index);
      default:
        return undefined;
    }
  }

  /** As an unsigned number; a LEB128 keeps its sign. */
  constant(wanted: number): bigint | undefined {
    const value = this.get(wanted);
    return value?.kind === 'constant' ? value.value : undefined;
  }

  number(wanted: number): number | undefined {
    const value = this.constant(wanted);
    return value === undefined ? undefined : Number(value);
  }

  /** A constant as a signed one, from as many bytes as it was written with. */
  signed(wanted: number): bigint | undefined {
    const value = this.get(wanted);
    if (value?.kind !== 'constant') return undefined;
    return value.bytes === 0 ? value.value : BigInt.asIntN(8 * value.bytes, value.value);
  }

  flag(wanted: number): boolean {
    const value = this.get(wanted);
    return value?.kind === 'flag' && value.value;
  }

  address(wanted: number): number | undefined {
    const value = this.get(wanted);
    if (value?.kind === 'address') return value.value;
    return value?.kind === 'index' ? this.unit.address(value.index) : undefined;
  }

  /** DW_AT_high_pc is an address, or the distance from DW_AT_low_pc. */
  get highPc(): number | undefined {
    const value = this.get(AT.high_pc);
    if (value?.kind !== 'constant') return this.address(AT.high_pc);
    const low = this.address(AT.low_pc);
    return low === undefined ? undefined : low + Number(value.value);
  }

  /** Offset into another section. Before DWARF 4 those were plain constants. */
  sectionOffset(wanted: number): number | undefined {
    const value = this.get(wanted);
    if (value?.kind === 'section') return value.offset;
    return value?.kind === 'constant' ? Number(value.value) : undefined;
  }

  block(wanted: number): Uint8Array | undefined {
    const value = this.get(wanted);
    return value?.kind === 'block' ? value.bytes : undefined;
  }

  /** Offset in .debug_info of the entry that the attribute refers to. */
  reference(wanted: number): number | undefined {
    const value = this.get(wanted);
    if (value === undefined) return undefined;
    if (value.kind === 'elsewhere') throw unsupportedReference();
    if (value.kind !== 'reference') throw new MalformedDwarf('An attribute is not a reference where one is wanted.');
    return value.relative ? this.unit.header.offset + value.offset : value.offset;
  }
}

function indexOf({ specifications }: Abbreviation, wanted: number): number {
  for (let at = 0; at < specifications.length; at += 2) if (specifications[at] === wanted) return at >> 1;
  return -1;
}
