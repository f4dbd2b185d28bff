import type { CommonEntry } from './call-frames.ts';
import { DataReader } from './data-reader.ts';
import { MalformedDwarf } from './malformed.ts';

/** Where the caller's value of a register is (DWARF 5, 6.4.1). */
export type RegisterRule =
  | { readonly kind: 'undefined' }
  | { readonly kind: 'same' }
  /** In memory, at a distance from the canonical frame address; or that address plus the distance itself. */
  | { readonly kind: 'offset' | 'value-offset'; readonly offset: number }
  | { readonly kind: 'register'; readonly register: number }
  /** A location expression for the place in memory, or for the value itself. */
  | { readonly kind: 'expression' | 'value-expression'; readonly expression: Uint8Array };

export type CfaRule =
  | { readonly kind: 'register'; readonly register: number; readonly offset: number }
  | { readonly kind: 'expression'; readonly expression: Uint8Array };

/** The rules for one address. */
export interface FrameRow {
  readonly cfa: CfaRule;
  readonly rules: ReadonlyMap<number, RegisterRule>;
  readonly returnRegister: number;
  readonly isSignalFrame: boolean;
}

/** DW_CFA_* with the operand in the opcode's low six bits. */
const ADVANCE_LOC = 1;
const OFFSET = 2;
const RESTORE = 3;

/** The others (DWARF 5, table 7.29). */
const CFA = {
  nop: 0x00,
  set_loc: 0x01,
  advance_loc1: 0x02,
  advance_loc2: 0x03,
  advance_loc4: 0x04,
  offset_extended: 0x05,
  restore_extended: 0x06,
  undefined: 0x07,
  same_value: 0x08,
  register: 0x09,
  remember_state: 0x0a,
  restore_state: 0x0b,
  def_cfa: 0x0c,
  def_cfa_register: 0x0d,
  def_cfa_offset: 0x0e,
  def_cfa_expression: 0x0f,
  expression: 0x10,
  offset_extended_sf: 0x11,
  def_cfa_sf: 0x12,
  def_cfa_offset_sf: 0x13,
  val_offset: 0x14,
  val_offset_sf: 0x15,
  val_expression: 0x16,
  GNU_args_size: 0x2e,
  GNU_negative_offset_extended: 0x2f,
} as const;

const MAXIMUM_STATES = 64;

/** Runs the instructions of the common entry and of the description up to `pc`. */
export function runFrameProgram(
  common: CommonEntry,
  instructions: Uint8Array,
  low: number,
  pc: number,
  addressSize: number,
): FrameRow {
  const program = new FrameProgram(common, addressSize, low, pc);
  program.run(common.instructions);
  program.initialRules = new Map(program.rules);
  program.run(instructions);
  const { cfa, rules } = program;
  if (cfa === undefined) throw new MalformedDwarf('Call-frame information does not say where the frame is.');
  return { cfa, rules, returnRegister: common.returnRegister, isSignalFrame: common.isSignalFrame };
}

class FrameProgram {
  cfa: CfaRule | undefined;
  rules = new Map<number, RegisterRule>();
  initialRules: ReadonlyMap<number, RegisterRule> = new Map();
  private readonly states: { readonly cfa: CfaRule | undefined; readonly rules: Map<number, RegisterRule> }[] = [];

  constructor(
    private readonly common: CommonEntry,
    private readonly addressSize: number,
    private location: number,
    private readonly pc: number,
  ) {}

  run(instructions: Uint8Array): void {
    const reader = new DataReader(instructions, 'call-frame information');
    while (!reader.done) {
      const byte = reader.u8();
      const operand = byte & 0x3f;
      switch (byte >> 6) {
        case ADVANCE_LOC:
          this.location += operand * this.common.codeAlignment;
          break;
        case OFFSET:
          this.rules.set(operand, { kind: 'offset', offset: reader.uleb() * this.common.dataAlignment });
          break;
        case RESTORE:
          this.restore(operand);
          break;
        default:
          this.instruction(byte, reader);
      }
      // Instructions behind a move to a later address are about that one.
      if (this.location > this.pc) return;
    }
  }

