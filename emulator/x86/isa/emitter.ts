import {
  STATE_CC_AUXILIARY,
  STATE_CC_RESULT,
  STATE_EFLAGS,
  STATE_ERROR_CODE,
  STATE_FPU_OFF,
  STATE_MXCSR,
  STATE_REGISTERS,
  STATE_SCRATCH,
  STATE_SELECTORS,
  STATE_VECTOR,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SHIFT,
  TLB_READ,
  TLB_WRITE,
} from '../cpu/layout.ts';
import type { FpuFunctions } from '../fpu/functions.ts';
import type { FunctionBody } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { ArithmeticFlags } from './arithmetic-flags.ts';

export type Size = 8 | 16 | 32 | 64;

/** A destination that is read first: its value, and how to store the new one (which may fault). */
export interface Destination {
  readonly value: Int;
  store(value: Int): void;
}

/** Imported functions of the module that is being emitted. */
export interface Imports {
  /** (low, high, bytes) → byte offset of the data, or 0 for a fault. */
  readonly slowRead: number;
  /** (low, high, bytes) with the data in the scratch area → 1, or 0 for a fault. */
  readonly slowWrite: number;
  /** (low, high, bytes) → byte offset of the old data, or 0; the scratch area means: give it to slowWrite afterwards. */
  readonly slowModify: number;
  /** (system row number, record) → ROUTINE_*. */
  readonly system: number;
  /** (i64, i64) → upper half of the unsigned product. */
  readonly highProduct: number;
  /** (high, low, divisor) → quotient; high < divisor. */
  readonly quotient128: number;
  readonly fpu: FpuFunctions;
}

/**
 * What semantics rows talk to. The interpreter's emitter takes operands from the record at run time; the translator's
 * has them built in. Integer values of 8 and 16 bits are zero-extended i32, of 32 bits i32, of 64 bits i64.
 */
export abstract class Emitter {
  readonly flags: ArithmeticFlags;

  constructor(
    readonly mode: 32 | 64,
    readonly body: FunctionBody,
    readonly imports: Imports,
    Flags: new (e: Emitter) => ArithmeticFlags = ArithmeticFlags,
  ) {
    this.flags = new Flags(this);
  }

  /** Operand size of this form; 8, 16, 32 or 64. */
  abstract readonly size: Size;
  /** Free constant of the form: condition code, segment number. */
  abstract readonly extra: number;
  abstract operandSize(index: number): number;
  abstract isMemory(index: number): boolean;
  /** Effective address of the memory operand without segment base (LEA), as wide as the mode. */
  abstract effectiveAddress(): Int;
  /** Linear address of the memory operand: segment base added. */
  abstract linearAddress(): Int;
  abstract registerOperand(index: number, size: Size): Int;
  abstract setRegisterOperand(index: number, size: Size, value: Int): void;
  /** Byte address of a register operand in the processor state (XMM and MMX registers are memory). */
  abstract registerAddress(index: number): Int;
  abstract immediate(size: Size): Int;
  /** rip of the next instruction, as wide as the mode. */
  abstract nextInstruction(): Int;
  /** Leaves to the exception that is recorded in the state. */
  abstract fault(): void;
  /** Before calling out: make budget and record visible in the state. */
  abstract synchronise(): void;
  /** After calling out: the budget may have been driven negative. */
  abstract resynchronise(): void;
  /** Second immediate (ENTER's level), an i32. */
  abstract immediate2(): Int;
  /** From a routine: the instruction is done ('next'), or goes on when there is budget again. */
  abstract leaveRoutine(how: 'next' | 'again'): void;
  /** Records a trap (vector without error code) and leaves with rip at the next instruction. */
  abstract trap(vector: number): void;
  /** Masks of the address size for string and loop instructions: 1 when a 67 prefix is in force. */
  protected abstract addressSizeOverride(): Int;
  /** Segment base of the memory operand (default DS), and ES. */
  protected abstract operandSegmentBase(): Int;
  protected abstract extraSegmentBase(): Int;
  abstract jumpDirect(): void;
  abstract jumpDirectIf(condition: Int): void;
  abstract jumpIndirect(target: Int): void;

