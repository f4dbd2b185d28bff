/** As many bytes as are readable at a virtual address. */
export type ReadCode = (address: bigint, length: number) => Promise<Uint8Array>;

const PAGE = 4096n;

/** Reads virtual memory by pages, each once. */
export class CodeReader {
  private readonly pages = new Map<bigint, Promise<Uint8Array>>();

  constructor(private readonly read: ReadCode) {}

  /** Bytes from `address` on, at most `length`, up to the first hole. */
  async bytes(address: bigint, length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (let at = address; total < length; ) {
      const start = at - (at % PAGE);
      const page = await this.page(start);
      const part = page.subarray(Number(at - start), Number(at - start) + length - total);
      parts.push(part);
      total += part.length;
      if (page.length < Number(PAGE) || part.length === 0) break;
      at = start + PAGE;
    }
    const all = new Uint8Array(total);
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  /** The lowest address from which everything up to `end` is mapped, not below `start`; `end` when nothing is. */
  async mappedStart(start: bigint, end: bigint): Promise<bigint> {
    let from = end;
    while (from > start) {
      const page = from - 1n - ((from - 1n) % PAGE);
      if ((await this.page(page)).length < Number(PAGE)) return from;
      from = page;
    }
    return start;
  }

  private page(start: bigint): Promise<Uint8Array> {
    let page = this.pages.get(start);
    if (page === undefined) {
      page = this.read(BigInt.asUintN(64, start), Number(PAGE));
      this.pages.set(start, page);
    }
    return page;
  }
}
