import type { VirtualAddress } from '../../base/numbers.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { STATE_SELECTORS } from './layout.ts';
import { DS, ES, FS, GS, SS, VECTOR_BR } from './processor.ts';
import { descriptorLimit, FAULT_NONE } from './segments.ts';
import type { SystemMachine, SystemRow } from './system-machine.ts';

/** Instructions that load, store and examine segment registers and descriptors. */
export class SegmentRows {
  readonly table: Readonly<Record<string, SystemRow>>;

  constructor(private readonly machine: SystemMachine) {
    this.table = {
      'mov from segment': (form, at) => this.moveFromSegment(form, at),
      'mov to segment': (form, at) => this.moveToSegment(form, at),
      'pop segment': (form, at) => this.popSegment(form, at),
      'load far pointer': (form, at) => this.loadFarPointer(form, at),
      'store zero selector': (form, at) => this.machine.writeResult(form, at, 0),
      'store descriptor table': (form, at) => this.storeDescriptorTable(form, at),
      'verify segment': (form, at) => this.verifySegment(form, at),
      'load access rights': (form, at) => this.loadAccessRights(form, at),
      'load segment limit': (form, at) => this.loadSegmentLimit(form, at),
      arpl: (form, at) => this.adjustRpl(form, at),
      bound: (form, at) => this.bound(form, at),
    };
  }

  private moveFromSegment(form: Form, at: number): number {
    const selector = this.machine.i32[this.machine.registerOffset(form, at, 1) >> 2] as number;
    return this.machine.writeResult(form, at, selector);
  }

  private moveToSegment(form: Form, at: number): number {
    const segment = (this.machine.registerOffset(form, at, 0) - STATE_SELECTORS) / 4;
    const selector = this.machine.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const { segments } = this.machine.context;
    const fault = segments.loadData(segment, selector & 0xffff);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    segments.stackLoaded = segment === SS;
    return this.machine.segmentLoaded(at);
  }

  private popSegment(form: Form, at: number): number {
    const { memory, segments } = this.machine.context;
    const bytes = form.size / 8;
    if (!memory.load(this.machine.stackAt(0), bytes)) return record.ROUTINE_FAULT;
    const segment = this.machine.u8[at + record.RECORD_EXTRA] as number;
    const fault = segments.loadData(segment, memory.low & 0xffff);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    segments.stackLoaded = segment === SS;
    this.machine.moveStack(bytes);
    return this.machine.segmentLoaded(at);
  }

  private loadFarPointer(form: Form, at: number): number {
    const { memory, segments } = this.machine.context;
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
    const address = this.machine.address(at);
    if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
    const { low, high } = memory;
    if (!memory.load((address + bytes) as VirtualAddress, 2)) return record.ROUTINE_FAULT;
    const fault = segments.loadData(segment, memory.low & 0xffff);
    if (fault !== FAULT_NONE) return this.machine.raiseCode(fault);
    const offset = this.machine.registerOffset(form, at, 0);
    if (bytes === 2) this.machine.u16[offset >> 1] = low;
    else {
      this.machine.i32[offset >> 2] = low;
      this.machine.i32[(offset >> 2) + 1] = bytes === 8 ? high : 0;
    }
    return this.machine.segmentLoaded(at);
  }

  private storeDescriptorTable(_form: Form, at: number): number {
    const wide = this.machine.context.segments.longMode ? 10 : 6;
    return this.machine.context.memory.writeBytes(this.machine.address(at), new Uint8Array(wide))
      ? record.ROUTINE_NEXT
      : record.ROUTINE_FAULT;
  }

  private verifySegment(form: Form, at: number): number {
    const selector = this.machine.readOperand(form, at, 0, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    this.machine.setZero(this.machine.context.segments.verify(selector & 0xffff, form.row.name === 'verw'));
    return record.ROUTINE_NEXT;
  }

  private loadAccessRights(form: Form, at: number): number {
    const selector = this.machine.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const rights = this.machine.context.segments.accessRights(selector & 0xffff);
    if (rights >= 0) this.machine.writeOperand(form, at, 0, form.size / 8, form.size === 16 ? rights & 0xffff : rights);
    this.machine.setZero(rights >= 0);
    return record.ROUTINE_NEXT;
  }

  private loadSegmentLimit(form: Form, at: number): number {
    const { segments } = this.machine.context;
    const selector = this.machine.readOperand(form, at, 1, 2);
    if (selector === undefined) return record.ROUTINE_FAULT;
    const visible = segments.accessRights(selector & 0xffff) >= 0;
    if (visible) {
      const limit = descriptorLimit(segments.fetchedLow, segments.fetchedHigh);
      this.machine.writeOperand(form, at, 0, form.size / 8, form.size === 16 ? limit & 0xffff : limit | 0);
    }
    this.machine.setZero(visible);
    return record.ROUTINE_NEXT;
  }

  private adjustRpl(form: Form, at: number): number {
    const destination = this.machine.readOperand(form, at, 0, 2);
    if (destination === undefined) return record.ROUTINE_FAULT;
    const source = this.machine.readOperand(form, at, 1, 2) as number;
    const raise = (destination & 3) < (source & 3);
    if (raise && !this.machine.writeOperand(form, at, 0, 2, (destination & ~3) | (source & 3)))
      return record.ROUTINE_FAULT;
    this.machine.setZero(raise);
    return record.ROUTINE_NEXT;
  }

  private bound(form: Form, at: number): number {
    const { memory } = this.machine.context;
    const bytes = form.size / 8;
    const extend = (value: number): number => (bytes === 2 ? (value << 16) >> 16 : value | 0);
    const index = extend(this.machine.readOperand(form, at, 0, bytes) as number);
    const address = this.machine.address(at);
    if (!memory.load(address, bytes)) return record.ROUTINE_FAULT;
    const lower = extend(memory.low);
    if (!memory.load(((address + bytes) >>> 0) as VirtualAddress, bytes)) return record.ROUTINE_FAULT;
    return index < lower || index > extend(memory.low) ? this.machine.raise(VECTOR_BR, -1) : record.ROUTINE_NEXT;
  }
}
