import { STATE_REGISTERS, STATE_ZERO } from '../cpu/layout.ts';
import type { InstructionBytes } from './instruction-bytes.ts';

/** Base and index registers of 16-bit addressing by ModRM.rm (SDM vol. 2, table 2-1). */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1];
const RBX = 3;

/** Where a memory operand is: base + (index << shift) + displacement. Registers are state offsets. */
export class AddressForm {
  base = 0;
  index = 0;
  shift = 0;
  displacement = 0;
  /** Upper half of a displacement of 64 bits. */
  displacementHigh = 0;
  /** The displacement counts from the next instruction. */
  ripRelative = false;
  /** SS is the default segment. */
  stackSegment = false;
  /** The displacement needs all its 64 bits. */
  absolute = false;

  /** ModRM, whose mod is not 3, with SIB and displacement, in 32- and 64-bit addressing (SDM vol. 2, tables 2-2, 2-3). */
  readModrm(bytes: InstructionBytes, modrm: number, rex: number, mode: 32 | 64): void {
    this.clear();
    const mod = modrm >> 6;
    let low = modrm & 7;
    const extension = (rex & 1) << 3;
    if (low === 4) {
      const sib = bytes.byte();
      const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      if (index !== 4) {
        this.index = STATE_REGISTERS + index * 8;
        this.shift = sib >> 6;
      }
      low = sib & 7;
      if (low === 5 && mod === 0) {
        this.displacement = bytes.signed32();
        return;
      }
    } else if (low === 5 && mod === 0) {
      this.displacement = bytes.signed32();
      this.ripRelative = mode === 64;
      return;
    }
    this.base = STATE_REGISTERS + (low | extension) * 8;
    this.stackSegment = (low === 4 || low === 5) && extension === 0;
    if (mod === 1) this.displacement = bytes.signed8();
    else if (mod === 2) this.displacement = bytes.signed32();
  }

  /** The same in 16-bit addressing. */
  readModrm16(bytes: InstructionBytes, modrm: number): void {
    this.clear();
    const mod = modrm >> 6;
    const low = modrm & 7;
    if (mod === 0 && low === 6) {
      this.displacement = bytes.unsigned16();
      return;
    }
    this.base = STATE_REGISTERS + (BASE16[low] as number) * 8;
    const index = INDEX16[low] as number;
    if (index >= 0) this.index = STATE_REGISTERS + index * 8;
    this.stackSegment = low === 2 || low === 3 || low === 6;
    if (mod === 1) this.displacement = bytes.signed8();
    else if (mod === 2) this.displacement = bytes.signed16();
  }

  /** moffs of MOV: an offset as wide as addresses are. */
  readOffset(bytes: InstructionBytes, mode: 32 | 64, addressSize: boolean): void {
    this.clear();
    if (mode === 32) {
      this.displacement = addressSize ? bytes.unsigned16() : bytes.signed32();
      return;
    }
    this.displacement = bytes.signed32();
    this.displacementHigh = addressSize ? 0 : bytes.signed32();
    this.absolute = this.displacementHigh !== this.displacement >> 31;
  }

  /** XLAT's table; its row adds AL. */
  setRbx(): void {
    this.clear();
    this.base = STATE_REGISTERS + RBX * 8;
  }

  private clear(): void {
    this.base = STATE_ZERO;
    this.index = STATE_ZERO;
    this.shift = 0;
    this.displacement = 0;
    this.displacementHigh = 0;
    this.ripRelative = false;
    this.stackSegment = false;
    this.absolute = false;
  }
}
