/** Many symbols as plain data that is cheap to make, to hand to another thread, and to keep. */
export interface SymbolList {
  /** In the order of the arrays, one a line. */
  readonly names: string;
  /** Signed, as virtual addresses are. */
  readonly addresses: Float64Array;
  /** Bytes; 0 where the source does not tell. */
  readonly sizes: Uint32Array;
  /** Index into `SYMBOL_KINDS`. */
  readonly kinds: Uint8Array;
}

export const SYMBOL_KINDS = ['other', 'function', 'object'] as const;
export type SymbolKind = (typeof SYMBOL_KINDS)[number];

export interface PlainSymbol {
  readonly name: string;
  /** Signed. */
  readonly address: number;
  readonly size: number;
  readonly kind: SymbolKind;
}

export function packSymbols(symbols: readonly PlainSymbol[]): SymbolList {
  return {
    names: symbols.map(({ name }) => name.replaceAll('\n', '?')).join('\n'),
    addresses: Float64Array.from(symbols, ({ address }) => address),
    sizes: Uint32Array.from(symbols, ({ size }) => size),
    kinds: Uint8Array.from(symbols, ({ kind }) => SYMBOL_KINDS.indexOf(kind)),
  };
}

export function unpackSymbols({ names, addresses, sizes, kinds }: SymbolList): PlainSymbol[] {
  if (addresses.length === 0) return [];
  return names.split('\n').map((name, index) => ({
    name,
    address: addresses[index] as number,
    size: sizes[index] as number,
    kind: SYMBOL_KINDS[kinds[index] as number] as SymbolKind,
  }));
}

export function joinSymbolLists(lists: readonly SymbolList[]): SymbolList {
  const full = lists.filter(({ addresses }) => addresses.length > 0);
  const [only] = full;
  if (only !== undefined && full.length === 1) return only;
  return {
    names: full.map(({ names }) => names).join('\n'),
    addresses: Float64Array.from(full.flatMap(({ addresses }) => [...addresses])),
    sizes: Uint32Array.from(full.flatMap(({ sizes }) => [...sizes])),
    kinds: Uint8Array.from(full.flatMap(({ kinds }) => [...kinds])),
  };
}
