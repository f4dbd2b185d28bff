/**
 * Random code on both engines, from the same state: after every run, registers, flags, TLB, counts, exits and all of
 * memory must be the same. Code comes from the instruction table, jumps into itself, faults, and stores over itself.
 */
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { RAM_BASE } from '../../../../emulator/x86/cpu/layout.ts';
import { EXIT_EXCEPTION, RSP } from '../../../../emulator/x86/cpu/processor.ts';
import type { X86State } from '../../../../emulator/x86/cpu/processor-state.ts';
import { DECODED, Decoder } from '../../../../emulator/x86/decoder/decoder.ts';
import { parseEncoding } from '../../../../emulator/x86/decoder/encoding.ts';
import { buildForms } from '../../../../emulator/x86/interpreter/forms.ts';
import type { Row } from '../../../../emulator/x86/isa/row.ts';
import { ROWS } from '../../../../emulator/x86/isa/rows.ts';
import type { TranslatorOptions } from '../../../../emulator/x86/translator/translator.ts';
import { Random } from '../../../cpu-vectors/random.ts';
import { BareMachine, CODE_PAGE, DATA_PAGE, PTE_RW, PTE_US, STACK_TOP } from '../cpu/bare-machine.ts';

type Mode = 64 | 32;

/** Page whose writes are stores to the code. */
const ALIAS = DATA_PAGE + 15 * 4096;
const READ_ONLY = DATA_PAGE + 14 * 4096;
const ABSENT = DATA_PAGE + 13 * 4096;
const RUNS_A_PROGRAM = 24;
const PROGRAM_BYTES = 600;
/** Decoding space: past everything else in a memory of its own. */
const SCRATCH = RAM_BASE;

const BRANCHES = ROWS.filter(({ operands }) => operands === 'Jb' || operands === 'Jz');
/** x87 and rows that end in TypeScript are many and slow: they come seldom. */
const COMMON = ROWS.filter(
  ({ encoding, traits, operands }) =>
    traits.system === undefined && !/^D[89A-F] /.test(encoding) && operands !== 'Jb' && operands !== 'Jz',
);
const RARE = ROWS.filter((row) => !COMMON.includes(row) && !BRANCHES.includes(row) && !/int|sys|iret/.test(row.name));
const SIMPLE = COMMON.filter(({ encoding }) => /^[0-9A-F]{2}( |$)/.test(encoding) && !encoding.startsWith('0F'));

