import { isCanonical, signed64, type VirtualAddress } from '../../base/numbers.ts';
import { X87Transcendental } from '../fpu/x87-transcendental.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import type { FpuImage } from './fpu-image.ts';
import { STATE_ERROR_CODE, STATE_FPU_OFF, STATE_PAGE_BASE, STATE_SELECTORS, STATE_VECTOR } from './layout.ts';
import {
  ACCESS_WRITE,
  type Access,
  CS,
  DS,
  EFLAGS_AC,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  ES,
  EXIT_INT,
  EXIT_SYSCALL,
  EXIT_SYSENTER,
  type Exit,
  FS,
  GS,
  type ProcessorHooks,
  RAX,
  RBX,
  RCX,
  RDX,
  RSP,
  SS,
  VECTOR_BR,
  VECTOR_GP,
  VECTOR_NM,
} from './processor.ts';
import type { RegisterFile } from './registers.ts';
import { descriptorLimit, FAULT_NONE, type Segments } from './segments.ts';

/** Not an exit of `run`: the loop goes on after mode, privilege or TF may have changed. */
export const EXIT_RESUME = -1;

const CR4_TSD = 1 << 2;
/** L of a code segment's descriptor, high word. */
const CODE_LONG = 1 << 21;
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

type SystemRow = (form: Form, at: number) => number;

/** Instructions that touch descriptors, privilege or the outside: carried out here instead of in generated code. */
export class SystemRows {
  readonly table: Readonly<Record<string, SystemRow>>;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly words = new Uint32Array(4);

  constructor(
    linear: WebAssembly.Memory,
    private readonly context: SystemContext,
  ) {
    const transcendental = new X87Transcendental(linear).rows;
    this.u8 = new Uint8Array(linear.buffer);
    this.u16 = new Uint16Array(linear.buffer);
    this.i32 = new Int32Array(linear.buffer);
    this.table = {
      ...transcendental,
      'mov from segment': (form, at) => this.moveFromSegment(form, at),
      'mov to segment': (form, at) => this.moveToSegment(form, at),
      'pop segment': (form, at) => this.popSegment(form, at),
      'load far pointer': (form, at) => this.loadFarPointer(form, at),
      'store zero selector': (form, at) => this.writeResult(form, at, 0),
      smsw: (form, at) => this.writeResult(form, at, 0x8005003b | 0),
      'store descriptor table': (form, at) => this.storeDescriptorTable(form, at),
      'verify segment': (form, at) => this.verifySegment(form, at),
      'load access rights': (form, at) => this.loadAccessRights(form, at),
      'load segment limit': (form, at) => this.loadSegmentLimit(form, at),
      arpl: (form, at) => this.adjustRpl(form, at),
      bound: (form, at) => this.bound(form, at),
      cpuid: () => this.cpuid(),
      rdtsc: () => this.rdtsc(),
      pushf: (form) => this.pushFlags(form),
      popf: (form, at) => this.popFlags(form, at),
      int: (_form, at) => this.leave(EXIT_INT, at, this.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number),
      syscall: (_form, at) => this.leave(EXIT_SYSCALL, at, 0),
      sysenter: (_form, at) => this.leave(EXIT_SYSENTER, at, 0),
      iret: (form) => this.interruptReturn(form),
      'far return': (form, at) => this.farReturn(form, at),
      'far jump': (form, at) => this.farTransfer(form, at, false),
      'far call': (form, at) => this.farTransfer(form, at, true),
      fxsave: (form, at) => this.fxsave(form, at),
      fxrstor: (form, at) => this.fxrstor(form, at),
    };
  }

  // ---- Operands

  private raise(vector: number, errorCode: number): number {
    this.i32[STATE_VECTOR >> 2] = vector;
    this.i32[STATE_ERROR_CODE >> 2] = errorCode;
    return record.ROUTINE_FAULT;
  }

  private raiseCode(fault: number): number {
    return this.raise(fault >>> 16, fault & 0xffff);
  }

