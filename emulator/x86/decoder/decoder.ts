import {
  STATE_ADDRESS,
  STATE_PAGE_BASE,
  STATE_REGISTERS,
  STATE_SEGMENT_BASES,
  STATE_SELECTORS,
  STATE_X87,
  STATE_XMM,
  STATE_ZERO,
} from '../cpu/layout.ts';
import type { FormTable } from '../interpreter/forms.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { ROWS } from '../isa/rows.ts';
import { buildOpcodeTable, type Candidate, type Opcode, type OpcodeTable } from './opcode-table.ts';

/** Outcome of decoding one instruction. */
export const DECODED = 0;
/** It runs past the bytes that were given: decode again with the next page's. */
export const NEEDS_MORE = 1;

const FS = 4;
const SS = 2;
const DS = 3;
const MAXIMUM_LENGTH = 15;

/** Base and index registers of 16-bit addressing by ModRM.rm (SDM vol. 2, table 2-1). */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1];

/**
 * Turns instruction bytes in linear memory into records. One object, no allocation while decoding; after `decode`
 * returned DECODED the fields say what came out.
 */
export class Decoder {
  /** Bytes of the instruction. */
  length = 0;
  /** Records written (address helpers included). */
  records = 0;
  /** The block ends here. */
  ends = false;
  /** Row that matched; undefined for an undefined opcode (a record that raises #UD was written). */
  form: Form | undefined;

  private readonly opcodes: OpcodeTable;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;

  private at = 0;
  private limit = 0;
  private short = false;

  private rex = 0;
  private operandPrefix = false;
  private addressPrefix = false;
  private lockPrefix = false;
  private repeatPrefix = 0;
  private segment = -1;

  private modrm = 0;
  private hasMemory = false;
  private base = 0;
  private index = 0;
  private shift = 0;
  private displacement = 0;
  private displacementHigh = 0;
  private ripRelative = false;
  private stackSegment = false;
  private absolute = false;

  constructor(
    memory: WebAssembly.Memory,
    readonly mode: 32 | 64,
    table: FormTable,
  ) {
    this.opcodes = buildOpcodeTable(table, ROWS);
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
  }

  /**
   * Decodes at byte `from`, of which `available` bytes may be read, into records at `to`. `offset` is the
   * instruction's place in its page.
   */
  decode(from: number, available: number, offset: number, to: number): number {
    this.at = from;
    this.limit = from + Math.min(available, MAXIMUM_LENGTH);
    this.short = false;
    this.readPrefixes();
    const opcode = this.readOpcode();
    const candidate = this.short || opcode === undefined ? undefined : this.select(opcode);
    if (this.short) {
      if (available < MAXIMUM_LENGTH) return NEEDS_MORE;
      return this.invalid(from, offset, to, 13, 0);
    }
    if (candidate === undefined) return this.invalid(from, offset, to, 6, -1);
    const sizeIndex = this.sizeIndex(candidate);
    const form = (
      this.hasMemory || candidate.row.operands.includes('O') || candidate.row.operands === 'XL'
        ? candidate.memoryForms
        : candidate.registerForms
    )[sizeIndex];
    if (
      form === undefined ||
      (this.lockPrefix && !(candidate.row.traits.lock === true && form.operands[0]?.kind === 'memory'))
    )
      return this.invalid(from, offset, to, 6, -1);
    return this.emit(candidate, form, from, available, offset, to);
  }

  private byte(): number {
    if (this.at >= this.limit) {
      this.short = true;
      return 0;
    }
    return this.u8[this.at++] as number;
  }

  private signed8(): number {
    return (this.byte() << 24) >> 24;
  }

  private unsigned16(): number {
    const low = this.byte();
    return low | (this.byte() << 8);
  }

  private signed32(): number {
    const low = this.unsigned16();
    return low | (this.unsigned16() << 16);
  }

  private readPrefixes(): void {
    this.rex = 0;
    this.operandPrefix = false;
    this.addressPrefix = false;
    this.lockPrefix = false;
    this.repeatPrefix = 0;
    this.segment = -1;
    for (;;) {
      const value = this.byte();
      if (this.short) return;
      switch (value) {
        case 0x66:
          this.operandPrefix = true;
          break;
        case 0x67:
          this.addressPrefix = true;
          break;
        case 0xf0:
          this.lockPrefix = true;
          break;
        case 0xf2:
        case 0xf3:
          this.repeatPrefix = value;
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
          // In 64-bit mode ES, CS, SS and DS overrides are ignored; they do not cancel an FS or GS before them.
          if (this.mode === 32) this.segment = (value >> 3) & 3;
          break;
        case 0x64:
        case 0x65:
          this.segment = FS + (value & 1);
          break;
        default:
          if (this.mode === 64 && (value & 0xf0) === 0x40) {
            this.rex = value;
            const next = this.u8[this.at] as number;
            // A REX prefix counts only right before the opcode.
            if (this.at < this.limit && isLegacyPrefix(next)) this.rex = 0;
            else if (this.at < this.limit && (next & 0xf0) === 0x40) this.rex = 0;
            else return;
            break;
          }
          this.at--;
          return;
      }
    }
  }

