/** The longest instruction (SDM vol. 2, 2.3.11). */
export const MAXIMUM_LENGTH = 15;

/** A cursor over the bytes of one instruction. Reading past the limit gives zeros and sets `short`. */
export class InstructionBytes {
  at = 0;
  short = false;
  private limit = 0;
  private readonly u8: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.u8 = new Uint8Array(memory.buffer);
  }

  start(from: number, available: number): void {
    this.at = from;
    this.limit = from + Math.min(available, MAXIMUM_LENGTH);
    this.short = false;
  }

  /** The next byte, without taking it; -1 at the limit. */
  peek(): number {
    return this.at < this.limit ? (this.u8[this.at] as number) : -1;
  }

  byte(): number {
    if (this.at >= this.limit) {
      this.short = true;
      return 0;
    }
    return this.u8[this.at++] as number;
  }

  signed8(): number {
    return (this.byte() << 24) >> 24;
  }

  unsigned16(): number {
    const low = this.byte();
    return low | (this.byte() << 8);
  }

  signed16(): number {
    return (this.unsigned16() << 16) >> 16;
  }

  signed32(): number {
    const low = this.unsigned16();
    return low | (this.unsigned16() << 16);
  }
}
