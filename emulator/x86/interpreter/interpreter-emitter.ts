import {
  STATE_BUDGET,
  STATE_ERROR_CODE,
  STATE_PAGE_BASE,
  STATE_RECORD,
  STATE_REGISTERS,
  STATE_RIP,
  STATE_SEGMENT_BASES,
  STATE_VECTOR,
} from '../cpu/layout.ts';
import { Emitter, type Imports, type Size } from '../isa/emitter.ts';
import type { FunctionBody, Label, Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import type { Form } from './operands.ts';
import {
  RECORD_BASE,
  RECORD_DISPLACEMENT,
  RECORD_EXTRA,
  RECORD_FIRST,
  RECORD_IMMEDIATE,
  RECORD_INDEX,
  RECORD_LINK_NEXT,
  RECORD_LINK_TAKEN,
  RECORD_NEXT_OFFSET,
  RECORD_SECOND,
  RECORD_SEGMENT,
  RECORD_SHIFT,
  ROUTINE_AGAIN,
  ROUTINE_FAULT,
  ROUTINE_NEXT,
  RUN_EXCEPTION,
} from './record.ts';

/** Where the code of a row stands: in the big function, or in one of its own. */
export type Place =
  | {
      readonly kind: 'inline';
      readonly budget: Local;
      readonly target: Local;
      readonly taken: Local;
      readonly enter: Label;
      readonly fault: Label;
      readonly transfer: Label;
      readonly unlinked: Label;
    }
  | { readonly kind: 'routine' };

/** Emits rows for the interpreter: operands come from the record at run time. */
export class InterpreterEmitter extends Emitter {
  constructor(
    mode: 32 | 64,
    body: FunctionBody,
    imports: Imports,
    private readonly record: Local,
    private readonly tlb: Local,
    private readonly form: Form,
    private readonly place: Place,
  ) {
    super(mode, body, imports);
  }

  get size(): Size {
    return this.form.size;
  }

  get extra(): number {
    return 0;
  }

  operandSize(index: number): number {
    return this.form.operands[index]?.size ?? this.size;
  }

  isMemory(index: number): boolean {
    return this.form.operands[index]?.kind === 'memory';
  }

  private field(bits: number, offset: number): Int {
    return this.body.load(bits, this.body.get(this.record), offset);
  }

  protected tlbBase(): Int {
    return this.body.get(this.tlb);
  }

  private effective(): Int {
    const { mode } = this;
    const base = this.body.load(mode, this.field(16, RECORD_BASE));
    const index = this.body.load(mode, this.field(16, RECORD_INDEX)).shl(this.field(8, RECORD_SHIFT).toWidth(mode));
    const displacement =
      mode === 64
        ? this.body.load32S64(this.body.get(this.record), RECORD_DISPLACEMENT)
        : this.field(32, RECORD_DISPLACEMENT);
    return base.add(index).add(displacement);
  }

  effectiveAddress(): Int {
    return this.let(this.effective());
  }

  linearAddress(): Int {
    return this.let(this.effective().add(this.operandSegmentBase()));
  }

  protected operandSegmentBase(): Int {
    return this.body.load(this.mode, this.field(16, RECORD_SEGMENT));
  }

  protected extraSegmentBase(): Int {
    return this.mode === 64 ? Int.constant(64, 0) : this.state(32, STATE_SEGMENT_BASES);
  }

  stackAddress(pointer: Int): Int {
    return this.mode === 64 ? pointer : pointer.add(this.state(32, STATE_SEGMENT_BASES + 2 * 8));
  }

  registerAddress(index: number): Int {
    const operand = this.form.operands[index];
    if (operand === undefined) throw new Error(`${this.form.row.name} has no operand ${index}`);
    if (operand.kind === 'fixed') return Int.constant(32, STATE_REGISTERS + operand.register * 8);
    return this.field(16, operand.kind === 'first' ? RECORD_FIRST : RECORD_SECOND);
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
      default:
        return this.body.load(size, this.registerAddress(index));
    }
  }

  setRegisterOperand(index: number, size: Size, value: Int): void {
    const address = this.registerAddress(index);
    if (size === 32) this.body.store(64, address, this.let(value).toI64U());
    else this.body.store(size, address, this.let(value));
  }

  /** Immediates are stored cut to their size; a 64-bit one is sign-extended, but for `mov r64, imm64`. */
  immediate(size: Size): Int {
    if (size !== 64) return this.field(32, RECORD_IMMEDIATE);
    const whole = this.form.row.operands.endsWith('Iv') && !this.form.row.operands.endsWith('sIv');
    return whole
      ? this.field(64, RECORD_DISPLACEMENT)
      : this.body.load32S64(this.body.get(this.record), RECORD_IMMEDIATE);
  }

  immediate2(): Int {
    return this.field(8, RECORD_EXTRA);
  }

  protected addressSizeOverride(): Int {
    return this.field(8, RECORD_EXTRA);
  }

  nextInstruction(): Int {
    return this.let(this.state(this.mode, STATE_PAGE_BASE).add(this.field(16, RECORD_NEXT_OFFSET).toWidth(this.mode)));
  }

  fault(): void {
    if (this.place.kind === 'inline') this.body.br(this.place.fault);
    else this.body.return(Int.constant(32, ROUTINE_FAULT));
  }

  synchronise(): void {
    if (this.place.kind !== 'inline') return;
    this.setState(32, STATE_BUDGET, this.body.get(this.place.budget));
    this.setState(32, STATE_RECORD, this.body.get(this.record));
  }

  resynchronise(): void {
    if (this.place.kind === 'inline') this.body.set(this.place.budget, this.state(32, STATE_BUDGET));
  }

  leaveRoutine(how: 'next' | 'again'): void {
    this.body.return(Int.constant(32, how === 'next' ? ROUTINE_NEXT : ROUTINE_AGAIN));
  }

  trap(vector: number): void {
    if (this.place.kind !== 'inline') throw new Error('traps are inline rows');
    this.setState(32, STATE_VECTOR, Int.constant(32, vector));
    this.setState(32, STATE_ERROR_CODE, Int.constant(32, -1));
    this.setState(64, STATE_RIP, this.nextInstruction().toI64U());
    this.setState(32, STATE_BUDGET, this.body.get(this.place.budget));
    this.body.return(Int.constant(32, RUN_EXCEPTION));
  }

  jumpDirect(): void {
    this.follow(RECORD_LINK_TAKEN, Int.constant(32, 1));
  }

  jumpDirectIf(condition: Int): void {
    this.body.if(
      condition,
      () => this.follow(RECORD_LINK_TAKEN, Int.constant(32, 1)),
      () => this.follow(RECORD_LINK_NEXT, Int.constant(32, 0)),
    );
  }

  /** To the linked record, or to the shared code that resolves or leaves the page. */
  private follow(link: number, taken: Int): void {
    if (this.place.kind !== 'inline') throw new Error('branches are inline rows');
    const target = this.let(this.field(32, link));
    this.body.if(target.gtS(0), () => {
      if (this.place.kind !== 'inline') return;
      this.body.set(this.record, target);
      this.body.br(this.place.enter);
    });
    this.body.set(this.place.taken, taken);
    this.body.br(this.place.unlinked);
  }

  jumpIndirect(target: Int): void {
    if (this.place.kind !== 'inline') throw new Error('branches are inline rows');
    this.body.set(this.place.target, target.toI64U());
    this.body.br(this.place.transfer);
  }
}