  private readOpcode(): Opcode | undefined {
    let map = 0;
    let value = this.byte();
    if (value === 0x0f) {
      map = 1;
      value = this.byte();
      if (value === 0x38 || value === 0x3a) {
        map = value === 0x38 ? 2 : 3;
        value = this.byte();
      }
    }
    if (this.short) return undefined;
    const opcode = this.opcodes[map * 256 + value];
    this.opcodeByte = value;
    this.hasMemory = false;
    if (opcode?.hasModrm === true) this.readModrm(ignoresModrmMod(map, value));
    return opcode;
  }

  private opcodeByte = 0;

  private readModrm(registerOnly: boolean): void {
    this.modrm = this.byte();
    this.absolute = false;
    this.ripRelative = false;
    this.stackSegment = false;
    this.displacement = 0;
    this.displacementHigh = 0;
    if (this.modrm >= 0xc0 || registerOnly) return;
    this.hasMemory = true;
    this.shift = 0;
    this.index = STATE_ZERO;
    if (this.mode === 32 && this.addressPrefix) this.readAddress16();
    else this.readAddress();
  }

  private readAddress(): void {
    const mod = this.modrm >> 6;
    let low = this.modrm & 7;
    const extension = (this.rex & 1) << 3;
    if (low === 4) {
      const sib = this.byte();
      const index = ((sib >> 3) & 7) | ((this.rex & 2) << 2);
      if (index !== 4) {
        this.index = STATE_REGISTERS + index * 8;
        this.shift = sib >> 6;
      }
      low = sib & 7;
      if (low === 5 && mod === 0) {
        this.base = STATE_ZERO;
        this.displacement = this.signed32();
        return;
      }
    } else if (low === 5 && mod === 0) {
      this.displacement = this.signed32();
      this.base = STATE_ZERO;
      this.ripRelative = this.mode === 64;
      return;
    }
    const base = low | extension;
    this.base = STATE_REGISTERS + base * 8;
    this.stackSegment = low === 4 || low === 5 ? extension === 0 : false;
    if (mod === 1) this.displacement = this.signed8();
    else if (mod === 2) this.displacement = this.signed32();
  }

  private readAddress16(): void {
    const mod = this.modrm >> 6;
    const low = this.modrm & 7;
    if (mod === 0 && low === 6) {
      this.base = STATE_ZERO;
      this.displacement = this.unsigned16();
      return;
    }
    this.base = STATE_REGISTERS + (BASE16[low] as number) * 8;
    const index = INDEX16[low] as number;
    if (index >= 0) this.index = STATE_REGISTERS + index * 8;
    this.stackSegment = low === 2 || low === 3 || low === 6;
    if (mod === 1) this.displacement = this.signed8();
    else if (mod === 2) this.displacement = (this.unsigned16() << 16) >> 16;
  }

  private select(opcode: Opcode): Candidate | undefined {
    const repeat = this.repeatPrefix;
    let fallback: Candidate | undefined;
    let with66: Candidate | undefined;
    for (const candidate of opcode.candidates) {
      const { encoding } = candidate;
      if (encoding.digit >= 0 && ((this.modrm >> 3) & 7) !== encoding.digit) continue;
      if (encoding.modrmMask !== 0 && (this.modrm & encoding.modrmMask) !== encoding.modrm) continue;
      if (encoding.rexW && (this.rex & 8) === 0) continue;
      if (candidate.row.traits.size16 === true && !this.operandPrefix) continue;
      if (encoding.hasModrm && encoding.modrmMask === 0 && !(this.hasMemory ? candidate.memory : candidate.register))
        continue;
      if (this.opcodeByte === 0x90 && encoding.map === 0 && !encoding.plusRegister && (this.rex & 1) !== 0) continue;
      const { prefix } = encoding;
      if (prefix === 0xf2 || prefix === 0xf3) {
        if (prefix === repeat) return candidate;
      } else if (prefix === 0x66) {
        if (this.operandPrefix && repeat === 0) with66 ??= candidate;
      } else if (prefix === 'no repeat') {
        if (repeat === 0) fallback ??= candidate;
      } else if (prefix === 'none') {
        if (repeat === 0 && !this.operandPrefix) fallback ??= candidate;
      } else fallback ??= candidate;
    }
    return with66 ?? fallback;
  }

