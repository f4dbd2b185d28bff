import { element } from './element.ts';

export const ROW_BYTES = 16;

export interface HexContents {
  /** Hexadecimal, of the first byte. */
  readonly address: string;
  readonly bytes: Uint8Array;
  /** How many bytes were asked for; those beyond `bytes` are shown as unreadable. */
  readonly count: number;
  readonly changed: ReadonlySet<number>;
  readonly found: { readonly offset: number; readonly length: number } | undefined;
}

/** Rows of address, sixteen bytes, and text. Each byte carries its offset as `data-offset`. */
export function hexRows(contents: HexContents): HTMLTableElement {
  const table = element('table', { class: 'hex', role: 'grid', 'aria-label': 'Memory' });
  const start = BigInt(contents.address);
  for (let row = 0; row < contents.count; row += ROW_BYTES) {
    const address = BigInt.asUintN(64, start + BigInt(row));
    const line = element('tr', {}, element('th', { scope: 'row' }, formatAddress(address)));
    const text = element('td', { class: 'text' });
    for (let column = 0; column < ROW_BYTES; column += 1) {
      line.append(byteCell(contents, row + column, column));
      text.append(glyph(contents, row + column));
    }
    line.append(text);
    table.append(line);
  }
  return table;
}

function byteCell(contents: HexContents, offset: number, column: number): HTMLTableCellElement {
  const value = contents.bytes[offset];
  const classes = [...classesOf(contents, offset), column === ROW_BYTES / 2 ? 'half' : ''];
  if (value === undefined) return element('td', { class: ['hole', ...classes].join(' ').trim() }, '??');
  const attributes = {
    class: classes.join(' ').trim(),
    'data-offset': String(offset),
    tabindex: '-1',
    role: 'gridcell',
  };
  return element('td', attributes, hex(value));
}

function glyph(contents: HexContents, offset: number): HTMLSpanElement {
  const value = contents.bytes[offset];
  const shown = value === undefined ? ' ' : value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : '·';
  return element('span', { class: classesOf(contents, offset).join(' ') }, shown);
}

function classesOf({ changed, found }: HexContents, offset: number): string[] {
  const classes = changed.has(offset) ? ['changed'] : [];
  if (found !== undefined && offset >= found.offset && offset < found.offset + found.length) classes.push('found');
  return classes;
}

export function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function formatAddress(address: bigint): string {
  return `0x${address.toString(16).padStart(16, '0')}`;
}
