import { STATE_REGISTERS, STATE_SELECTORS, STATE_X87, STATE_XMM } from '../cpu/layout.ts';
import type { Form } from '../interpreter/operands.ts';
import type { AddressForm } from './address-form.ts';
import type { InstructionBytes } from './instruction-bytes.ts';
import type { Candidate } from './opcode-table.ts';
import type { Prefixes } from './prefixes.ts';

const CS = 1;
const LAST_SEGMENT = 5;

/** The operands of one instruction, as its record will hold them. */
export class InstructionOperands {
  /** State offsets of the first and second register operand; the selector of a far pointer is a first one too. */
  first = 0;
  second = 0;
  immediate = 0;
  /** Upper half of an immediate of 64 bits, where `isWide`. */
  immediateHigh = 0;
  isWide = false;
  /** Value for RECORD_EXTRA: second immediate, segment number, x87 register, address size. */
  extra = 0;
  /** Distance of a relative branch, where `isBranch`. */
  relative = 0;
  isBranch = false;
  private registers = 0;
  private immediates = 0;

  constructor(
    private readonly bytes: InstructionBytes,
    private readonly prefixes: Prefixes,
    private readonly address: AddressForm,
    private readonly mode: 32 | 64,
  ) {}

  /** Reads what follows ModRM. False: a register number that does not exist. */
  read(candidate: Candidate, form: Form, opcode: number, modrm: number): boolean {
    this.first = 0;
    this.second = 0;
    this.immediate = 0;
    this.immediateHigh = 0;
    this.isWide = false;
    this.extra = this.prefixes.addressSize ? 1 : 0;
    this.relative = 0;
    this.isBranch = false;
    this.registers = 0;
    this.immediates = 0;
    for (let position = 0; position < candidate.operands.length; position++) {
      const operand = form.operands[position] as Form['operands'][number];
      const text = candidate.operands[position] as string;
      switch (operand.kind) {
        case 'first':
        case 'second': {
          const where = this.registerOffset(operand.letter, operand.size, candidate, opcode, modrm);
          if (where < 0) return false;
          if (this.registers++ === 0) this.first = where;
          else this.second = where;
          break;
        }
        case 'immediate':
        case 'immediate2':
          this.readImmediate(text, form.size, operand.size);
          break;
        case 'memory':
          if (operand.letter === 'O') this.address.readOffset(this.bytes, this.mode, this.prefixes.addressSize);
          else if (text === 'XL') this.address.setRbx();
          break;
        case 'none':
          this.readImplicit(operand.letter, text, form.size);
          break;
        default:
          break;
      }
    }
    // x87 forms by register: the register's number.
    if (candidate.encoding.modrmMask === 0xf8) this.extra = modrm & 7;
    return true;
  }

  private readImmediate(text: string, formSize: number, size: number): void {
    const { bytes } = this;
    let value = 0;
    if (text === 'Ib' || text === 'Kb') value = bytes.byte();
    else if (text.startsWith('sI')) value = bytes.signed8();
    else if (text === 'Iw') value = bytes.unsigned16();
    else if (text === 'Iv' && formSize === 64) {
      value = bytes.signed32();
      this.immediateHigh = bytes.signed32();
      this.isWide = true;
    } else value = formSize === 16 ? bytes.unsigned16() : bytes.signed32();
    if (size === 16) value &= 0xffff;
    else if (size === 8) value &= 0xff;
    if (this.immediates++ === 0) this.immediate = value;
    else this.extra = value;
  }

  /** Relative targets, far pointers, and segments that the opcode names ("s2"). */
  private readImplicit(letter: string, text: string, formSize: number): void {
    const { bytes } = this;
    if (letter === 'J') {
      this.relative = text === 'Jb' ? bytes.signed8() : bytes.signed32();
      this.isBranch = true;
    } else if (text === 'Ap') {
      this.immediate = formSize === 16 ? bytes.unsigned16() : bytes.signed32();
      this.first = bytes.unsigned16();
    } else if (text[0] === 's' && text.length === 2) this.extra = Number(text[1]);
  }

  /** State offset of a register operand, or the number of a control or debug register; -1: there is none such. */
  private registerOffset(letter: string, size: number, candidate: Candidate, opcode: number, modrm: number): number {
    const { rex } = this.prefixes;
    const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    const rm = (modrm & 7) | ((rex & 1) << 3);
    switch (letter) {
      case 'G':
        return this.general(reg, size);
      case 'E':
      case 'R':
        return this.general(rm, size);
      case 'Z':
        return this.general((opcode & 7) | ((rex & 1) << 3), size);
      case 'V':
        return STATE_XMM + reg * 16;
      case 'W':
      case 'U':
        return STATE_XMM + rm * 16;
      case 'P':
        return STATE_X87 + (reg & 7) * 16;
      case 'Q':
      case 'N':
        return STATE_X87 + (rm & 7) * 16;
      case 'S': {
        const segment = reg & 7;
        const loads = candidate.operands[0]?.[0] === 'S';
        return segment > LAST_SEGMENT || (loads && segment === CS) ? -1 : STATE_SELECTORS + segment * 4;
      }
      case 'C':
        return reg === 0 || reg === 2 || reg === 3 || reg === 4 || reg === 8 ? reg : -1;
      case 'D':
        return reg < 8 ? reg : -1;
      default:
        return 0;
    }
  }

  /** Without REX, byte registers 4–7 are AH, CH, DH, BH. */
  private general(number: number, size: number): number {
    if (size === 8 && this.prefixes.rex === 0 && number >= 4) return STATE_REGISTERS + (number - 4) * 8 + 1;
    return STATE_REGISTERS + number * 8;
  }
}