  /** 0, 1, 2 for 16, 32, 64 bits. */
  private sizeIndex(candidate: Candidate): number {
    const { traits } = candidate.row;
    if (traits.force64 === true) return this.mode === 64 ? 2 : 1;
    if ((this.rex & 8) !== 0) return 2;
    const mandatory = candidate.encoding.prefix === 0x66;
    if (this.operandPrefix && !mandatory) return 0;
    return traits.default64 === true && this.mode === 64 ? 2 : 1;
  }

  private emit(candidate: Candidate, form: Form, from: number, available: number, offset: number, to: number): number {
    const { operands } = candidate;
    let first = 0;
    let second = 0;
    let registers = 0;
    let immediate = 0;
    let immediates = 0;
    let extra = this.addressPrefix ? 1 : 0;
    let relative = 0;
    let branch = false;
    let high = 0;
    let wide = false;
    for (let position = 0; position < operands.length; position++) {
      const operand = form.operands[position] as Form['operands'][number];
      const text = operands[position] as string;
      switch (operand.kind) {
        case 'first':
        case 'second': {
          const where = this.registerOffset(operand.letter, operand.size, candidate);
          if (where < 0) return this.invalid(from, offset, to, 6, -1);
          if (registers++ === 0) first = where;
          else second = where;
          break;
        }
        case 'immediate':
        case 'immediate2': {
          let value = 0;
          if (text === 'Ib' || text === 'Kb') value = this.byte();
          else if (text.startsWith('sI')) value = this.signed8();
          else if (text === 'Iw') value = this.unsigned16();
          else if (text === 'Iv' && form.size === 64) {
            value = this.signed32();
            high = this.signed32();
            wide = true;
          } else value = form.size === 16 ? this.unsigned16() : this.signed32();
          if (operand.size === 16) value &= 0xffff;
          else if (operand.size === 8) value &= 0xff;
          if (immediates++ === 0) immediate = value;
          else extra = value;
          break;
        }
        case 'memory':
          if (operand.letter === 'O') this.readOffset();
          else if (text === 'XL') {
            this.base = STATE_REGISTERS + 3 * 8;
            this.index = STATE_ZERO;
            this.shift = 0;
            this.displacement = 0;
            this.ripRelative = false;
            this.absolute = false;
          }
          break;
        case 'none':
          if (operand.letter === 'J') {
            relative = text === 'Jb' ? this.signed8() : this.signed32();
            branch = true;
          } else if (text === 'Ap') {
            immediate = form.size === 16 ? this.unsigned16() : this.signed32();
            first = this.unsigned16();
          } else if (text[0] === 's' && text.length === 2) extra = Number(text[1]);
          break;
        default:
          break;
      }
    }
    if (candidate.encoding.modrmMask === 0xf8) extra = this.modrm & 7;
    if (this.short) return available < MAXIMUM_LENGTH ? NEEDS_MORE : this.invalid(from, offset, to, 13, 0);
    const length = this.at - from;
    const next = offset + length;
    let place = to;
    const memory = form.operands.some(({ kind }) => kind === 'memory');
    let { base, index, shift, displacement } = this;
    if (memory) {
      if (this.mode === 32 && this.segment >= FS && candidate.row.name !== 'lea') {
        this.begin(place, record.HANDLER_NOT_NULL, offset, next);
        this.u8[place + record.RECORD_EXTRA] = this.segment;
        place += record.RECORD_SIZE;
      }
      if (this.ripRelative) {
        base = STATE_PAGE_BASE;
        displacement = (displacement + next) | 0;
      }
      if (this.absolute) {
        this.begin(place, record.HANDLER_ADDRESS_ABSOLUTE, offset, next);
        this.i32[(place + record.RECORD_DISPLACEMENT) >> 2] = displacement;
        this.i32[(place + record.RECORD_IMMEDIATE) >> 2] = this.displacementHigh;
        place += record.RECORD_SIZE;
        base = STATE_ADDRESS;
        index = STATE_ZERO;
        displacement = 0;
      } else if (this.addressPrefix && scalesWithAddressSize(candidate)) {
        this.begin(place, this.mode === 64 ? record.HANDLER_ADDRESS32 : record.HANDLER_ADDRESS16, offset, next);
        this.address(place, base, index, shift, displacement);
        place += record.RECORD_SIZE;
        base = STATE_ADDRESS;
        index = STATE_ZERO;
        shift = 0;
        displacement = 0;
      }
    }
    this.begin(place, form.handler, offset, next);
    this.u8[place + record.RECORD_LENGTH] = length;
    this.u16[(place + record.RECORD_FIRST) >> 1] = first;
    this.u16[(place + record.RECORD_SECOND) >> 1] = second;
    if (memory) this.address(place, base, index, shift, displacement);
    else {
      this.u16[(place + record.RECORD_BASE) >> 1] = STATE_ZERO;
      this.u16[(place + record.RECORD_INDEX) >> 1] = STATE_ZERO;
    }
    this.u16[(place + record.RECORD_SEGMENT) >> 1] = this.segmentBase();
    this.u8[place + record.RECORD_EXTRA] = extra;
    if (branch) {
      const target = (next + relative) | 0;
      this.i32[(place + record.RECORD_DISPLACEMENT) >> 2] = target;
      this.i32[(place + record.RECORD_LINK_TAKEN) >> 2] = target >= 0 && target < 4096 ? 0 : -1;
      this.i32[(place + record.RECORD_LINK_NEXT) >> 2] = next < 4096 ? 0 : -1;
    } else {
      if (wide) this.i32[(place + record.RECORD_DISPLACEMENT) >> 2] = immediate;
      this.i32[(place + record.RECORD_IMMEDIATE) >> 2] = wide ? high : immediate;
      this.i32[(place + record.RECORD_ROUTINE) >> 2] = form.routine;
    }
    this.length = length;
    this.records = (place - to) / record.RECORD_SIZE + 1;
    this.ends = candidate.row.traits.ends === true;
    this.form = form;
    return DECODED;
  }

