/**
 * What the memory view computes, apart from VS Code and the protocol: which bytes changed since the stop before, what
 * a search pattern means, where in a run of memory it is found. Addresses are bigint here: this is display code.
 */

const MASK = (1n << 64n) - 1n;

export function addressPlus(address: string, delta: number): string {
  return `0x${((BigInt(address) + BigInt(delta)) & MASK).toString(16)}`;
}

/** Remembers bytes by address from stop to stop. */
export class ChangeTracker {
  private before = new Map<string, number>();
  private now = new Map<string, number>();

  /** Call once when execution has stopped anew: what was shown until now is what changes are measured against. */
  nextStop(): void {
    for (const [key, value] of this.now) this.before.set(key, value);
    this.now = new Map();
    if (this.before.size > 1 << 18) this.before = new Map();
  }

  /** Offsets of the bytes that differ from the stop before. Bytes not seen then are not changed. */
  changes(space: string, address: string, bytes: Uint8Array): readonly number[] {
    const changed: number[] = [];
    const start = BigInt(address);
    for (const [offset, value] of bytes.entries()) {
      const key = `${space}:${(start + BigInt(offset)) & MASK}`;
      const old = this.before.get(key);
      if (old !== undefined && old !== value) changed.push(offset);
      this.now.set(key, value);
    }
    return changed;
  }

  clear(): void {
    this.before.clear();
    this.now.clear();
  }
}

/** Bytes to look for; undefined where the pattern is empty or is not hexadecimal. */
export function parsePattern(pattern: string, kind: 'bytes' | 'text'): Uint8Array | undefined {
  if (kind === 'text') return pattern === '' ? undefined : new TextEncoder().encode(pattern);
  const digits = pattern.replaceAll(/0x|[\s,]/gi, '');
  if (digits === '' || digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array, from = 0): number {
  const [first] = wanted;
  if (first === undefined) return -1;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

/** Reads from `address` on, up to the first hole. */
export type ReadRun = (address: string, count: number) => Promise<Uint8Array>;

const CHUNK = 65536;
const PAGE = 4096;

/** Looks through `limit` bytes from `address` on, over holes. The address of the first hit. A hole is left page by page. */
export async function searchMemory(
  read: ReadRun,
  address: string,
  wanted: Uint8Array,
  limit: number,
): Promise<string | undefined> {
  let done = 0;
  while (done < limit) {
    const at = addressPlus(address, done);
    const bytes = await read(at, Math.min(CHUNK, limit - done) + wanted.length - 1);
    const hit = indexOfBytes(bytes, wanted);
    if (hit >= 0) return addressPlus(at, hit);
    const isWhole = bytes.length >= Math.min(CHUNK, limit - done);
    const toNextPage = PAGE - Number(BigInt(addressPlus(at, bytes.length)) & BigInt(PAGE - 1));
    done += isWhole ? CHUNK : bytes.length + toNextPage;
  }
  return undefined;
}