const CORNERS = [0, 0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
/** Arithmetic, and what reads flags. */
const CALM = COMMON.filter(({ name }) =>
  /^(add|or|adc|sbb|and|sub|xor|cmp|test|inc|dec|neg|not|set.*|cmov.*|sh[lr]d?|sar|r[oc][lr]|mov|movzx|bt.?)$/.test(
    name,
  ),
);

export interface Difference {
  readonly seed: number;
  readonly mode: Mode;
  readonly text: string;
}

class Generator {
  private readonly decoder: Decoder;
  private readonly memory = new WebAssembly.Memory({ initial: (RAM_BASE >> 16) + 1 });
  private readonly bytes = new Uint8Array(this.memory.buffer);

  /** Instructions on registers alone, which run long without a fault. */
  calm = false;

  constructor(readonly mode: Mode) {
    this.decoder = new Decoder(this.memory, mode, buildForms(mode));
  }

  program(random: Random): Uint8Array {
    const code: number[] = [];
    this.calm = random.below(2) === 0;
    while (code.length < PROGRAM_BYTES) code.push(...this.instruction(random, code.length));
    return Uint8Array.from(code);
  }

  private instruction(random: Random, at: number): number[] {
    for (;;) {
      const kind = random.below(16);
      const rows = kind < 3 ? BRANCHES : kind < 4 ? RARE : kind < 10 ? SIMPLE : COMMON;
      const pool = this.calm && rows !== BRANCHES ? CALM : rows;
      const row = pool[random.below(pool.length)] as Row;
      if (row.traits.mode !== undefined && row.traits.mode !== this.mode) continue;
      const bytes = this.encode(row, random, at);
      this.bytes.fill(0, SCRATCH, SCRATCH + 32);
      this.bytes.set(bytes, SCRATCH);
      if (this.decoder.decode(SCRATCH, 15, 0, RAM_BASE - 4096) === DECODED && this.decoder.form !== undefined)
        return bytes.slice(0, this.decoder.length);
    }
  }

  private encode(row: Row, random: Random, at: number): number[] {
    const encoding = parseEncoding(row);
    const bytes: number[] = [];
    if (random.below(24) === 0) bytes.push([0x26, 0x64, 0x65, 0x67, 0xf0, 0xf3][random.below(6)] as number);
    if (random.below(10) === 0) bytes.push(0x66);
    if (typeof encoding.prefix === 'number') bytes.push(encoding.prefix);
    if (this.mode === 64 && (encoding.rexW || random.below(3) === 0)) {
      bytes.push(0x40 | random.below(16) | (encoding.rexW ? 8 : 0));
    }
    if (encoding.map > 0) bytes.push(0x0f);
    if (encoding.map > 1) bytes.push(encoding.map === 2 ? 0x38 : 0x3a);
    bytes.push(encoding.opcode + (encoding.plusRegister ? random.below(8) : 0));
    if (row.operands === 'Jb') return [...bytes, this.distance(random, at) & 0xff];
    if (row.operands === 'Jz') {
      const distance = random.below(PROGRAM_BYTES) - at;
      return [...bytes, distance & 0xff, (distance >> 8) & 0xff, (distance >> 16) & 0xff, distance >> 24];
    }
    if (encoding.hasModrm || encoding.modrmMask !== 0) bytes.push(this.modrm(encoding, random));
    for (let count = 0; count < 9; count++) bytes.push(random.below(4) === 0 ? 0 : random.below(256));
    return bytes;
  }

  private distance(random: Random, at: number): number {
    return random.below(4) === 0 ? random.below(60) : -random.below(Math.min(at + 1, 100));
  }

  private modrm(encoding: ReturnType<typeof parseEncoding>, random: Random): number {
    if (encoding.modrmMask === 0xff) return encoding.modrm;
    if (encoding.modrmMask !== 0) return encoding.modrm | random.below(8);
    const reg = encoding.digit >= 0 ? encoding.digit : random.below(8);
    if (this.calm) return 0xc0 | (reg << 3) | random.below(8);
    const mod = [3, 3, 1, 1, 0, 2][random.below(6)] as number;
    // A displacement of 32 bits leads nowhere mostly; a short one from a pointer stays near it.
    return ((mod === 2 && random.below(8) !== 0 ? 1 : mod) << 6) | (reg << 3) | random.below(8);
  }
}

/** Both engines side by side. */
export class EngineFuzz {
  programs = 0;
  runs = 0;

  private constructor(
    private readonly mode: Mode,
    private readonly generator: Generator,
    private readonly machines: readonly [BareMachine, BareMachine],
  ) {}

  static async create(mode: Mode, options: TranslatorOptions): Promise<EngineFuzz> {
    const machines = [await BareMachine.create(mode), await BareMachine.create(mode, options)] as const;
    for (const machine of machines) {
      machine.map(ALIAS, 0, PTE_RW | PTE_US);
      machine.map(READ_ONLY, 30, PTE_US);
      machine.unmap(ABSENT);
    }
    return new EngineFuzz(mode, new Generator(mode), machines);
  }

  /** One program, run in pieces; what differs first, if anything does. */
  program(seed: number): Difference | undefined {
    const random = new Random(`engines ${seed}`);
    const code = this.generator.program(random);
    for (const machine of this.machines) {
      machine.ram.writeBytes(machine.machine(CODE_PAGE), code);
      // The end of one page runs on into the next.
      machine.ram.writeBytes(machine.machine(CODE_PAGE + 4096 - 64), code.subarray(0, 128));
    }
    this.programs++;
    this.restart(random, true);
    for (let run = 0; run < RUNS_A_PROGRAM; run++) {
      const budget = 1 + random.below(random.below(4) === 0 ? 1000 : 60);
      const [first, second] = this.machines.map(({ processor }) => processor.run(budget)) as [number, number];
      this.runs++;
      const text = first === second ? this.compare() : `exit ${first} is ${second}`;
      if (text !== undefined) return { seed, mode: this.mode, text: `run ${run}: ${text}` };
      if (first === EXIT_EXCEPTION || random.below(8) === 0) this.restart(random, random.below(4) === 0);
    }
    const [a, b] = this.machines.map(({ ram }) => Buffer.from(ram.u8.buffer, RAM_BASE, 128 * 4096)) as [Buffer, Buffer];
    if (Buffer.compare(a, b) !== 0) return { seed, mode: this.mode, text: 'memory differs' };
    return undefined;
  }

  /** Somewhere in the code, with pointers in some registers. */
  private restart(random: Random, all: boolean): void {
    const entry = CODE_PAGE + (random.below(16) === 0 ? 4096 - random.below(64) : random.below(PROGRAM_BYTES));
    const flags = 0x202 | (random.below(0x1000) & 0xcd5);
    const values: [number, number, number][] = [];
    for (let register = 0; register < (this.mode === 64 ? 16 : 8); register++) {
      if (!all && random.below(3) !== 0) continue;
      const pointer = (random.below(this.generator.calm ? 8 : 3) !== 0) !== this.generator.calm;
      // Equal operands are what borrows and comparisons stumble over.
      const number = random.below(2) === 0 ? random.pick(CORNERS) : random.u32() | 0;
      const low = pointer ? DATA_PAGE + random.below(16 * 4096) : number;
      values.push([register, low, pointer || this.mode === 32 ? 0 : random.u32() | 0]);
    }
    for (const { processor } of this.machines) {
      for (const [register, low, high] of values) processor.setRegister(register, low, high);
      processor.setRegister(RSP, STACK_TOP - 4096 - (entry & 0xff8), 0);
      processor.rflags = flags;
      processor.rip = entry as VirtualAddress;
    }
  }

  private compare(): string | undefined {
    const [a, b] = this.machines.map(({ processor }) => processor.save() as X86State) as [X86State, X86State];
    if (a.retired !== b.retired) return `${a.retired} instructions are ${b.retired}`;
    for (let at = 0; at < a.registers.length; at++) {
      if (a.registers[at] !== b.registers[at]) return `state at ${at.toString(16)} differs`;
    }
    if (JSON.stringify(a.exit) !== JSON.stringify(b.exit))
      return `${JSON.stringify(a.exit)} is ${JSON.stringify(b.exit)}`;
    for (const view of [0, 1] as const) {
      if (Buffer.compare(bytesOf(a.mmu.entries[view]), bytesOf(b.mmu.entries[view])) !== 0) return 'the TLB differs';
    }
    return undefined;
  }
}

const bytesOf = (view: Int32Array | undefined): Uint8Array =>
  view === undefined ? new Uint8Array() : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