  private instruction(opcode: number, reader: DataReader): void {
    const { codeAlignment, dataAlignment } = this.common;
    switch (opcode) {
      case CFA.nop:
        return;
      case CFA.set_loc:
        this.location = reader.address(this.addressSize);
        return;
      case CFA.advance_loc1:
        this.location += reader.u8() * codeAlignment;
        return;
      case CFA.advance_loc2:
        this.location += reader.u16() * codeAlignment;
        return;
      case CFA.advance_loc4:
        this.location += reader.u32() * codeAlignment;
        return;
      case CFA.offset_extended:
        this.set(reader.uleb(), { kind: 'offset', offset: reader.uleb() * dataAlignment });
        return;
      case CFA.offset_extended_sf:
        this.set(reader.uleb(), { kind: 'offset', offset: reader.sleb() * dataAlignment });
        return;
      case CFA.GNU_negative_offset_extended:
        this.set(reader.uleb(), { kind: 'offset', offset: -reader.uleb() * dataAlignment });
        return;
      case CFA.restore_extended:
        this.restore(reader.uleb());
        return;
      case CFA.undefined:
        this.set(reader.uleb(), { kind: 'undefined' });
        return;
      case CFA.same_value:
        this.set(reader.uleb(), { kind: 'same' });
        return;
      case CFA.register:
        this.set(reader.uleb(), { kind: 'register', register: reader.uleb() });
        return;
      case CFA.val_offset:
        this.set(reader.uleb(), { kind: 'value-offset', offset: reader.uleb() * dataAlignment });
        return;
      case CFA.val_offset_sf:
        this.set(reader.uleb(), { kind: 'value-offset', offset: reader.sleb() * dataAlignment });
        return;
      case CFA.expression:
        this.set(reader.uleb(), { kind: 'expression', expression: reader.block(reader.uleb()) });
        return;
      case CFA.val_expression:
        this.set(reader.uleb(), { kind: 'value-expression', expression: reader.block(reader.uleb()) });
        return;
      case CFA.remember_state:
        if (this.states.length >= MAXIMUM_STATES) throw new MalformedDwarf('Call-frame information nests too deeply.');
        this.states.push({ cfa: this.cfa, rules: new Map(this.rules) });
        return;
      case CFA.restore_state:
        this.restoreState();
        return;
      case CFA.GNU_args_size:
        reader.skipLeb();
        return;
      default:
        this.defineCfa(opcode, reader);
    }
  }

  private defineCfa(opcode: number, reader: DataReader): void {
    const { dataAlignment } = this.common;
    switch (opcode) {
      case CFA.def_cfa:
        this.cfa = { kind: 'register', register: reader.uleb(), offset: reader.uleb() };
        return;
      case CFA.def_cfa_sf:
        this.cfa = { kind: 'register', register: reader.uleb(), offset: reader.sleb() * dataAlignment };
        return;
      case CFA.def_cfa_register:
        this.cfa = { kind: 'register', register: reader.uleb(), offset: this.cfaOffset() };
        return;
      case CFA.def_cfa_offset:
        this.cfa = { kind: 'register', register: this.cfaRegister(), offset: reader.uleb() };
        return;
      case CFA.def_cfa_offset_sf:
        this.cfa = { kind: 'register', register: this.cfaRegister(), offset: reader.sleb() * dataAlignment };
        return;
      case CFA.def_cfa_expression:
        this.cfa = { kind: 'expression', expression: reader.block(reader.uleb()) };
        return;
      default:
        throw new MalformedDwarf(`Call-frame information has the unknown instruction 0x${opcode.toString(16)}.`);
    }
  }

  private cfaOffset(): number {
    return this.cfa?.kind === 'register' ? this.cfa.offset : 0;
  }

  private cfaRegister(): number {
    if (this.cfa?.kind !== 'register') throw new MalformedDwarf('Call-frame information changes a frame it never set.');
    return this.cfa.register;
  }

  private set(register: number, rule: RegisterRule): void {
    this.rules.set(register, rule);
  }

  private restore(register: number): void {
    const initial = this.initialRules.get(register);
    if (initial === undefined) this.rules.delete(register);
    else this.rules.set(register, initial);
  }

  private restoreState(): void {
    const state = this.states.pop();
    if (state === undefined) throw new MalformedDwarf('Call-frame information restores what it never remembered.');
    this.cfa = state.cfa;
    this.rules = state.rules;
  }
}
