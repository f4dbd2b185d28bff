import { isCanonical, type VirtualAddress } from '../../base/numbers.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { STATE_PAGE_BASE } from './layout.ts';
import { CS, EFLAGS_NT, RSP, SS, VECTOR_GP } from './processor.ts';
import { FAULT_NONE } from './segments.ts';
import { add64, type SystemMachine, type SystemRow } from './system-machine.ts';

/** L of a code segment's descriptor, high word. */
const CODE_LONG = 1 << 21;

/** IRET and the far forms of RET, JMP and CALL. */
export class FarTransfers {
  readonly table: Readonly<Record<string, SystemRow>>;

  constructor(private readonly machine: SystemMachine) {
    this.table = {
      iret: (form) => this.interruptReturn(form),
      'far return': (form, at) => this.farReturn(form, at),
      'far jump': (form, at) => this.farTransfer(form, at, false),
      'far call': (form, at) => this.farTransfer(form, at, true),
    };
  }

  /** IRET: in 64-bit mode the frame always has rsp and ss; outside only when the privilege changes. */
  private interruptReturn(form: Form): number {
    const { memory, registers, segments } = this.machine.context;
    // A return to another task; there are none in long mode (SDM vol. 2, IRET).
    if ((registers.rflags & EFLAGS_NT) !== 0 && segments.longMode) return this.machine.raise(VECTOR_GP, 0);
    const bytes = form.size / 8;
    const words: [number, number][] = [];
    const read = (place: number): boolean => {
      if (!memory.load(this.machine.stackAt(place * bytes), bytes)) return false;
      words.push([memory.low, bytes === 8 ? memory.high : 0]);
      return true;
    };
    if (!read(0) || !read(1) || !read(2)) return record.ROUTINE_FAULT;
    const selector = (words[1] as [number, number])[0] & 0xffff;
    const long = segments.longMode;
    const outer = (selector & 3) > segments.privilege;
    const fault = segments.checkCode(selector, true);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if ((long || outer) && !(read(3) && read(4))) return record.ROUTINE_FAULT;
    const [ripLow, ripHigh] = words[0] as [number, number];
    const flags = (words[2] as [number, number])[0];
    if ((codeHigh & CODE_LONG) !== 0 && !isCanonical(ripHigh)) return this.machine.raise(VECTOR_GP, 0);
    if (long || outer) {
      const stackSelector = (words[4] as [number, number])[0] & 0xffff;
      const stackFault = this.loadOuterStack(stackSelector, selector & 3, (codeHigh & CODE_LONG) !== 0);
      if (stackFault !== FAULT_NONE) return this.machine.raiseCode(stackFault);
      const [stackLow, stackHigh] = words[3] as [number, number];
      registers.set(RSP, stackLow, stackHigh);
    } else this.machine.moveStack(3 * bytes);
    this.machine.changeFlags(flags, form.size, 0);
    segments.force(CS, selector, codeLow, codeHigh);
    if (outer) segments.dropPrivileged(selector & 3);
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.machine.resume();
  }

  /** Loads SS for a return to `privilege`; a null selector is allowed to 64-bit code below ring 3. */
  private loadOuterStack(selector: number, privilege: number, to64: boolean): number {
    const { segments } = this.machine.context;
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
    const { memory, registers, segments } = this.machine.context;
    const bytes = form.size / 8;
    const release = form.row.operands.startsWith('Iw')
      ? (this.machine.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number)
      : 0;
    if (!memory.load(this.machine.stackAt(0), bytes)) return record.ROUTINE_FAULT;
    const ripLow = memory.low;
    const ripHigh = bytes === 8 ? memory.high : 0;
    if (!memory.load(this.machine.stackAt(bytes), bytes)) return record.ROUTINE_FAULT;
    const selector = memory.low & 0xffff;
    const fault = segments.checkCode(selector, true);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if ((selector & 3) > segments.privilege) {
      if (!memory.load(this.machine.stackAt(2 * bytes + release), bytes)) return record.ROUTINE_FAULT;
      const stackLow = memory.low;
      if (!memory.load(this.machine.stackAt(3 * bytes + release), bytes)) return record.ROUTINE_FAULT;
      const stackFault = this.loadOuterStack(memory.low & 0xffff, selector & 3, (codeHigh & CODE_LONG) !== 0);
      if (stackFault !== FAULT_NONE) return this.machine.raiseCode(stackFault);
      registers.set(RSP, stackLow + release, 0);
      segments.force(CS, selector, codeLow, codeHigh);
      segments.dropPrivileged(selector & 3);
    } else {
      this.machine.moveStack(2 * bytes + release);
      segments.force(CS, selector, codeLow, codeHigh);
    }
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.machine.resume();
  }

  private farTransfer(form: Form, at: number, call: boolean): number {
    const { memory, registers, segments } = this.machine.context;
    const bytes = form.size / 8;
    let ripLow: number;
    let ripHigh = 0;
    let selector: number;
    if (form.operands[0]?.kind === 'memory') {
      const address = this.machine.address(at);
      if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
      ripLow = memory.low;
      ripHigh = bytes === 8 ? memory.high : 0;
      if (!memory.load((address + bytes) as VirtualAddress, 2)) return record.ROUTINE_FAULT;
      selector = memory.low & 0xffff;
    } else {
      ripLow = this.machine.i32[(at + record.RECORD_IMMEDIATE) >> 2] as number;
      selector = this.machine.u16[(at + record.RECORD_FIRST) >> 1] as number;
    }
    const fault = segments.checkCode(selector, false);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    const codeLow = segments.fetchedLow;
    const codeHigh = segments.fetchedHigh;
    if (call) {
      const next = this.machine.u16[(at + record.RECORD_NEXT_OFFSET) >> 1] as number;
      const base = STATE_PAGE_BASE >> 2;
      const [low, high] = add64(this.machine.i32[base] as number, this.machine.i32[base + 1] as number, next, 0);
      memory.low = registers.selector(CS);
      memory.high = 0;
      if (!memory.store(this.machine.stackAt(-bytes), bytes)) return record.ROUTINE_FAULT;
      memory.low = low;
      memory.high = high;
      if (!memory.store(this.machine.stackAt(-2 * bytes), bytes)) return record.ROUTINE_FAULT;
      this.machine.moveStack(-2 * bytes);
    }
    segments.force(CS, (selector & ~3) | segments.privilege, codeLow, codeHigh);
    registers.setRip(ripLow, segments.longMode ? ripHigh : 0);
    return this.machine.resume();
  }
}
