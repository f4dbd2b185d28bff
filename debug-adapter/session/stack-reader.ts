/** Reads words of a stack, page by page, each once. */
export class StackReader {
  private readonly pages = new Map<bigint, Promise<Uint8Array>>();

  constructor(
    private readonly read: (address: bigint, length: number) => Promise<Uint8Array>,
    readonly wordSize: 8 | 4,
  ) {}

  /** Undefined: nothing is mapped there. */
  async word(address: bigint): Promise<bigint | undefined> {
    const size = this.wordSize;
    const start = BigInt.asUintN(64, address) & ~0xfffn;
    let page = this.pages.get(start);
    if (page === undefined) {
      page = this.read(start, 4096);
      this.pages.set(start, page);
    }
    const offset = Number(BigInt.asUintN(64, address) - start);
    const bytes = (await page).subarray(offset, offset + size);
    if (bytes.length < size) return undefined;
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
    return value;
  }
}
