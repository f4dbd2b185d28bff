import { signed64, type VirtualAddress } from '../../base/numbers.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import type { FpuImage } from './fpu-image.ts';
import { STATE_ERROR_CODE, STATE_PAGE_BASE, STATE_VECTOR } from './layout.ts';
import { type Access, EFLAGS_IF, EFLAGS_IOPL, type Exit, type ProcessorHooks, RSP, SS } from './processor.ts';
import type { RegisterFile } from './registers.ts';
import type { Segments } from './segments.ts';

/** Not an exit of `run`: the loop goes on after mode, privilege or TF may have changed. */
export const EXIT_RESUME = -1;

/** EFLAGS bits that POPF and IRET may change below ring 0 with IOPL below the privilege. */
const CHANGEABLE = 0x254dd5;

/** Guest memory as the processor offers it to system rows; a failed access has recorded its exception. */
export interface GuestMemoryPort {
  /** Machine address, or -1. */
  translate(address: VirtualAddress, access: Access): number;
  load(address: VirtualAddress, bytes: number): boolean;
  store(address: VirtualAddress, bytes: number): boolean;
  /** Value of the last load, or to be stored. */
  low: number;
  high: number;
  readBytes(address: VirtualAddress, length: number): Uint8Array | undefined;
  writeBytes(address: VirtualAddress, bytes: Uint8Array): boolean;
}

export interface SystemContext {
  readonly registers: RegisterFile;
  readonly segments: Segments;
  readonly memory: GuestMemoryPort;
  readonly fpu: FpuImage;
  readonly exit: Exit;
  readonly hooks: ProcessorHooks;
  readonly cr4: number;
}

/** One instruction that TypeScript carries out: its form and its record's offset; answers a ROUTINE_* of record.ts. */
export type SystemRow = (form: Form, at: number) => number;

/** What all system rows work with: the operands of their record, the stack, the flags, and the ways out. */
export class SystemMachine {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;

  constructor(
    linear: WebAssembly.Memory,
    readonly context: SystemContext,
  ) {
    this.u8 = new Uint8Array(linear.buffer);
    this.u16 = new Uint16Array(linear.buffer);
    this.i32 = new Int32Array(linear.buffer);
  }

  raise(vector: number, errorCode: number): number {
    this.i32[STATE_VECTOR >> 2] = vector;
    this.i32[STATE_ERROR_CODE >> 2] = errorCode;
    return record.ROUTINE_FAULT;
  }

  raiseCode(fault: number): number {
    return this.raise(fault >>> 16, fault & 0xffff);
  }

  /** Linear address of the record's memory operand. */
  address(at: number): VirtualAddress {
    const { i32, u16 } = this;
    const pair = (field: number): [number, number] => {
      const state = (u16[(at + field) >> 1] as number) >> 2;
      return [i32[state] as number, i32[state + 1] as number];
    };
    const shift = this.u8[at + record.RECORD_SHIFT] as number;
    const displacement = i32[(at + record.RECORD_DISPLACEMENT) >> 2] as number;
    const [indexLow, indexHigh] = pair(record.RECORD_INDEX);
    const scaledHigh = shift === 0 ? indexHigh : (indexHigh << shift) | (indexLow >>> (32 - shift));
    let [low, high] = pair(record.RECORD_BASE);
    [low, high] = add64(low, high, indexLow << shift, scaledHigh);
    [low, high] = add64(low, high, displacement, displacement >> 31);
    const [segmentLow, segmentHigh] = pair(record.RECORD_SEGMENT);
    [low, high] = add64(low, high, segmentLow, segmentHigh);
    return (this.context.segments.longMode ? signed64(low, high) : low >>> 0) as VirtualAddress;
  }

  registerOffset(form: Form, at: number, index: number): number {
    return this.u16[
      (at + (form.operands[index]?.kind === 'first' ? record.RECORD_FIRST : record.RECORD_SECOND)) >> 1
    ] as number;
  }

  /** Low 32 bits of an E or G operand into the return value; undefined when memory faulted. */
  readOperand(form: Form, at: number, index: number, bytes: number): number | undefined {
    if (form.operands[index]?.kind === 'memory') {
      return this.context.memory.load(this.address(at), bytes) ? this.context.memory.low : undefined;
    }
    const offset = this.registerOffset(form, at, index);
    return bytes === 2 ? (this.u16[offset >> 1] as number) : (this.i32[offset >> 2] as number);
  }

