import { STATE_PAGE_BASE, STATE_SEGMENT_BASES, STATE_ZERO } from '../cpu/layout.ts';
import { DS, FS, SS, VECTOR_GP, VECTOR_UD } from '../cpu/processor.ts';
import type { FormTable } from '../interpreter/forms.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { ROWS } from '../isa/rows.ts';
import { AddressForm } from './address-form.ts';
import { InstructionBytes, MAXIMUM_LENGTH } from './instruction-bytes.ts';
import { InstructionOperands } from './instruction-operands.ts';
import { buildOpcodeTable, type Candidate, type Opcode, type OpcodeTable } from './opcode-table.ts';
import { Prefixes } from './prefixes.ts';
import { RecordWriter } from './record-writer.ts';

/** Outcome of decoding one instruction. */
export const DECODED = 0;
/** It runs past the bytes that were given: decode again with the next page's. */
export const NEEDS_MORE = 1;

const NO_ERROR_CODE = -1;
const PAGE = 4096;
/** Where a link of a direct branch is still to be made; targets in other pages get none. */
const LINK_UNRESOLVED = 0;
const LINK_NONE = -1;

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
  private readonly bytes: InstructionBytes;
  private readonly prefixes: Prefixes;
  private readonly address = new AddressForm();
  private readonly operands: InstructionOperands;
  private readonly writer: RecordWriter;

  private opcodeByte = 0;
  private modrm = 0;
  /** ModRM names a memory operand. */
  private hasMemory = false;

  constructor(
    memory: WebAssembly.Memory,
    readonly mode: 32 | 64,
    table: FormTable,
  ) {
    this.opcodes = buildOpcodeTable(table, ROWS);
    this.bytes = new InstructionBytes(memory);
    this.prefixes = new Prefixes(mode);
    this.operands = new InstructionOperands(this.bytes, this.prefixes, this.address, mode);
    this.writer = new RecordWriter(memory);
  }

  /**
   * Decodes at byte `from`, of which `available` bytes may be read, into records at `to`. `offset` is the
   * instruction's place in its page.
   */
  decode(from: number, available: number, offset: number, to: number): number {
    const { bytes } = this;
    bytes.start(from, available);
    this.prefixes.read(bytes);
    const opcode = this.readOpcode();
    const candidate = bytes.short || opcode === undefined ? undefined : this.select(opcode);
    const form = candidate === undefined ? undefined : this.selectForm(candidate);
    const valid =
      candidate !== undefined && form !== undefined && this.operands.read(candidate, form, this.opcodeByte, this.modrm);
    this.length = bytes.at - from;
    if (bytes.short && available < MAXIMUM_LENGTH) return NEEDS_MORE;
    if (bytes.short) this.raise(VECTOR_GP, 0, offset, to);
    else if (!valid) this.raise(VECTOR_UD, NO_ERROR_CODE, offset, to);
    else this.write(candidate, form, offset, to);
    return DECODED;
  }

  private readOpcode(): Opcode | undefined {
    const { bytes } = this;
    let map = 0;
    let value = bytes.byte();
    if (value === 0x0f) {
      map = 1;
      value = bytes.byte();
      if (value === 0x38 || value === 0x3a) {
        map = value === 0x38 ? 2 : 3;
        value = bytes.byte();
      }
    }
    this.opcodeByte = value;
    this.hasMemory = false;
    if (bytes.short) return undefined;
    const opcode = this.opcodes[map * 256 + value];
    if (opcode?.hasModrm === true) this.readModrm(ignoresModrmMod(map, value));
    return opcode;
  }

  private readModrm(registerOnly: boolean): void {
    const { bytes, prefixes, mode } = this;
    this.modrm = bytes.byte();
    if (this.modrm >= 0xc0 || registerOnly) return;
    this.hasMemory = true;
    if (mode === 32 && prefixes.addressSize) this.address.readModrm16(bytes, this.modrm);
    else this.address.readModrm(bytes, this.modrm, prefixes.rex, mode);
  }

  /** The row that opcode, ModRM and prefixes mean; one that a prefix selects goes before one that takes any. */
  private select(opcode: Opcode): Candidate | undefined {
    const { repeat, operandSize } = this.prefixes;
    let fallback: Candidate | undefined;
    let with66: Candidate | undefined;
    for (const candidate of opcode.candidates) {
      if (!this.fits(candidate)) continue;
      const { prefix } = candidate.encoding;
      if (prefix === 0xf2 || prefix === 0xf3) {
        if (prefix === repeat) return candidate;
      } else if (prefix === 0x66) {
        if (operandSize && repeat === 0) with66 ??= candidate;
      } else if (prefix === 'no repeat') {
        if (repeat === 0) fallback ??= candidate;
      } else if (prefix === 'none') {
        if (repeat === 0 && !operandSize) fallback ??= candidate;
      } else fallback ??= candidate;
    }
    return with66 ?? fallback;
  }

  private fits({ encoding, row, memory, register }: Candidate): boolean {
    const { modrm, prefixes } = this;
    if (encoding.digit >= 0 && ((modrm >> 3) & 7) !== encoding.digit) return false;
    if (encoding.modrmMask !== 0 && (modrm & encoding.modrmMask) !== encoding.modrm) return false;
    if (encoding.rexW && !prefixes.wide) return false;
    if (row.traits.size16 === true && !prefixes.operandSize) return false;
    if (encoding.hasModrm && encoding.modrmMask === 0 && !(this.hasMemory ? memory : register)) return false;
    // 90 is NOP, but with REX.B it exchanges R8 and RAX.
    const isNop = this.opcodeByte === 0x90 && encoding.map === 0 && !encoding.plusRegister;
    return !isNop || (prefixes.rex & 1) === 0;
  }

  /** The form of that row; undefined where LOCK may not stand. */
  private selectForm(candidate: Candidate): Form | undefined {
    const { row } = candidate;
    const memory = this.hasMemory || row.operands.includes('O') || row.operands === 'XL';
    const form = (memory ? candidate.memoryForms : candidate.registerForms)[this.sizeIndex(candidate)];
    const lockable = row.traits.lock === true && form?.operands[0]?.kind === 'memory';
    return this.prefixes.lock && !lockable ? undefined : form;
  }

  /** 0, 1, 2 for 16, 32, 64 bits. */
  private sizeIndex({ row, encoding }: Candidate): number {
    const { traits } = row;
    if (traits.force64 === true) return this.mode === 64 ? 2 : 1;
    if (this.prefixes.wide) return 2;
    if (this.prefixes.operandSize && encoding.prefix !== 0x66) return 0;
    return traits.default64 === true && this.mode === 64 ? 2 : 1;
  }

  private write(candidate: Candidate, form: Form, offset: number, to: number): void {
    const { writer } = this;
    const next = offset + this.length;
    const memory = form.operands.some(({ kind }) => kind === 'memory');
    writer.open(to, offset, next);
    if (memory) {
      if (this.mode === 32 && this.prefixes.segment >= FS && candidate.row.name !== 'lea') this.writeNullCheck();
      this.writeMemoryRecord(candidate, form, next);
    } else {
      writer.begin(form.handler);
      writer.noAddress();
    }
    writer.set8(record.RECORD_LENGTH, this.length);
    writer.set16(record.RECORD_FIRST, this.operands.first);
    writer.set16(record.RECORD_SECOND, this.operands.second);
    writer.set16(record.RECORD_SEGMENT, this.segmentBase());
    writer.set8(record.RECORD_EXTRA, this.operands.extra);
    if (this.operands.isBranch) this.writeBranch(next);
    else this.writeImmediate(form);
    this.records = writer.count;
    this.ends = candidate.row.traits.ends === true;
    this.form = form;
  }

  private writeNullCheck(): void {
    this.writer.begin(record.HANDLER_NOT_NULL);
    this.writer.set8(record.RECORD_EXTRA, this.prefixes.segment);
    this.writer.advance();
  }

  /** The row's record with its address, after a helper's that computes one which no record can hold. */
  private writeMemoryRecord(candidate: Candidate, form: Form, next: number): void {
    const { writer, address } = this;
    const base = address.ripRelative ? STATE_PAGE_BASE : address.base;
    const displacement = address.ripRelative ? (address.displacement + next) | 0 : address.displacement;
    if (address.absolute) {
      writer.begin(record.HANDLER_ADDRESS_ABSOLUTE);
      writer.set32(record.RECORD_DISPLACEMENT, displacement);
      writer.set32(record.RECORD_IMMEDIATE, address.displacementHigh);
    } else if (this.prefixes.addressSize && scalesWithAddressSize(candidate)) {
      writer.begin(this.mode === 64 ? record.HANDLER_ADDRESS32 : record.HANDLER_ADDRESS16);
      writer.address(base, address.index, address.shift, displacement);
    } else {
      writer.begin(form.handler);
      writer.address(base, address.index, address.shift, displacement);
      return;
    }
    writer.advance();
    writer.begin(form.handler);
    writer.computedAddress();
  }

  private writeBranch(next: number): void {
    const { writer } = this;
    const target = (next + this.operands.relative) | 0;
    writer.set32(record.RECORD_DISPLACEMENT, target);
    writer.set32(record.RECORD_LINK_TAKEN, target >= 0 && target < PAGE ? LINK_UNRESOLVED : LINK_NONE);
    writer.set32(record.RECORD_LINK_NEXT, next < PAGE ? LINK_UNRESOLVED : LINK_NONE);
  }

  private writeImmediate(form: Form): void {
    const { writer, operands } = this;
    if (operands.isWide) writer.set32(record.RECORD_DISPLACEMENT, operands.immediate);
    writer.set32(record.RECORD_IMMEDIATE, operands.isWide ? operands.immediateHigh : operands.immediate);
    writer.set32(record.RECORD_ROUTINE, form.routine);
  }

  /** State offset of the segment base that is added; outside 64-bit mode every access has one. */
  private segmentBase(): number {
    const { segment } = this.prefixes;
    if (this.mode === 64) return segment >= FS ? STATE_SEGMENT_BASES + segment * 8 : STATE_ZERO;
    const used = segment >= 0 ? segment : this.hasMemory && this.address.stackSegment ? SS : DS;
    return STATE_SEGMENT_BASES + used * 8;
  }

  /** A record that raises an exception in the instruction's place. */
  private raise(vector: number, errorCode: number, offset: number, to: number): void {
    this.writer.open(to, offset, offset + 1);
    this.writer.begin(record.HANDLER_RAISE);
    this.writer.set32(record.RECORD_IMMEDIATE, vector);
    this.writer.set32(record.RECORD_DISPLACEMENT, errorCode);
    this.length = Math.max(1, this.length);
    this.records = 1;
    this.ends = true;
    this.form = undefined;
  }
}

/** MOV to and from control and debug registers ignores ModRM.mod. */
function ignoresModrmMod(map: number, opcode: number): boolean {
  return map === 1 && opcode >= 0x20 && opcode <= 0x23;
}

/** XLAT's operand is no ModRM address; its row cuts it itself. */
function scalesWithAddressSize(candidate: Candidate): boolean {
  return candidate.row.operands !== 'XL';
}
