import { type Format, fixedSize } from './abbreviations.ts';
import { FORM } from './constants.ts';
import type { DataReader } from './data-reader.ts';
import { tooDeep, unknownForm } from './malformed.ts';

/** Value of an attribute before anything is looked up elsewhere. */
export type AttributeValue =
  | { readonly kind: 'address'; readonly value: number }
  /** Of 1 to 16 bytes whose sign the attribute knows; 0: a LEB128, whose sign is its own. */
  | { readonly kind: 'constant'; readonly value: bigint; readonly bytes: number }
  | { readonly kind: 'flag'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  /** Of another entry: relative to its unit, or to .debug_info. */
  | { readonly kind: 'reference'; readonly offset: number; readonly relative: boolean }
  /** Offset into the section that the attribute implies. */
  | { readonly kind: 'section'; readonly offset: number }
  /** Index into a table of the unit. */
  | { readonly kind: 'index'; readonly table: 'address' | 'string' | 'list'; readonly index: number }
  | { readonly kind: 'text'; readonly section: 'str' | 'line_str'; readonly offset: number }
  | { readonly kind: 'elsewhere' };

const MAXIMUM_INDIRECTION = 4;

export function skipForm(reader: DataReader, form: number, format: Format, depth = 0): void {
  const size = fixedSize(form, format);
  if (size >= 0) {
    reader.skip(size);
    return;
  }
  switch (form) {
    case FORM.block1:
      reader.skip(reader.u8());
      return;
    case FORM.block2:
      reader.skip(reader.u16());
      return;
    case FORM.block4:
      reader.skip(reader.u32());
      return;
    case FORM.block:
    case FORM.exprloc:
      reader.skip(reader.uleb());
      return;
    case FORM.string:
      reader.skipString();
      return;
    case FORM.sdata:
    case FORM.udata:
    case FORM.ref_udata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
      reader.skipLeb();
      return;
    case FORM.indirect:
      if (depth > MAXIMUM_INDIRECTION) throw tooDeep('Attribute forms');
      skipForm(reader, reader.uleb(), format, depth + 1);
      return;
    default:
      throw unknownForm(form);
  }
}

export function readForm(
  reader: DataReader,
  form: number,
  format: Format,
  implicit: bigint | undefined,
  depth = 0,
): AttributeValue {
  const constant = (value: bigint, bytes: number): AttributeValue => ({ kind: 'constant', value, bytes });
  const relative = (offset: number): AttributeValue => ({ kind: 'reference', offset, relative: true });
  const index = (table: 'address' | 'string' | 'list', at: number): AttributeValue => ({
    kind: 'index',
    table,
    index: at,
  });
  switch (form) {
    case FORM.addr:
      return { kind: 'address', value: reader.address(format.addressSize) };
    case FORM.data1:
      return constant(reader.big(1), 1);
    case FORM.data2:
      return constant(reader.big(2), 2);
    case FORM.data4:
      return constant(reader.big(4), 4);
    case FORM.data8:
      return constant(reader.big(8), 8);
    case FORM.data16:
      return constant(reader.big(16), 16);
    case FORM.sdata:
      return constant(reader.slebBig(), 0);
    case FORM.udata:
      return constant(reader.ulebBig(), 0);
    case FORM.implicit_const:
      return constant(implicit ?? 0n, 0);
    case FORM.flag:
      return { kind: 'flag', value: reader.u8() !== 0 };
    case FORM.flag_present:
      return { kind: 'flag', value: true };
    case FORM.string:
      return { kind: 'string', value: reader.string() };
    case FORM.strp:
      return { kind: 'text', section: 'str', offset: reader.offset(format.is64) };
    case FORM.line_strp:
      return { kind: 'text', section: 'line_str', offset: reader.offset(format.is64) };
    case FORM.block1:
      return { kind: 'block', bytes: reader.block(reader.u8()) };
    case FORM.block2:
      return { kind: 'block', bytes: reader.block(reader.u16()) };
    case FORM.block4:
      return { kind: 'block', bytes: reader.block(reader.u32()) };
    case FORM.block:
    case FORM.exprloc:
      return { kind: 'block', bytes: reader.block(reader.uleb()) };
    case FORM.ref1:
      return relative(reader.u8());
    case FORM.ref2:
      return relative(reader.u16());
    case FORM.ref4:
      return relative(reader.u32());
    case FORM.ref8:
      return relative(reader.u64());
    case FORM.ref_udata:
      return relative(reader.uleb());
    case FORM.ref_addr: {
      const size = fixedSize(form, format);
      return { kind: 'reference', offset: size === 8 ? reader.u64() : reader.u32(), relative: false };
    }
    case FORM.sec_offset:
      return { kind: 'section', offset: reader.offset(format.is64) };
    case FORM.strx:
      return index('string', reader.uleb());
    case FORM.strx1:
      return index('string', reader.u8());
    case FORM.strx2:
      return index('string', reader.u16());
    case FORM.strx3:
      return index('string', reader.u24());
    case FORM.strx4:
      return index('string', reader.u32());
    case FORM.addrx:
      return index('address', reader.uleb());
    case FORM.addrx1:
      return index('address', reader.u8());
    case FORM.addrx2:
      return index('address', reader.u16());
    case FORM.addrx3:
      return index('address', reader.u24());
    case FORM.addrx4:
      return index('address', reader.u32());
    case FORM.loclistx:
    case FORM.rnglistx:
      return index('list', reader.uleb());
    case FORM.indirect:
      if (depth > MAXIMUM_INDIRECTION) throw tooDeep('Attribute forms');
      return readForm(reader, reader.uleb(), format, implicit, depth + 1);
    case FORM.ref_sig8:
    case FORM.ref_sup4:
    case FORM.ref_sup8:
    case FORM.strp_sup:
    case FORM.GNU_ref_alt:
    case FORM.GNU_strp_alt:
      skipForm(reader, form, format);
      return { kind: 'elsewhere' };
    default:
      throw unknownForm(form);
  }
}