  // ---- Constants and registers

  get addressWidth(): 32 | 64 {
    return this.mode;
  }

  width(size: number): 32 | 64 {
    return size === 64 ? 64 : 32;
  }

  constant(value: number, size: number = this.size): Int {
    return Int.constant(this.width(size), value);
  }

  let(value: Int): Int {
    return this.body.let(value);
  }

  /** Byte `offset` of the processor state as an address expression. */
  private static readonly zero = Int.constant(32, 0);

  state(bits: number, offset: number): Int {
    return this.body.load(bits, Emitter.zero, offset);
  }

  setState(bits: number, offset: number, value: Int): void {
    this.body.store(bits, Emitter.zero, value, offset);
  }

  /** Register by number, without high-byte forms. */
  register(number: number, size: Size): Int {
    return this.state(size, STATE_REGISTERS + number * 8);
  }

  /** 32-bit writes clear the upper half; 8- and 16-bit writes leave the rest alone. */
  setRegister(number: number, size: Size, value: Int): void {
    if (size === 32) this.setState(64, STATE_REGISTERS + number * 8, value.toI64U());
    else this.setState(size, STATE_REGISTERS + number * 8, value);
  }

  /** AH, CH, DH, BH by number 0–3. */
  highByte(number: number): Int {
    return this.state(8, STATE_REGISTERS + number * 8 + 1);
  }

  setHighByte(number: number, value: Int): void {
    this.setState(8, STATE_REGISTERS + number * 8 + 1, value);
  }

  /** Address-wide register: stack and string pointers. */
  pointer(number: number): Int {
    return this.register(number, this.mode);
  }

  setPointer(number: number, value: Int): void {
    this.setRegister(number, this.mode, value);
  }

  truncateTo(value: Int, size: Size): Int {
    return this.truncate(value.toWidth(this.width(size)), size);
  }

  selector(segment: number): Int {
    return this.state(32, STATE_SELECTORS + segment * 4);
  }

  mxcsr(): Int {
    return this.state(32, STATE_MXCSR);
  }

  setMxcsr(value: Int): void {
    this.setState(32, STATE_MXCSR, value);
  }

  /** Upper 64 bits of a product. */
  highProduct(left: Int, right: Int, signed: boolean): Int {
    const product = this.body.result(this.imports.highProduct, [left, right], 64);
    if (!signed) return product;
    return product.sub(left.and(right.shrS(63))).sub(right.and(left.shrS(63)));
  }

  /** (high:low) / divisor for high < divisor. */
  quotient128(high: Int, low: Int, divisor: Int): Int {
    return this.body.result(this.imports.quotient128, [high, low, divisor], 64);
  }

  // ---- String and loop registers, as wide as the address size

  private addressMask(): Int {
    const narrow = this.mode === 64 ? Int.constant64(-1, 0) : Int.constant(32, 0xffff);
    return this.let(narrow.select(this.addressSizeOverride(), Int.constant(this.mode, -1)));
  }

  stringPointer(number: number): Int {
    return this.pointer(number).and(this.addressMask());
  }

  /** A 32-bit pointer in 64-bit mode clears the upper half, a 16-bit one in 32-bit mode leaves it. */
  setStringPointer(number: number, value: Int): void {
    const mask = this.addressMask();
    const masked = value.and(mask);
    if (this.mode === 64) this.setPointer(number, masked);
    else this.setPointer(number, this.pointer(number).and(mask.not()).or(masked));
  }

  stringCount(): Int {
    return this.stringPointer(1);
  }

  sourceAddress(): Int {
    return this.stringPointer(6).add(this.operandSegmentBase());
  }

  destinationAddress(): Int {
    return this.stringPointer(7).add(this.extraSegmentBase());
  }

  /** Where MASKMOVDQU stores: DS:rDI, or the overriding segment. */
  maskedDestination(): Int {
    return this.stringPointer(7).add(this.operandSegmentBase());
  }