  private begin(place: number, handler: number, offset: number, next: number): void {
    const word = place >> 2;
    this.i32.fill(0, word, word + record.RECORD_SIZE / 4);
    this.u16[place >> 1] = handler;
    this.u16[(place + record.RECORD_OFFSET) >> 1] = offset;
    this.u16[(place + record.RECORD_NEXT_OFFSET) >> 1] = next;
  }

  private address(place: number, base: number, index: number, shift: number, displacement: number): void {
    this.u16[(place + record.RECORD_BASE) >> 1] = base;
    this.u16[(place + record.RECORD_INDEX) >> 1] = index;
    this.u8[place + record.RECORD_SHIFT] = shift;
    this.i32[(place + record.RECORD_DISPLACEMENT) >> 2] = displacement;
  }

  private segmentBase(): number {
    if (this.mode === 64) return this.segment >= FS ? STATE_SEGMENT_BASES + this.segment * 8 : STATE_ZERO;
    const segment = this.segment >= 0 ? this.segment : this.hasMemory && this.stackSegment ? SS : DS;
    return STATE_SEGMENT_BASES + segment * 8;
  }

  /** moffs: as wide as the address size; 64-bit ones that do not fit a displacement get a helper record. */
  private readOffset(): void {
    this.base = STATE_ZERO;
    this.index = STATE_ZERO;
    this.shift = 0;
    this.ripRelative = false;
    this.absolute = false;
    if (this.mode === 32) {
      this.displacement = this.addressPrefix ? this.unsigned16() : this.signed32();
      return;
    }
    this.displacement = this.signed32();
    this.displacementHigh = this.addressPrefix ? 0 : this.signed32();
    this.absolute = this.displacementHigh !== this.displacement >> 31;
  }

  /** State offset of a register operand; -1 for a number that does not exist. */
  private registerOffset(letter: string, size: number, candidate: Candidate): number {
    const reg = ((this.modrm >> 3) & 7) | ((this.rex & 4) << 1);
    const rm = (this.modrm & 7) | ((this.rex & 1) << 3);
    switch (letter) {
      case 'G':
        return this.general(reg, size);
      case 'E':
      case 'R':
        return this.general(rm, size);
      case 'Z':
        return this.general((this.opcodeByte & 7) | ((this.rex & 1) << 3), size);
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
        return segment > 5 || (loads && segment === 1) ? -1 : STATE_SELECTORS + segment * 4;
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
    if (size === 8 && this.rex === 0 && number >= 4) return STATE_REGISTERS + (number - 4) * 8 + 1;
    return STATE_REGISTERS + number * 8;
  }

  private invalid(from: number, offset: number, to: number, vector: number, errorCode: number): number {
    this.begin(to, record.HANDLER_RAISE, offset, offset + 1);
    this.i32[(to + record.RECORD_IMMEDIATE) >> 2] = vector;
    this.i32[(to + record.RECORD_DISPLACEMENT) >> 2] = errorCode;
    this.length = Math.max(1, this.at - from);
    this.records = 1;
    this.ends = true;
    this.form = undefined;
    return DECODED;
  }
}

function isLegacyPrefix(value: number): boolean {
  switch (value) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
      return true;
    default:
      return false;
  }
}

/** MOV to and from control and debug registers ignores ModRM.mod. */
function ignoresModrmMod(map: number, opcode: number): boolean {
  return map === 1 && opcode >= 0x20 && opcode <= 0x23;
}

/** String and XLAT operands are not ModRM addresses; their registers are cut by the row itself. */
function scalesWithAddressSize(candidate: Candidate): boolean {
  return candidate.row.operands !== 'XL';
}
