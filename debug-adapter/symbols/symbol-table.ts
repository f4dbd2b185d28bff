import { nearestName } from '../../emulator/base/nearest-name.ts';
import { SYMBOL_KINDS, type SymbolKind, type SymbolList } from '../../emulator/base/symbol-list.ts';

export interface Symbol {
  readonly name: string;
  /** Unsigned 64-bit. */
  readonly address: bigint;
  /** Bytes; where the source does not tell, up to the next symbol (at most `MAXIMUM_GUESS`). */
  readonly size: number;
  readonly kind: SymbolKind;
}

export interface Located {
  readonly symbol: Symbol;
  readonly offset: number;
}

/** A symbol without a size reaches no further than this; beyond it an address belongs to nobody. */
const MAXIMUM_GUESS = 0x100000;
const FUNCTION = SYMBOL_KINDS.indexOf('function');

/**
 * Symbols of one address space, to be asked by name, by address and by prefix. A kernel has a hundred thousand, so they
 * stay packed, and each way of asking is prepared when it is first used.
 */
export class SymbolTable {
  private readonly names: readonly string[];
  /** Indexes in the order of addresses; among equals, of the list. */
  private readonly order: Uint32Array;
  private byNames: Map<string, number> | undefined;
  private alphabetic: readonly string[] | undefined;

  constructor(private readonly list: SymbolList) {
    const { addresses } = list;
    this.names = addresses.length === 0 ? [] : list.names.split('\n');
    this.order = Uint32Array.from(addresses, (_, index) => index);
    if (!isSorted(addresses)) {
      this.order.sort((left, right) => (addresses[left] as number) - (addresses[right] as number) || left - right);
    }
  }

  get count(): number {
    return this.names.length;
  }

  /** The lowest one of that name: names of static functions repeat. */
  byName(name: string): Symbol | undefined {
    const place = this.named().get(name);
    return place === undefined ? undefined : this.symbol(place);
  }

  /** All that carry the name, by address. */
  allByName(name: string): readonly Symbol[] {
    const found: Symbol[] = [];
    if (!this.named().has(name)) return found;
    for (const [place, index] of this.order.entries()) if (this.names[index] === name) found.push(this.symbol(place));
    return found;
  }

  /** The symbol that covers the address; functions win over other symbols at the same place. */
  at(address: bigint): Located | undefined {
    const signed = Number(BigInt.asIntN(64, address));
    const { addresses, kinds } = this.list;
    const addressOf = (place: number): number => addresses[this.order[place] as number] as number;
    const isFunction = (place: number): boolean => kinds[this.order[place] as number] === FUNCTION;
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (addressOf(middle) <= signed) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    let best = low - 1;
    for (let place = low - 2; place >= 0 && addressOf(place) === addressOf(best); place--) {
      if (isFunction(place) || !isFunction(best)) best = place;
    }
    const offset = signed - addressOf(best);
    return offset < this.sizeAt(best) ? { symbol: this.symbol(best), offset } : undefined;
  }

  /** "start_kernel+0x12", or undefined outside all symbols. */
  describe(address: bigint): string | undefined {
    const found = this.at(address);
    if (found === undefined) return undefined;
    return found.offset === 0 ? found.symbol.name : `${found.symbol.name}+0x${found.offset.toString(16)}`;
  }

  /** Names that start with the prefix in order, then, if there is room, names that contain it. */
  search(prefix: string, limit: number): readonly Symbol[] {
    const sorted = this.sortedNames();
    const found: string[] = [];
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    for (; found.length < limit && sorted[low]?.startsWith(prefix); low++) found.push(sorted[low] as string);
    for (let at = 0; found.length < limit && at < sorted.length; at++) {
      const name = sorted[at] as string;
      if (!name.startsWith(prefix) && name.includes(prefix)) found.push(name);
    }
    return found.map((name) => this.byName(name) as Symbol);
  }

  /** The name nearest to a misspelt one. */
  nearest(name: string): string | undefined {
    const folded = name.toLowerCase();
    const sorted = this.sortedNames();
    const exact = sorted.find((candidate) => candidate.toLowerCase() === folded);
    if (exact !== undefined) return exact;
    return nearestName(
      name,
      sorted.filter((candidate) => candidate.charAt(0) === name.charAt(0)),
    );
  }

  /** Places in `order`, by name. */
  private named(): ReadonlyMap<string, number> {
    if (this.byNames !== undefined) return this.byNames;
    const named = new Map<string, number>();
    for (let place = this.order.length - 1; place >= 0; place--) {
      named.set(this.names[this.order[place] as number] as string, place);
    }
    this.byNames = named;
    return named;
  }

  private sortedNames(): readonly string[] {
    this.alphabetic ??= [...this.named().keys()].sort();
    return this.alphabetic;
  }

  private symbol(place: number): Symbol {
    const index = this.order[place] as number;
    const { addresses, kinds } = this.list;
    return {
      name: this.names[index] as string,
      address: BigInt.asUintN(64, BigInt(addresses[index] as number)),
      size: this.sizeAt(place),
      kind: SYMBOL_KINDS[kinds[index] as number] as SymbolKind,
    };
  }

  private sizeAt(place: number): number {
    const { addresses, sizes } = this.list;
    const index = this.order[place] as number;
    const told = sizes[index] as number;
    if (told !== 0) return told;
    const address = addresses[index] as number;
    let next = place + 1;
    while (next < this.order.length && addresses[this.order[next] as number] === address) next++;
    if (next === this.order.length) return MAXIMUM_GUESS;
    return Math.min(MAXIMUM_GUESS, (addresses[this.order[next] as number] as number) - address);
  }
}

function isSorted(values: Float64Array): boolean {
  for (let at = 1; at < values.length; at++) if ((values[at - 1] as number) > (values[at] as number)) return false;
  return true;
}