  /** Linear address `bytes` beyond the memory operand, wrapped to the address size (BT with a register offset). */
  addressBeyond(bytes: Int): Int {
    return this.let(this.effectiveAddress().add(bytes).and(this.addressMask()).add(this.operandSegmentBase()));
  }

  // ---- Operands

  read(index: number, size: Size = this.operandSize(index) as Size): Int {
    if (this.isMemory(index)) return this.loadVirtual(size, this.linearAddress());
    return this.registerOperand(index, size);
  }

  write(index: number, value: Int, size: Size = this.operandSize(index) as Size): void {
    if (this.isMemory(index)) this.storeVirtual(size, this.linearAddress(), value);
    else this.setRegisterOperand(index, size, value);
  }

  modify(index: number, size: Size = this.operandSize(index) as Size): Destination {
    if (this.isMemory(index)) return this.modifyVirtual(size, this.linearAddress());
    return {
      value: this.let(this.registerOperand(index, size)),
      store: (value) => this.setRegisterOperand(index, size, value),
    };
  }

  // ---- Values

  /** Cuts an i32 down to 8 or 16 bits. */
  truncate(value: Int, size: number): Int {
    return size === 8 ? value.and(0xff) : size === 16 ? value.and(0xffff) : value;
  }

  /** Sign-extends a value of `size` bits within its own width. */
  signExtend(value: Int, size: number): Int {
    return size === 8 ? value.extend8S() : size === 16 ? value.extend16S() : value;
  }

  // ---- Memory

