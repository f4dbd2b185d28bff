import {
  STATE_ADDRESS,
  STATE_BUDGET,
  STATE_CC_AUXILIARY,
  STATE_CC_RESULT,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_REGION_OUTCOME,
  STATE_REGISTERS,
  STATE_RIP,
  STATE_SEGMENT_BASES,
  STATE_TLB,
  STATE_ZERO,
} from '../cpu/layout.ts';
import { RSP } from '../cpu/processor.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import { Emitter, type Imports, type Size } from '../isa/emitter.ts';
import type { FunctionBody, Label, Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';
import { RegionFlags } from './region-flags.ts';

const ZERO = Int.constant(32, 0);
const GENERAL_END = STATE_REGISTERS + 16 * 8;
const WHOLE = -1;

/** Fields of records, read when code is emitted. */
export interface RecordFields {
  u8(at: number): number;
  u16(at: number): number;
  i32(at: number): number;
}

/** How the region goes on after a branch: to one of its own blocks, or out. */
export interface RegionEdges {
  /** Goes to the block that this branch is linked to; false when that is no block of the region. */
  follow(link: number): boolean;
  /** Goes to a block of the region that follows a call, if the target is one. */
  returnTo(target: Int): void;
}

/**
 * Emits rows for a region: operands are built in, general registers and flags are locals. They are in the processor's
 * state whenever control leaves the region, exactly as the interpreter would have them there.
 */
export class RegionEmitter extends Emitter {
  size: Size = 32;
  edges: RegionEdges | undefined;
  private form!: Form;
  /** The row's record, and the first one of the instruction (a helper's, or the same). */
  private at = 0;
  private first = 0;
  private readonly registers = new Map<number, Local>();
  private readonly dirty = new Set<number>();
  private readonly result: Local;
  private readonly auxiliary: Local;
  private readonly pageBase: Local;
  private readonly tlb: Local;
  /** What a helper record computed for the next one. */
  private readonly address: Local;
  /** What the function returns. */
  private readonly outcome: Local;
  readonly budget: Local;

  constructor(
    mode: 32 | 64,
    body: FunctionBody,
    imports: Imports,
    private readonly fields: RecordFields,
    private readonly exit: Label,
  ) {
    super(mode, body, imports, RegionFlags);
    const native = mode === 64 ? TYPE_I64 : TYPE_I32;
    this.result = body.local(TYPE_I64);
    this.auxiliary = body.local(TYPE_I32);
    this.pageBase = body.local(native);
    this.tlb = body.local(TYPE_I32);
    this.address = body.local(native);
    this.outcome = body.local(TYPE_I32);
    this.budget = body.local(TYPE_I32);
  }

  get regionFlags(): RegionFlags {
    return this.flags as RegionFlags;
  }

  /** What follows is the instruction of this form; `at` is its row's record. */
  begin(form: Form, first: number, at: number): void {
    this.form = form;
    this.size = form.size;
    this.first = first;
    this.at = at;
  }

  // ---- Entry and exit

  /** Takes the state into locals; emitted last, placed first. */
  emitEntry(): void {
    const { body, mode } = this;
    for (const [number, local] of this.registers) body.set(local, body.load(mode, ZERO, STATE_REGISTERS + number * 8));
    body.set(this.result, body.load(64, ZERO, STATE_CC_RESULT));
    body.set(this.auxiliary, body.load(32, ZERO, STATE_CC_AUXILIARY));
    body.set(this.pageBase, body.load(mode, ZERO, STATE_PAGE_BASE));
    body.set(this.tlb, body.load(32, ZERO, STATE_TLB));
    body.set(this.budget, body.load(32, ZERO, STATE_BUDGET));
  }

  /** Everything back into the state, and the function returns. */
  emitExit(): void {
    const { body } = this;
    for (const number of this.dirty) this.commitRegister(number);
    this.commitFlags();
    body.store(32, ZERO, body.get(this.budget), STATE_BUDGET);
    body.return(body.get(this.outcome));
  }

  private commitRegister(number: number): void {
    this.body.store(this.mode, ZERO, this.body.get(this.local(number)), STATE_REGISTERS + number * 8);
  }

  private commitFlags(): void {
    this.body.store(64, ZERO, this.body.get(this.result), STATE_CC_RESULT);
    this.body.store(32, ZERO, this.body.get(this.auxiliary), STATE_CC_AUXILIARY);
  }

  /** Leaves the region: a REGION_* with its record. */
  leave(how: number, at: number): void {
    this.body.set(this.outcome, Int.constant(32, at | how));
    this.body.br(this.exit);
  }

  /** Charges a block of `count` instructions that starts at a record. */
  charge(count: number, at: number): void {
    const { body } = this;
    body.set(this.budget, body.get(this.budget).sub(count));
    body.if(body.get(this.budget).ltS(0), () => {
      body.set(this.budget, body.get(this.budget).add(count));
      this.leave(record.REGION_ENTER, at);
    });
  }

  // ---- Registers

  private local(number: number): Local {
    let local = this.registers.get(number);
    if (local === undefined) {
      local = this.body.local(this.mode === 64 ? TYPE_I64 : TYPE_I32);
      this.registers.set(number, local);
    }
    return local;
  }

  private whole(number: number): Int {
    return this.body.get(this.local(number));
  }

  override register(number: number, size: Size): Int {
    const value = this.whole(number);
    return size === 64 ? value : this.truncate(value.toI32(), size);
  }

  override setRegister(number: number, size: Size, value: Int): void {
    if (size < 32) this.insert(number, size === 8 ? 0xff : 0xffff, this.truncate(value.toI32(), size));
    else {
      this.dirty.add(number);
      this.body.set(this.local(number), value.toWidth(this.mode));
    }
  }

  private insert(number: number, mask: number, bits: Int): void {
    this.dirty.add(number);
    this.body.set(this.local(number), this.whole(number).and(~mask).or(bits.toWidth(this.mode)));
  }

  override highByte(number: number): Int {
    return this.whole(number).toI32().shrU(8).and(0xff);
  }

  override setHighByte(number: number, value: Int): void {
    this.insert(number, 0xff00, value.toI32().and(0xff).shl(8));
  }

  private fieldOf(index: number): number {
    const operand = this.form.operands[index];
    return this.fields.u16(this.at + (operand?.kind === 'first' ? record.RECORD_FIRST : record.RECORD_SECOND));
  }

  registerAddress(index: number): Int {
    const offset = this.fieldOf(index);
    if (offset < GENERAL_END) throw new Error(`${this.form.row.name}: a general register has no address`);
    return Int.constant(32, offset);
  }

  registerOperand(index: number, size: Size): Int {
    const operand = this.form.operands[index];
    switch (operand?.kind) {
      case 'immediate':
        return this.immediate(size);
      case 'immediate2':
        return this.immediate2();
      case 'one':
        return Int.constant(this.width(size), 1);
      case 'fixed':
        return this.register(operand.register, size);
      default: {
        const offset = this.fieldOf(index);
        if (offset >= GENERAL_END) return this.body.load(size, ZERO, offset);
        const number = (offset - STATE_REGISTERS) >> 3;
        return (offset & 7) === 1 ? this.highByte(number) : this.register(number, size);
      }
    }
  }

  setRegisterOperand(index: number, size: Size, value: Int): void {
    const operand = this.form.operands[index];
    if (operand?.kind === 'fixed') {
      this.setRegister(operand.register, size, value);
      return;
    }
    const offset = this.fieldOf(index);
    const number = (offset - STATE_REGISTERS) >> 3;
    if (offset >= GENERAL_END) {
      if (size === 32) this.body.store(64, ZERO, value.toI64U(), offset);
      else this.body.store(size, ZERO, value, offset);
    } else if ((offset & 7) === 1) this.setHighByte(number, value);
    else this.setRegister(number, size, value);
  }

  // ---- Operands

  get extra(): number {
    return 0;
  }

  operandSize(index: number): number {
    return this.form.operands[index]?.size ?? this.size;
  }

  isMemory(index: number): boolean {
    return this.form.operands[index]?.kind === 'memory';
  }

  private addressRegister(offset: number): Int | undefined {
    if (offset === STATE_ZERO) return undefined;
    if (offset === STATE_PAGE_BASE) return this.body.get(this.pageBase);
    if (offset === STATE_ADDRESS) return this.body.get(this.address);
    if (offset < GENERAL_END) return this.whole((offset - STATE_REGISTERS) >> 3);
    return this.body.load(this.mode, ZERO, offset);
  }

  private effective(at = this.at): Int {
    const { fields, mode } = this;
    const displacement = fields.i32(at + record.RECORD_DISPLACEMENT);
    const base = this.addressRegister(fields.u16(at + record.RECORD_BASE));
    const index = this.addressRegister(fields.u16(at + record.RECORD_INDEX))?.shl(fields.u8(at + record.RECORD_SHIFT));
    const sum = base === undefined ? index : index === undefined ? base : base.add(index);
    return sum === undefined ? Int.constant(mode, displacement) : sum.add(displacement);
  }

  effectiveAddress(): Int {
    return this.let(this.effective());
  }

  linearAddress(): Int {
    return this.let(this.withSegment(this.effective()));
  }

  private withSegment(address: Int): Int {
    const base = this.segmentBase();
    return base === undefined ? address : address.add(base);
  }

  /** Regions run with flat segments outside 64-bit mode; FS and GS may have a base in any mode. */
  private segmentBase(): Int | undefined {
    const offset = this.fields.u16(this.at + record.RECORD_SEGMENT);
    if (offset === STATE_ZERO || offset < STATE_SEGMENT_BASES + 4 * 8) return undefined;
    return this.body.load(this.mode, ZERO, offset);
  }

  protected operandSegmentBase(): Int {
    return this.segmentBase() ?? Int.constant(this.mode, 0);
  }

  protected extraSegmentBase(): Int {
    return Int.constant(this.mode, 0);
  }

  stackAddress(pointer: Int): Int {
    return pointer;
  }

  immediate(size: Size): Int {
    const { fields, at } = this;
    const low = fields.i32(at + record.RECORD_IMMEDIATE);
    if (size !== 64) return Int.constant(32, low);
    const whole = this.form.row.operands.endsWith('Iv') && !this.form.row.operands.endsWith('sIv');
    return whole
      ? Int.constant64(fields.i32(at + record.RECORD_DISPLACEMENT), low)
      : Int.constant64(low, low < 0 ? WHOLE : 0);
  }

  immediate2(): Int {
    return Int.constant(32, this.fields.u8(this.at + record.RECORD_EXTRA));
  }

  protected addressSizeOverride(): Int {
    return this.immediate2();
  }

  nextInstruction(): Int {
    return this.let(this.body.get(this.pageBase).add(this.fields.u16(this.at + record.RECORD_NEXT_OFFSET)));
  }

  protected tlbBase(): Int {
    return this.tlbView();
  }

  /** The TLB's view in force. */
  tlbView(): Int {
    return this.body.get(this.tlb);
  }

  // ---- Flags

  override ccResult(): Int {
    return this.body.get(this.result);
  }

  override ccAuxiliary(): Int {
    return this.body.get(this.auxiliary);
  }

  override setCcResult(value: Int): void {
    this.regionFlags.forget();
    this.body.set(this.result, value);
  }

  override setCcAuxiliary(value: Int): void {
    this.regionFlags.forget();
    this.body.set(this.auxiliary, value);
  }

  // ---- Calling out

  /** Only what a slow path looks at: budget, record, and rSP where the access may be one of the stack. */
  synchronise(): void {
    const { body, fields, at } = this;
    this.setState(32, STATE_BUDGET, body.get(this.budget));
    this.setState(32, STATE_RECORD, Int.constant(32, at));
    const bare =
      fields.u16(at + record.RECORD_BASE) === STATE_ZERO && fields.u16(at + record.RECORD_INDEX) === STATE_ZERO;
    if (bare) this.commitRegister(RSP);
  }

  resynchronise(): void {
    this.body.set(this.budget, this.state(32, STATE_BUDGET));
  }

  /** The callbacks have left in the state whether it is a fault or for the interpreter to do again. */
  fault(): void {
    this.body.set(this.outcome, this.state(32, STATE_REGION_OUTCOME).or(Int.constant(32, this.first)));
    this.body.br(this.exit);
  }

  override raise(vector: number, errorCode = -1): void {
    this.setState(32, STATE_REGION_OUTCOME, Int.constant(32, record.REGION_FAULT));
    super.raise(vector, errorCode);
  }

  trap(): void {
    throw new Error('traps are not translated');
  }

  leaveRoutine(): void {
    throw new Error('routines are not translated');
  }

  /** Calls a function of the interpreter that takes its operands from the record. */
  callRoutine(routineType: number, everything: boolean): void {
    const { body } = this;
    const numbers = everything ? Array.from({ length: this.mode === 64 ? 16 : 8 }, (_, i) => i) : this.namedRegisters();
    for (const number of numbers) this.commitRegister(number);
    this.commitFlags();
    this.setState(32, STATE_BUDGET, body.get(this.budget));
    this.setState(32, STATE_RECORD, Int.constant(32, this.at));
    const routine = Int.constant(32, this.form.routine);
    const status = this.let(body.callIndirect(routineType, routine, [Int.constant(32, this.at)]));
    this.resynchronise();
    for (const number of numbers) {
      body.set(this.local(number), body.load(this.mode, ZERO, STATE_REGISTERS + number * 8));
      if (everything) this.dirty.add(number);
    }
    this.setCcResult(this.state(64, STATE_CC_RESULT));
    this.setCcAuxiliary(this.state(32, STATE_CC_AUXILIARY));
    body.if(status, () => {
      body.set(this.outcome, status.or(Int.constant(32, this.first)));
      body.br(this.exit);
    });
  }

  /** Registers that the address is made of, and rSP for what an exception tells. */
  private namedRegisters(): number[] {
    const { fields, at } = this;
    const offsets = [fields.u16(at + record.RECORD_BASE), fields.u16(at + record.RECORD_INDEX)];
    const numbers = offsets.filter((offset) => offset < GENERAL_END).map((offset) => (offset - STATE_REGISTERS) >> 3);
    return [...new Set([...numbers, RSP])];
  }

  /** A helper record: the address that the row's record takes from it; `stored` when a routine will look for it. */
  setAddress(value: Int, stored: boolean): void {
    this.body.set(this.address, value);
    if (stored) this.setState(64, STATE_ADDRESS, this.body.get(this.address).toI64U());
  }

  /** Effective address of a helper record. */
  helperAddress(at: number): Int {
    return this.effective(at);
  }

  /** rIP of a record's instruction plus this many bytes. */
  pageAddress(offset: number): Int {
    return this.body.get(this.pageBase).add(offset);
  }

  // ---- Branches

  jumpDirect(): void {
    this.branch(record.RECORD_LINK_TAKEN, record.REGION_TAKEN);
  }

  jumpDirectIf(condition: Int): void {
    this.body.if(condition, () => this.branch(record.RECORD_LINK_TAKEN, record.REGION_TAKEN));
    this.branch(record.RECORD_LINK_NEXT, record.REGION_NEXT);
  }

  private branch(link: number, how: number): void {
    if (this.edges?.follow(this.fields.i32(this.at + link)) !== true) this.leave(how, this.at);
  }

  /** On to the record after a block without a branch. */
  fallThrough(at: number): void {
    this.at = at;
    this.branch(record.RECORD_LINK_NEXT, record.REGION_NEXT);
  }

  jumpIndirect(target: Int): void {
    const held = this.let(target);
    if (this.form.row.name === 'ret') this.edges?.returnTo(held);
    this.setState(64, STATE_RIP, held.toI64U());
    this.leave(record.REGION_JUMP, 0);
  }
}
