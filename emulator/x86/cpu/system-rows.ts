import type { VirtualAddress } from '../../base/numbers.ts';
import { X87Transcendental } from '../fpu/x87-transcendental.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { FarTransfers } from './far-transfers.ts';
import { STATE_FPU_OFF } from './layout.ts';
import {
  ACCESS_WRITE,
  EFLAGS_AC,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  EXIT_INT,
  EXIT_SYSCALL,
  EXIT_SYSENTER,
  RAX,
  RBX,
  RCX,
  RDX,
  VECTOR_GP,
  VECTOR_NM,
} from './processor.ts';
import { SegmentRows } from './segment-rows.ts';
import { type SystemContext, SystemMachine, type SystemRow } from './system-machine.ts';

const CR4_TSD = 1 << 2;
/** PG, AM, WP, NE, ET, TS, MP, PE: what Xen runs with (SDM vol. 3, 2.5). */
const CR0 = 0x8005003b | 0;

/** Instructions that touch descriptors, privilege or the outside: carried out here instead of in generated code. */
export class SystemRows {
  readonly table: Readonly<Record<string, SystemRow>>;
  private readonly machine: SystemMachine;
  private readonly words = new Uint32Array(4);

  constructor(linear: WebAssembly.Memory, context: SystemContext) {
    this.machine = new SystemMachine(linear, context);
    this.table = {
      ...new X87Transcendental(linear).rows,
      ...new SegmentRows(this.machine).table,
      ...new FarTransfers(this.machine).table,
      smsw: (form, at) => this.machine.writeResult(form, at, CR0),
      cpuid: () => this.cpuid(),
      rdtsc: () => this.rdtsc(),
      pushf: (form) => this.pushFlags(form),
      popf: (form, at) => this.popFlags(form, at),
      int: (_form, at) =>
        this.machine.leave(EXIT_INT, at, this.machine.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number),
      syscall: (_form, at) => this.machine.leave(EXIT_SYSCALL, at, 0),
      sysenter: (_form, at) => this.machine.leave(EXIT_SYSENTER, at, 0),
      fxsave: (form, at) => this.fxsave(form, at),
      fxrstor: (form, at) => this.fxrstor(form, at),
    };
  }

  private cpuid(): number {
    const { registers, hooks } = this.machine.context;
    hooks.cpuid(registers.low(RAX) >>> 0, registers.low(RCX) >>> 0, this.words);
    for (const [place, register] of [RAX, RBX, RCX, RDX].entries())
      registers.set(register, this.words[place] as number, 0);
    return record.ROUTINE_NEXT;
  }

  private rdtsc(): number {
    const { registers, hooks, segments } = this.machine.context;
    if ((this.machine.context.cr4 & CR4_TSD) !== 0 && segments.privilege !== 0) return this.machine.raise(VECTOR_GP, 0);
    hooks.readTsc(this.words);
    registers.set(RAX, this.words[0] as number, 0);
    registers.set(RDX, this.words[1] as number, 0);
    return record.ROUTINE_NEXT;
  }

  private pushFlags(form: Form): number {
    const { memory, registers } = this.machine.context;
    memory.low = registers.rflags & ~(EFLAGS_RF | EFLAGS_VM);
    memory.high = 0;
    if (!memory.store(this.machine.stackAt(-form.size / 8), form.size / 8)) return record.ROUTINE_FAULT;
    this.machine.moveStack(-form.size / 8);
    return record.ROUTINE_NEXT;
  }

  private popFlags(form: Form, at: number): number {
    const { memory } = this.machine.context;
    if (!memory.load(this.machine.stackAt(0), form.size / 8)) return record.ROUTINE_FAULT;
    this.machine.moveStack(form.size / 8);
    const before = this.machine.context.registers.rflags;
    this.machine.changeFlags(memory.low, form.size, EFLAGS_RF);
    const after = this.machine.context.registers.rflags;
    return ((before | after) & (EFLAGS_TF | EFLAGS_AC)) === 0 ? record.ROUTINE_NEXT : this.machine.resumeAfter(at);
  }

  private fxsave(_form: Form, at: number): number {
    if (this.machine.i32[STATE_FPU_OFF >> 2] !== 0) return this.machine.raise(VECTOR_NM, -1);
    const address = this.machine.address(at);
    if ((address & 15) !== 0) return this.machine.raise(VECTOR_GP, 0);
    const image = this.machine.context.fpu.save(this.machine.context.segments.longMode ? 16 : 8);
    // Bytes behind the last register are left alone. Nothing is stored when not all can be.
    const used = image.subarray(0, this.machine.context.segments.longMode ? 416 : 288);
    const { memory } = this.machine.context;
    const last = (address + 511) as VirtualAddress;
    if (memory.translate(last, ACCESS_WRITE) < 0 || memory.translate(address, ACCESS_WRITE) < 0)
      return record.ROUTINE_FAULT;
    return memory.writeBytes(address, used) ? record.ROUTINE_NEXT : record.ROUTINE_FAULT;
  }

  private fxrstor(_form: Form, at: number): number {
    if (this.machine.i32[STATE_FPU_OFF >> 2] !== 0) return this.machine.raise(VECTOR_NM, -1);
    const address = this.machine.address(at);
    if ((address & 15) !== 0) return this.machine.raise(VECTOR_GP, 0);
    const image = this.machine.context.memory.readBytes(address, 512);
    if (image === undefined) return record.ROUTINE_FAULT;
    const ok = this.machine.context.fpu.restore(image, this.machine.context.segments.longMode ? 16 : 8);
    return ok ? record.ROUTINE_NEXT : this.machine.raise(VECTOR_GP, 0);
  }
}