  private tlbEntry(address: Int): Int {
    const mask = (TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT;
    return this.let(
      this.tlbBase().add(
        address
          .toI32()
          .shrU(12 - TLB_ENTRY_SHIFT)
          .and(mask),
      ),
    );
  }

  protected abstract tlbBase(): Int;

  /** Tag that an access of these bytes must find: that of its last byte, so that page-crossers miss. */
  private tag(address: Int, bytes: number): Int {
    return address
      .toI64U()
      .add(bytes - 1)
      .and(-4096);
  }

  private callSlow(routine: number, address: Int, bytes: number): Int {
    this.synchronise();
    const wide = address.toI64U();
    const result = this.let(this.body.result(routine, [wide.toI32(), wide.shrU(32).toI32(), Int.constant(32, bytes)]));
    this.resynchronise();
    return result;
  }

  private faultUnless(result: Int): Int {
    const value = this.let(result);
    this.body.if(value.eqz(), () => this.fault());
    return value;
  }

  /** RAM offset to read `bits` from. */
  readPointer(bits: number, address: Int): Int {
    const at = this.let(address);
    const entry = this.tlbEntry(at);
    return this.body.choose(
      this.body.load(64, entry, TLB_READ).eq(this.tag(at, bits / 8)),
      () => this.body.load(32, entry, TLB_ADDEND).add(at.toI32()),
      () => this.faultUnless(this.callSlow(this.imports.slowRead, at, bits / 8)),
    );
  }

  /** RAM offset when the page of `address` may be accessed directly, else 0; never faults, never fills. */
  probe(address: Int, write: boolean): Int {
    const entry = this.tlbEntry(address);
    const pointer = this.body.load(32, entry, TLB_ADDEND).add(address.toI32());
    return pointer.select(this.body.load(64, entry, write ? TLB_WRITE : TLB_READ).eq(this.tag(address, 1)), 0);
  }

  loadVirtual(size: Size, address: Int): Int {
    return this.let(this.body.load(size, this.readPointer(size, address)));
  }

  /** Stores through `put`, which is handed a RAM offset; for 128-bit values too. */
  storeThrough(bits: number, address: Int, put: (pointer: Int) => void): void {
    const at = this.let(address);
    const entry = this.tlbEntry(at);
    this.body.if(
      this.body.load(64, entry, TLB_WRITE).eq(this.tag(at, bits / 8)),
      () => put(this.body.load(32, entry, TLB_ADDEND).add(at.toI32())),
      () => {
        put(Int.constant(32, STATE_SCRATCH));
        this.faultUnless(this.callSlow(this.imports.slowWrite, at, bits / 8));
      },
    );
  }

  storeVirtual(size: Size, address: Int, value: Int): void {
    const held = this.let(value);
    this.storeThrough(size, address, (pointer) => this.body.store(size, pointer, held));
  }

  modifyVirtual(size: Size, address: Int): Destination {
    const at = this.let(address);
    const pointer = this.writePointer(size, at);
    const value = this.let(this.body.load(size, pointer));
    return {
      value,
      store: (next) => {
        this.body.store(size, pointer, next);
        this.commit(size, at, pointer);
      },
    };
  }

  /** RAM offset of data that will be changed; `commit` must follow the change. */
  writePointer(bits: number, at: Int): Int {
    const entry = this.tlbEntry(at);
    return this.body.choose(
      this.body.load(64, entry, TLB_WRITE).eq(this.tag(at, bits / 8)),
      () => this.body.load(32, entry, TLB_ADDEND).add(at.toI32()),
      () => this.faultUnless(this.callSlow(this.imports.slowModify, at, bits / 8)),
    );
  }

  /** Faults as a store would, but changes nothing. */
  probeWrite(bits: number, address: Int): void {
    const at = this.let(address);
    this.commit(bits, at, this.let(this.writePointer(bits, at)));
  }

  commit(bits: number, at: Int, pointer: Int): void {
    this.body.if(pointer.eq(STATE_SCRATCH), () => {
      this.faultUnless(this.callSlow(this.imports.slowWrite, at, bits / 8));
    });
  }

  /** #GP(0) for the target of a near branch that is not canonical; nothing has changed yet. */
  requireCanonical(target: Int): void {
    if (this.mode === 64) this.raiseIf(this.isCanonical(target).eqz(), 13, 0);
  }

  isCanonical(address: Int): Int {
    return address.shl(16).shrS(16).eq(address);
  }

  // ---- Stack

  /** Pushes; rsp changes only when the store worked. */
  push(size: Size, value: Int): void {
    const held = this.let(value);
    const top = this.let(this.stackPointer().sub(size / 8));
    this.storeVirtual(size, this.stackAddress(top), held);
    this.setStackPointer(top);
  }

  pop(size: Size): Int {
    const top = this.let(this.stackPointer());
    const value = this.loadVirtual(size, this.stackAddress(top));
    this.setStackPointer(top.add(size / 8));
    return value;
  }

  stackPointer(): Int {
    return this.pointer(4);
  }

  setStackPointer(value: Int): void {
    this.setPointer(4, value);
  }

  /** Linear address of a stack pointer value. */
  abstract stackAddress(pointer: Int): Int;

  // ---- Exceptions

  /** Records an exception and leaves. `errorCode` -1 for vectors without one. */
  raise(vector: number, errorCode = -1): void {
    this.setState(32, STATE_VECTOR, Int.constant(32, vector));
    this.setState(32, STATE_ERROR_CODE, Int.constant(32, errorCode));
    this.fault();
  }

  raiseIf(condition: Int, vector: number, errorCode = -1): void {
    this.body.if(condition, () => this.raise(vector, errorCode));
  }

  /** #NM when the FPU is switched off (CR0.TS, CR0.EM). */
  requireFpu(): void {
    this.raiseIf(this.state(32, STATE_FPU_OFF), 7);
  }

  /** Bits of EFLAGS that are kept in place. */
  eflags(): Int {
    return this.state(32, STATE_EFLAGS);
  }

  // ---- Lazy flags, as the engine keeps them

  ccResult(): Int {
    return this.state(64, STATE_CC_RESULT);
  }
  ccAuxiliary(): Int {
    return this.state(32, STATE_CC_AUXILIARY);
  }
  setCcResult(value: Int): void {
    this.setState(64, STATE_CC_RESULT, value);
  }
  setCcAuxiliary(value: Int): void {
    this.setState(32, STATE_CC_AUXILIARY, value);
  }
}