  /** Writes a value (zero-extended to 64 bits) to an E or G operand. */
  writeOperand(form: Form, at: number, index: number, bytes: number, value: number): boolean {
    if (form.operands[index]?.kind === 'memory') {
      this.context.memory.low = value;
      this.context.memory.high = 0;
      return this.context.memory.store(this.address(at), bytes);
    }
    const offset = this.registerOffset(form, at, index);
    if (bytes === 2) this.u16[offset >> 1] = value;
    else {
      this.i32[offset >> 2] = value;
      this.i32[(offset >> 2) + 1] = 0;
    }
    return true;
  }

  writeResult(form: Form, at: number, value: number): number {
    const memory = form.operands[0]?.kind === 'memory';
    const done = this.writeOperand(
      form,
      at,
      0,
      memory ? 2 : form.size / 8,
      memory || form.size === 16 ? value & 0xffff : value,
    );
    return done ? record.ROUTINE_NEXT : record.ROUTINE_FAULT;
  }

  setZero(zero: boolean): void {
    const { registers } = this.context;
    registers.rflags = zero ? registers.rflags | 0x40 : registers.rflags & ~0x40;
  }

  /** Leaves `run` with rip still at the instruction. */
  leave(reason: Exit['reason'], at: number, vector: number): number {
    const { exit } = this.context;
    exit.reason = reason;
    exit.vector = vector;
    exit.errorCode = -1;
    exit.length = this.u8[at + record.RECORD_LENGTH] as number;
    this.ripTo(this.u16[(at + record.RECORD_OFFSET) >> 1] as number);
    return record.ROUTINE_EXIT;
  }

  /** Back to the run loop, which looks at mode, privilege and TF anew; rip is set. */
  resume(): number {
    this.context.exit.reason = EXIT_RESUME as Exit['reason'];
    return record.ROUTINE_EXIT;
  }

  resumeAfter(at: number): number {
    this.ripTo(this.u16[(at + record.RECORD_NEXT_OFFSET) >> 1] as number);
    return this.resume();
  }

  /** Outside 64-bit mode a data segment may bring limits that must be checked from now on. */
  segmentLoaded(at: number): number {
    return this.context.segments.longMode ? record.ROUTINE_NEXT : this.resumeAfter(at);
  }

  ripTo(offset: number): void {
    const { i32 } = this;
    const base = STATE_PAGE_BASE >> 2;
    const [low, high] = add64(i32[base] as number, i32[base + 1] as number, offset, 0);
    this.context.registers.setRip(low, this.context.segments.longMode ? high : 0);
  }

  stackAt(offset: number): VirtualAddress {
    const { registers, segments } = this.context;
    if (segments.longMode) return (registers.address(RSP) + offset) as VirtualAddress;
    return ((registers.low(RSP) + offset + registers.baseLow(SS)) >>> 0) as VirtualAddress;
  }

  moveStack(by: number): void {
    const { registers, segments } = this.context;
    const [low, high] = add64(registers.low(RSP), registers.high(RSP), by, by >> 31);
    registers.set(RSP, low, segments.longMode ? high : 0);
  }

  /** New EFLAGS as POPF or IRET at the guest's privilege may set them; `clear` bits end as zero. */
  changeFlags(value: number, size: number, clear: number): void {
    const { registers, segments } = this.context;
    const old = registers.rflags;
    let mask = CHANGEABLE & ~clear;
    if (segments.privilege <= (old & EFLAGS_IOPL) >> 12) mask |= EFLAGS_IF;
    if (size === 16) mask &= 0xffff;
    registers.rflags = ((old & ~mask & ~clear) | (value & mask)) >>> 0;
  }
}

/** Sum of two 64-bit values in halves. */
export function add64(low: number, high: number, addLow: number, addHigh: number): [number, number] {
  const sum = (low >>> 0) + (addLow >>> 0);
  return [sum | 0, (high + addHigh + (sum > 0xffffffff ? 1 : 0)) | 0];
}
