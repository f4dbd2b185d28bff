import { nearestName } from '../../emulator/base/nearest-name.ts';

export interface Symbol {
  readonly name: string;
  /** Unsigned 64-bit. */
  readonly address: bigint;
  /** Bytes; where the source does not tell, up to the next symbol (at most `MAXIMUM_GUESS`). */
  readonly size: number;
  readonly kind: 'function' | 'object' | 'other';
}

/** One as it comes from a target: address hexadecimal. */
export interface RawSymbol {
  readonly name: string;
  readonly address: string;
  readonly size: number;
  readonly kind: 'function' | 'object' | 'other';
}

export interface Located {
  readonly symbol: Symbol;
  readonly offset: number;
}

/** A symbol without a size reaches no further than this; beyond it an address belongs to nobody. */
const MAXIMUM_GUESS = 0x100000;

/** Symbols of one address space, to be asked by name, by address and by prefix. */
export class SymbolTable {
  private readonly sorted: readonly Symbol[];
  private readonly named = new Map<string, Symbol>();
  private readonly alphabetic: readonly string[];

  constructor(raw: readonly RawSymbol[]) {
    const symbols = raw.map(({ name, address, size, kind }) => ({ name, address: BigInt(address), size, kind }));
    symbols.sort((left, right) => (left.address < right.address ? -1 : left.address > right.address ? 1 : 0));
    for (let at = symbols.length - 1, next: bigint | undefined, same: bigint | undefined; at >= 0; at--) {
      const symbol = symbols[at] as (typeof symbols)[number];
      if (symbol.address !== same) {
        next = same;
        same = symbol.address;
      }
      if (symbol.size === 0) symbol.size = next === undefined ? MAXIMUM_GUESS : guess(next - symbol.address);
    }
    this.sorted = symbols;
    for (const symbol of symbols) if (!this.named.has(symbol.name)) this.named.set(symbol.name, symbol);
    this.alphabetic = [...this.named.keys()].sort();
  }

  get count(): number {
    return this.sorted.length;
  }

  /** The lowest one of that name: names of static functions repeat. */
  byName(name: string): Symbol | undefined {
    return this.named.get(name);
  }

  /** All addresses that carry the name. */
  allByName(name: string): readonly Symbol[] {
    return this.named.has(name) ? this.sorted.filter((symbol) => symbol.name === name) : [];
  }

  /** The symbol that covers the address; functions win over other symbols at the same place. */
  at(address: bigint): Located | undefined {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sorted[middle] as Symbol).address <= address) low = middle + 1;
      else high = middle;
    }
    let best = this.sorted[low - 1];
    if (best === undefined) return undefined;
    for (let at = low - 2; at >= 0; at--) {
      const other = this.sorted[at] as Symbol;
      if (other.address !== best.address) break;
      if (other.kind === 'function' || best.kind !== 'function') best = other;
    }
    const offset = address - best.address;
    return offset < BigInt(best.size) ? { symbol: best, offset: Number(offset) } : undefined;
  }

  /** "start_kernel+0x12", or undefined outside all symbols. */
  describe(address: bigint): string | undefined {
    const found = this.at(address);
    if (found === undefined) return undefined;
    return found.offset === 0 ? found.symbol.name : `${found.symbol.name}+0x${found.offset.toString(16)}`;
  }

  /** Names that start with the prefix in order, then, if there is room, names that contain it. */
  search(prefix: string, limit: number): readonly Symbol[] {
    const found: Symbol[] = [];
    let low = 0;
    let high = this.alphabetic.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.alphabetic[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    for (; found.length < limit && this.alphabetic[low]?.startsWith(prefix); low++) this.push(found, low);
    for (let at = 0; found.length < limit && at < this.alphabetic.length; at++) {
      const name = this.alphabetic[at] as string;
      if (!name.startsWith(prefix) && name.includes(prefix)) this.push(found, at);
    }
    return found;
  }

  /** The names nearest to a misspelt one, best first. */
  nearest(name: string): string | undefined {
    const folded = name.toLowerCase();
    const exact = this.alphabetic.find((candidate) => candidate.toLowerCase() === folded);
    if (exact !== undefined) return exact;
    return nearestName(
      name,
      this.alphabetic.filter((candidate) => candidate.charAt(0) === name.charAt(0)),
    );
  }

  private push(found: Symbol[], index: number): void {
    const symbol = this.named.get(this.alphabetic[index] as string);
    if (symbol !== undefined) found.push(symbol);
  }
}

const guess = (distance: bigint): number => (distance > BigInt(MAXIMUM_GUESS) ? MAXIMUM_GUESS : Number(distance));
