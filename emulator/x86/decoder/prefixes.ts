import type { InstructionBytes } from './instruction-bytes.ts';

const FS = 4;

/** The prefixes of one instruction (SDM vol. 2, 2.1.1 and 2.2.1). */
export class Prefixes {
  /** REX byte; 0 for none. */
  rex = 0;
  /** 66. */
  operandSize = false;
  /** 67. */
  addressSize = false;
  /** F0. */
  lock = false;
  /** F2 or F3, the last one; 0 for none. */
  repeat = 0;
  /** Segment register that overrides; -1 for none. */
  segment = -1;

  constructor(private readonly mode: 32 | 64) {}

  read(bytes: InstructionBytes): void {
    this.rex = 0;
    this.operandSize = false;
    this.addressSize = false;
    this.lock = false;
    this.repeat = 0;
    this.segment = -1;
    while (this.take(bytes.peek())) bytes.byte();
    if (this.mode !== 64) return;
    // A REX prefix counts only right before the opcode: one that another prefix follows is skipped.
    while (isRex(bytes.peek())) {
      const rex = bytes.byte();
      let again = isRex(bytes.peek());
      while (this.take(bytes.peek())) {
        bytes.byte();
        again = true;
      }
      if (!again) {
        this.rex = rex;
        return;
      }
    }
  }

  /** W, R, X and B of REX as 8, 4, 2, 1. */
  get wide(): boolean {
    return (this.rex & 8) !== 0;
  }

  /** Notes a legacy prefix; false for a byte that is none. */
  private take(value: number): boolean {
    switch (value) {
      case 0x66:
        this.operandSize = true;
        return true;
      case 0x67:
        this.addressSize = true;
        return true;
      case 0xf0:
        this.lock = true;
        return true;
      case 0xf2:
      case 0xf3:
        this.repeat = value;
        return true;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        // In 64-bit mode ES, CS, SS and DS overrides are ignored; they do not cancel an FS or GS before them.
        if (this.mode === 32) this.segment = (value >> 3) & 3;
        return true;
      case 0x64:
      case 0x65:
        this.segment = FS + (value & 1);
        return true;
      default:
        return false;
    }
  }
}

const isRex = (value: number): boolean => (value & 0xf0) === 0x40;
