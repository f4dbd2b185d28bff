import { describe, expect, it } from 'vitest';
import { SymbolTable } from '../../../debug-adapter/symbols/symbol-table.ts';
import { type PlainSymbol, packSymbols, type SymbolKind } from '../../../emulator/base/symbol-list.ts';

const raw = (name: string, address: string, size = 0, kind: SymbolKind = 'function'): PlainSymbol => ({
  name,
  address: Number(BigInt.asIntN(64, BigInt(address))),
  size,
  kind,
});

const table = new SymbolTable(
  packSymbols([
    raw('zeta', '0xffffffff81000100', 0x20),
    raw('alpha', '0xffffffff81000000'),
    raw('alias', '0xffffffff81000000'),
    raw('data', '0xffffffff81000100', 4, 'object'),
    raw('static', '0xffffffff81000200'),
    raw('static', '0xffffffff81000300'),
    raw('last', '0xffffffff81000400'),
  ]),
);

describe('SymbolTable', () => {
  it.each([
    [0xffffffff81000000n, 'alpha'],
    [0xffffffff81000012n, 'alpha+0x12'],
    [0xffffffff810000ffn, 'alpha+0xff'],
    [0xffffffff81000100n, 'zeta'],
    [0xffffffff8100011fn, 'zeta+0x1f'],
    [0xffffffff81000120n, undefined],
    [0xffffffff80ffffffn, undefined],
    [0xffffffff81000400n, 'last'],
    [0xffffffff82000400n, undefined],
    [0n, undefined],
  ])('%s is in %s', (address, expected) => {
    expect(table.describe(address)).toBe(expected);
  });

  it('finds by name, repeated names by all their places', () => {
    expect(table.byName('static')?.address).toBe(0xffffffff81000200n);
    expect(table.allByName('static').map(({ address }) => address)).toEqual([0xffffffff81000200n, 0xffffffff81000300n]);
    expect(table.byName('nothing')).toBeUndefined();
  });

  it('searches by beginning first, then by what names contain', () => {
    expect(table.search('al', 10).map(({ name }) => name)).toEqual(['alias', 'alpha']);
    expect(table.search('a', 3).map(({ name }) => name)).toEqual(['alias', 'alpha', 'data']);
    expect(table.search('ta', 10).map(({ name }) => name)).toEqual(['data', 'static', 'zeta']);
  });

  it.each([
    ['alhpa', 'alpha'],
    ['ALPHA', 'alpha'],
    ['statik', 'static'],
    ['completely_else', undefined],
  ])('the nearest to %s is %s', (name, expected) => {
    expect(table.nearest(name)).toBe(expected);
  });
});