  /** Linear address of the record's memory operand. */
  private address(at: number): VirtualAddress {
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

  private registerOffset(form: Form, at: number, index: number): number {
    return this.u16[
      (at + (form.operands[index]?.kind === 'first' ? record.RECORD_FIRST : record.RECORD_SECOND)) >> 1
    ] as number;
  }

  /** Low 32 bits of an E or G operand into the return value; undefined when memory faulted. */
  private readOperand(form: Form, at: number, index: number, bytes: number): number | undefined {
    if (form.operands[index]?.kind === 'memory') {
      return this.context.memory.load(this.address(at), bytes) ? this.context.memory.low : undefined;
    }
    const offset = this.registerOffset(form, at, index);
    return bytes === 2 ? (this.u16[offset >> 1] as number) : (this.i32[offset >> 2] as number);
  }

  /** Writes a value (zero-extended to 64 bits) to an E or G operand. */
  private writeOperand(form: Form, at: number, index: number, bytes: number, value: number): boolean {
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

  private writeResult(form: Form, at: number, value: number): number {
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

  private setZero(zero: boolean): void {
    const { registers } = this.context;
    registers.rflags = zero ? registers.rflags | 0x40 : registers.rflags & ~0x40;
  }

  // ---- Segments

  private moveFromSegment(form: Form, at: number): number {
    const selector = this.i32[this.registerOffset(form, at, 1) >> 2] as number;
    return this.writeResult(form, at, selector);
  }

  private moveToSegment(form: Form, at: number): number {
    const segment = (this.registerOffset(form, at, 0) - STATE_SELECTORS) / 4;
    const selector = this.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const fault = this.context.segments.loadData(segment, selector & 0xffff);
    return fault === FAULT_NONE ? this.segmentLoaded(at) : this.raiseCode(fault);
  }

  private popSegment(form: Form, at: number): number {
    const { memory, segments } = this.context;
    const bytes = form.size / 8;
    if (!memory.load(this.stackAt(0), bytes)) return record.ROUTINE_FAULT;
    const fault = segments.loadData(this.u8[at + record.RECORD_EXTRA] as number, memory.low & 0xffff);
    if (fault !== FAULT_NONE) return this.raiseCode(fault);
    this.moveStack(bytes);
    return this.segmentLoaded(at);
  }

  private loadFarPointer(form: Form, at: number): number {
    const { memory, segments } = this.context;
    const opcode = form.row.encoding;
    const segment = opcode.startsWith('C4')
      ? ES
      : opcode.startsWith('C5')
        ? DS
        : opcode.includes('B2')
          ? SS
          : opcode.includes('B4')
            ? FS
            : GS;
    const bytes = form.size / 8;
    const address = this.address(at);
    if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
    const { low, high } = memory;
    if (!memory.load((address + bytes) as VirtualAddress, 2)) return record.ROUTINE_FAULT;
    const fault = segments.loadData(segment, memory.low & 0xffff);
    if (fault !== FAULT_NONE) return this.raiseCode(fault);
    const offset = this.registerOffset(form, at, 0);
    if (bytes === 2) this.u16[offset >> 1] = low;
    else {
      this.i32[offset >> 2] = low;
      this.i32[(offset >> 2) + 1] = bytes === 8 ? high : 0;
    }
    return this.segmentLoaded(at);
  }

  private storeDescriptorTable(_form: Form, at: number): number {
    const wide = this.context.segments.longMode ? 10 : 6;
    return this.context.memory.writeBytes(this.address(at), new Uint8Array(wide))
      ? record.ROUTINE_NEXT
      : record.ROUTINE_FAULT;
  }

  private verifySegment(form: Form, at: number): number {
    const selector = this.readOperand(form, at, 0, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    this.setZero(this.context.segments.verify(selector & 0xffff, form.row.name === 'verw'));
    return record.ROUTINE_NEXT;
  }

  private loadAccessRights(form: Form, at: number): number {
    const selector = this.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const rights = this.context.segments.accessRights(selector & 0xffff);
    if (rights >= 0) this.writeOperand(form, at, 0, form.size / 8, form.size === 16 ? rights & 0xffff : rights);
    this.setZero(rights >= 0);
    return record.ROUTINE_NEXT;
  }

  private loadSegmentLimit(form: Form, at: number): number {
    const { segments } = this.context;
    const selector = this.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const visible = segments.accessRights(selector & 0xffff) >= 0;
    if (visible) {
      const limit = descriptorLimit(segments.fetchedLow, segments.fetchedHigh);
      this.writeOperand(form, at, 0, form.size / 8, form.size === 16 ? limit & 0xffff : limit | 0);
    }
    this.setZero(visible);
    return record.ROUTINE_NEXT;
  }

  private adjustRpl(form: Form, at: number): number {
    const destination = this.readOperand(form, at, 0, 2);
    if (destination === undefined) return record.ROUTINE_FAULT;
    const source = this.readOperand(form, at, 1, 2) as number;
    const raise = (destination & 3) < (source & 3);
    if (raise && !this.writeOperand(form, at, 0, 2, (destination & ~3) | (source & 3))) return record.ROUTINE_FAULT;
    this.setZero(raise);
    return record.ROUTINE_NEXT;
  }

  private bound(form: Form, at: number): number {
    const { memory } = this.context;
    const bytes = form.size / 8;
    const extend = (value: number): number => (bytes === 2 ? (value << 16) >> 16 : value | 0);
    const index = extend(this.readOperand(form, at, 0, bytes) as number);
    const address = this.address(at);
    if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
    const lower = extend(memory.low);
    if (!memory.load(((address + bytes) >>> 0) as VirtualAddress, bytes)) return record.ROUTINE_FAULT;
    return index < lower || index > extend(memory.low) ? this.raise(VECTOR_BR, -1) : record.ROUTINE_NEXT;
  }

  // ---- Outside

  private cpuid(): number {
    const { registers, hooks } = this.context;
    hooks.cpuid(registers.low(RAX) >>> 0, registers.low(RCX) >>> 0, this.words);
    for (const [place, register] of [RAX, RBX, RCX, RDX].entries())
      registers.set(register, this.words[place] as number, 0);
    return record.ROUTINE_NEXT;
  }

  private rdtsc(): number {
    const { registers, hooks, segments } = this.context;
    if ((this.context.cr4 & CR4_TSD) !== 0 && segments.privilege !== 0) return this.raise(VECTOR_GP, 0);
    hooks.readTsc(this.words);
    registers.set(RAX, this.words[0] as number, 0);
    registers.set(RDX, this.words[1] as number, 0);
    return record.ROUTINE_NEXT;
  }

  /** Leaves `run` with rip still at the instruction. */
  private leave(reason: Exit['reason'], at: number, vector: number): number {
    const { exit } = this.context;
    exit.reason = reason;
    exit.vector = vector;
    exit.errorCode = -1;
    exit.length = this.u8[at + record.RECORD_LENGTH] as number;
    this.ripTo(this.u16[(at + record.RECORD_OFFSET) >> 1] as number);
    return record.ROUTINE_EXIT;
  }

  /** Back to the run loop, which looks at mode, privilege and TF anew; rip is set. */
  private resume(): number {
    this.context.exit.reason = EXIT_RESUME as Exit['reason'];
    return record.ROUTINE_EXIT;
  }

  private resumeAfter(at: number): number {
    this.ripTo(this.u16[(at + record.RECORD_NEXT_OFFSET) >> 1] as number);
    return this.resume();
  }

  /** Outside 64-bit mode a data segment may bring limits that must be checked from now on. */
  private segmentLoaded(at: number): number {
    return this.context.segments.longMode ? record.ROUTINE_NEXT : this.resumeAfter(at);
  }

  private ripTo(offset: number): void {
    const { i32 } = this;
    const base = STATE_PAGE_BASE >> 2;
    const [low, high] = add64(i32[base] as number, i32[base + 1] as number, offset, 0);
    this.context.registers.setRip(low, this.context.segments.longMode ? high : 0);
  }

  // ---- Stack and flags

  private stackAt(offset: number): VirtualAddress {
    const { registers, segments } = this.context;
    if (segments.longMode) return (registers.address(RSP) + offset) as VirtualAddress;
    return ((registers.low(RSP) + offset + registers.baseLow(SS)) >>> 0) as VirtualAddress;
  }

  private moveStack(by: number): void {
    const { registers, segments } = this.context;
    const [low, high] = add64(registers.low(RSP), registers.high(RSP), by, by >> 31);
    registers.set(RSP, low, segments.longMode ? high : 0);
  }

  private pushFlags(form: Form): number {
    const { memory, registers } = this.context;
    memory.low = registers.rflags & ~(EFLAGS_RF | EFLAGS_VM);
    memory.high = 0;
    if (!memory.store(this.stackAt(-form.size / 8), form.size / 8)) return record.ROUTINE_FAULT;
    this.moveStack(-form.size / 8);
    return record.ROUTINE_NEXT;
  }

  private popFlags(form: Form, at: number): number {
    const { memory } = this.context;
    if (!memory.load(this.stackAt(0), form.size / 8)) return record.ROUTINE_FAULT;
    this.moveStack(form.size / 8);
    const before = this.context.registers.rflags;
    this.changeFlags(memory.low, form.size, EFLAGS_RF);
    const after = this.context.registers.rflags;
    return ((before | after) & (EFLAGS_TF | EFLAGS_AC)) === 0 ? record.ROUTINE_NEXT : this.resumeAfter(at);
  }

  /** New EFLAGS as POPF or IRET at the guest's privilege may set them; `clear` bits end as zero. */
  private changeFlags(value: number, size: number, clear: number): void {
    const { registers, segments } = this.context;
    const old = registers.rflags;
    let mask = CHANGEABLE & ~clear;
    if (segments.privilege <= (old & EFLAGS_IOPL) >> 12) mask |= EFLAGS_IF;
    if (size === 16) mask &= 0xffff;
    registers.rflags = ((old & ~mask & ~clear) | (value & mask)) >>> 0;
  }

  // ---- Far transfers

  /** IRET: in 64-bit mode the frame always has rsp and ss; outside only when the privilege changes. */
  private interruptReturn(form: Form): number {
    const { memory, registers, segments } = this.context;
    // A return to another task; there are none in long mode (SDM vol. 2, IRET).
    if ((registers.rflags & EFLAGS_NT) !== 0 && segments.longMode) return this.raise(VECTOR_GP, 0);
    const bytes = form.size / 8;
    const words: [number, number][] = [];
    const read = (place: number): boolean => {
      if (!memory.load(this.stackAt(place * bytes), bytes)) return false;
      words.push([memory.low, bytes === 8 ? memory.high : 0]);
      return true;
    };
    if (!read(0) || !read(1) || !read(2)) return record.ROUTINE_FAULT;
    const selector = (words[1] as [number, number])[0] & 0xffff;
    const long = segments.longMode;
    const outer = (selector & 3) > segments.privilege;
    const fault = segments.checkCode(selector, true);
    if (fault !== FAULT_NONE) return this.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if ((long || outer) && !(read(3) && read(4))) return record.ROUTINE_FAULT;
    const [ripLow, ripHigh] = words[0] as [number, number];
    const flags = (words[2] as [number, number])[0];
    if ((codeHigh & CODE_LONG) !== 0 && !isCanonical(ripHigh)) return this.raise(VECTOR_GP, 0);
    if (long || outer) {
      const stackSelector = (words[4] as [number, number])[0] & 0xffff;
      const stackFault = this.loadOuterStack(stackSelector, selector & 3, (codeHigh & CODE_LONG) !== 0);
      if (stackFault !== FAULT_NONE) return this.raiseCode(stackFault);
      const [stackLow, stackHigh] = words[3] as [number, number];
      registers.set(RSP, stackLow, stackHigh);
    } else this.moveStack(3 * bytes);
    this.changeFlags(flags, form.size, 0);
    segments.force(CS, selector, codeLow, codeHigh);
    if (outer) segments.dropPrivileged(selector & 3);
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.resume();
  }

  /** Loads SS for a return to `privilege`; a null selector is allowed to 64-bit code below ring 3. */
  private loadOuterStack(selector: number, privilege: number, to64: boolean): number {
    const { segments } = this.context;
    if ((selector & 0xfffc) === 0) {
      if (!to64 || privilege === 3) return VECTOR_GP << 16;
      segments.force(SS, selector, 0, 0);
      return FAULT_NONE;
    }
    if (privilege === segments.privilege) return segments.loadData(SS, selector);
    const error = (VECTOR_GP << 16) | (selector & 0xfffc);
    if (!segments.fetch(selector)) return error;
    const high = segments.fetchedHigh;
    const writable = (high & 0x1a00) === 0x1200;
    if (!writable || (selector & 3) !== privilege || ((high >>> 13) & 3) !== privilege) return error;
    if ((high & 0x8000) === 0) return (12 << 16) | (selector & 0xfffc);
    segments.force(SS, selector, segments.fetchedLow, high);
    return FAULT_NONE;
  }

  private farReturn(form: Form, at: number): number {
    const { memory, registers, segments } = this.context;
    const bytes = form.size / 8;
    const release = form.row.operands.startsWith('Iw') ? (this.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number) : 0;
    if (!memory.load(this.stackAt(0), bytes)) return record.ROUTINE_FAULT;
    const ripLow = memory.low;
    const ripHigh = bytes === 8 ? memory.high : 0;
    if (!memory.load(this.stackAt(bytes), bytes)) return record.ROUTINE_FAULT;
    const selector = memory.low & 0xffff;
    const fault = segments.checkCode(selector, true);
    if (fault !== FAULT_NONE) return this.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if ((selector & 3) > segments.privilege) {
      if (!memory.load(this.stackAt(2 * bytes + release), bytes)) return record.ROUTINE_FAULT;
      const stackLow = memory.low;
      if (!memory.load(this.stackAt(3 * bytes + release), bytes)) return record.ROUTINE_FAULT;
      const stackFault = this.loadOuterStack(memory.low & 0xffff, selector & 3, (codeHigh & CODE_LONG) !== 0);
      if (stackFault !== FAULT_NONE) return this.raiseCode(stackFault);
      registers.set(RSP, stackLow + release, 0);
      segments.force(CS, selector, codeLow, codeHigh);
      segments.dropPrivileged(selector & 3);
    } else {
      this.moveStack(2 * bytes + release);
      segments.force(CS, selector, codeLow, codeHigh);
    }
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.resume();
  }

  private farTransfer(form: Form, at: number, call: boolean): number {
    const { memory, registers, segments } = this.context;
    const bytes = form.size / 8;
    let ripLow: number;
    let ripHigh = 0;
    let selector: number;
    if (form.operands[0]?.kind === 'memory') {
      const address = this.address(at);
      if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
      ripLow = memory.low;
      ripHigh = bytes === 8 ? memory.high : 0;
      if (!memory.load((address + bytes) as VirtualAddress, 2)) return record.ROUTINE_FAULT;
      selector = memory.low & 0xffff;
    } else {
      ripLow = this.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number;
      selector = this.u16[(at + record.RECORD_FIRST) >> 1] as number;
    }
    const fault = segments.checkCode(selector, false);
    if (fault !== FAULT_NONE) return this.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if (call) {
      const next = this.u16[(at + record.RECORD_NEXT_OFFSET) >> 1] as number;
      const base = STATE_PAGE_BASE >> 2;
      const [low, high] = add64(this.i32[base] as number, this.i32[base + 1] as number, next, 0);
      memory.low = registers.selector(CS);
      memory.high = 0;
      if (!memory.store(this.stackAt(-bytes), bytes)) return record.ROUTINE_FAULT;
      memory.low = low;
      memory.high = high;
      if (!memory.store(this.stackAt(-2 * bytes), bytes)) return record.ROUTINE_FAULT;
      this.moveStack(-2 * bytes);
    }
    segments.force(CS, (selector & ~3) | segments.privilege, codeLow, codeHigh);
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.resume();
  }

  // ---- FPU state

  private fxsave(_form: Form, at: number): number {
    if (this.i32[STATE_FPU_OFF >> 2] !== 0) return this.raise(VECTOR_NM, -1);
    const address = this.address(at);
    if ((address & 15) !== 0) return this.raise(VECTOR_GP, 0);
    const image = this.context.fpu.save(this.context.segments.longMode ? 16 : 8);
    // Bytes behind the last register are left alone. Nothing is stored when not all can be.
    const used = image.subarray(0, this.context.segments.longMode ? 416 : 288);
    const { memory } = this.context;
    const last = (address + 511) as VirtualAddress;
    if (memory.translate(last, ACCESS_WRITE) < 0 || memory.translate(address, ACCESS_WRITE) < 0)
      return record.ROUTINE_FAULT;
    return memory.writeBytes(address, used) ? record.ROUTINE_NEXT : record.ROUTINE_FAULT;
  }

  private fxrstor(_form: Form, at: number): number {
    if (this.i32[STATE_FPU_OFF >> 2] !== 0) return this.raise(VECTOR_NM, -1);
    const address = this.address(at);
    if ((address & 15) !== 0) return this.raise(VECTOR_GP, 0);
    const image = this.context.memory.readBytes(address, 512);
    if (image === undefined) return record.ROUTINE_FAULT;
    const ok = this.context.fpu.restore(image, this.context.segments.longMode ? 16 : 8);
    return ok ? record.ROUTINE_NEXT : this.raise(VECTOR_GP, 0);
  }
}

function add64(low: number, high: number, addLow: number, addHigh: number): [number, number] {
  const sum = (low >>> 0) + (addLow >>> 0);
  return [sum | 0, (high + addHigh + (sum > 0xffffffff ? 1 : 0)) | 0];
}
