import * as iced from 'iced-x86';
import * as layout from '../../../../emulator/x86/cpu/layout.ts';
import { Decoder } from '../../../../emulator/x86/decoder/decoder.ts';
import { buildForms } from '../../../../emulator/x86/interpreter/forms.ts';
import type { Form } from '../../../../emulator/x86/interpreter/operands.ts';
import * as record from '../../../../emulator/x86/interpreter/record.ts';
import { Random } from '../../../cpu-vectors/random.ts';

/** Extensions that the processor has (x86-64-v2 and MOVBE); what needs others is undefined to it. */
const EXTENSIONS = new Set(
  (
    'INTEL8086 INTEL186 INTEL286 INTEL386 INTEL486 X64 CLFSH CMOV CMPXCHG16B CPUID CX8 FPU FPU287 FPU387 FXSR MMX ' +
    'MONITOR MOVBE MSR MULTIBYTENOP PAUSE POPCNT PREFETCHW RDPMC SEP SSE SSE2 SSE3 SSE4_1 SSE4_2 SSSE3 SYSCALL TSC'
  )
    .split(' ')
    .map((name) => iced.CpuidFeature[name as keyof typeof iced.CpuidFeature] as number),
);

/** Where the two are meant to differ, by what iced-x86 makes of the bytes. */
const INTENDED: readonly (readonly [RegExp, string])[] = [
  [/^Rsm$/, 'decoded to raise #UD outside system-management mode'],
  [
    /^(Tzcnt|Lzcnt|Wbnoinvd|Rdssp|Cldemote|Prefetch|Reservednop|Endbr|Nop_|Rdpkru)/,
    'hints, or older instructions without the extension',
  ],
  [/^Xlat_m8$/, 'the row itself adds AL to the address'],
  [/^Pause$/, 'F3 41 90 exchanges R8 on a real CPU, iced-x86 has it as PAUSE'],
  [/^(Ud0|Ud1|Ud2)/, 'undefined on purpose'],
];

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
/** Where the instruction is taken to lie in its page, so that RIP-relative addresses can be compared. */
const OFFSET = 0x100;
const FROM = layout.RAM_BASE;
const REGISTER_NAMES = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

/** Class and number of a register by iced-x86's name: g3 for BL, BX, EBX, RBX; h3 for BH; x, m, s, c, d. */
function registerKey(register: number): string {
  const name = iced.Register[register] as string;
  const numbered = /^(XMM|MM|CR|DR|R)(\d+)/.exec(name);
  if (numbered !== null) {
    const kind = { XMM: 'x', MM: 'm', CR: 'c', DR: 'd', R: 'g' }[numbered[1] as 'R'];
    return `${kind}${numbered[2]}`;
  }
  const segment = SEGMENTS.indexOf(name);
  if (segment >= 0) return `s${segment}`;
  if (/^[ABCD]H$/.test(name)) return `h${['AH', 'CH', 'DH', 'BH'].indexOf(name)}`;
  const word = name.replace(/^[ER]/, '');
  const index = REGISTER_NAMES.indexOf(/^([ABCD]|SP|BP|SI|DI)L$/.test(word) ? wordOf(word) : word);
  return index >= 0 ? `g${index}` : name;
}

const wordOf = (byteName: string): string => (byteName.length === 2 ? `${byteName[0]}X` : byteName.slice(0, 2));

/** Register, memory and immediate operands (of these, and of branch distances, the low byte) as text: sets to compare. */
function icedOperands(instruction: iced.Instruction): Set<string> {
  const operands = new Set<string>();
  for (let i = 0; i < instruction.opCount; i++) {
    const kind = instruction.opKind(i);
    const name = iced.OpKind[kind] as string;
    if (kind === iced.OpKind.Register) {
      const key = registerKey(instruction.opRegister(i));
      if (!key.startsWith('ST')) operands.add(key);
    } else if (kind === iced.OpKind.Memory) operands.add(icedAddress(instruction));
    else if (name.startsWith('NearBranch')) {
      operands.add(`i${BigInt.asUintN(8, instruction.nearBranchTarget - instruction.nextIP)}`);
    } else if (name.startsWith('Immediate')) operands.add(`i${BigInt.asUintN(8, instruction.immediate(i))}`);
  }
  return operands;
}

function icedAddress(instruction: iced.Instruction): string {
  const displacement = BigInt.asUintN(32, instruction.memoryDisplacement);
  if (instruction.isIpRelMemoryOperand) return `[rip ${displacement}]`;
  const base = instruction.memoryBase === iced.Register.None ? '' : registerKey(instruction.memoryBase);
  const index = instruction.memoryIndex === iced.Register.None ? '' : registerKey(instruction.memoryIndex);
  return `[${base} ${index === '' ? '' : `${index}*${instruction.memoryIndexScale}`} ${displacement}]`;
}

/** Decodes single instructions and says what came out in the same terms. */
export class OwnDecoder {
  private readonly memory = new WebAssembly.Memory({ initial: (layout.RAM_BASE >> 16) + 1 });
  private readonly u8 = new Uint8Array(this.memory.buffer);
  private readonly view = new DataView(this.memory.buffer);
  private readonly decoder: Decoder;

  constructor(mode: 32 | 64) {
    this.decoder = new Decoder(this.memory, mode, buildForms(mode));
  }

  decode(bytes: Uint8Array): { form: Form | undefined; length: number; operands: Set<string> } {
    this.u8.set(bytes, FROM);
    this.decoder.decode(FROM, bytes.length, OFFSET, layout.RECORDS);
    const { form, length, records } = this.decoder;
    return { form, length, operands: form === undefined ? new Set() : this.operands(form, records) };
  }

  private operands(form: Form, records: number): Set<string> {
    const at = layout.RECORDS + (records - 1) * record.RECORD_SIZE;
    const operands = new Set<string>();
    for (const operand of form.operands) {
      switch (operand.kind) {
        case 'first':
        case 'second': {
          const field = operand.kind === 'first' ? record.RECORD_FIRST : record.RECORD_SECOND;
          operands.add(this.register(operand.letter, this.view.getUint16(at + field, true)));
          break;
        }
        case 'fixed':
          operands.add(`g${operand.register}`);
          break;
        case 'memory':
          operands.add(this.address(at, records));
          break;
        case 'immediate':
          operands.add(`i${this.immediate(form, at) & 0xff}`);
          break;
        case 'immediate2':
          operands.add(`i${this.u8[at + record.RECORD_EXTRA]}`);
          break;
        case 'one':
          operands.add('i1');
          break;
        default:
          if (operand.letter === 'J') operands.add(`i${this.branch(at) & 0xff}`);
      }
    }
    return operands;
  }

  /** Distance of a direct branch. */
  private branch(at: number): number {
    const target = this.view.getInt32(at + record.RECORD_DISPLACEMENT, true);
    return target - this.view.getUint16(at + record.RECORD_NEXT_OFFSET, true);
  }

  private immediate(form: Form, at: number): number {
    const whole = form.size === 64 && form.row.operands.endsWith(' Iv') && !form.row.operands.endsWith('sIv');
    return this.view.getInt32(at + (whole ? record.RECORD_DISPLACEMENT : record.RECORD_IMMEDIATE), true);
  }

  private register(letter: string, offset: number): string {
    if ('VWU'.includes(letter)) return `x${(offset - layout.STATE_XMM) / 16}`;
    if ('PQN'.includes(letter)) return `m${(offset - layout.STATE_X87) / 16}`;
    if (letter === 'S') return `s${(offset - layout.STATE_SELECTORS) / 4}`;
    if (letter === 'C' || letter === 'D') return `${letter.toLowerCase()}${offset}`;
    const number = Math.floor((offset - layout.STATE_REGISTERS) / 8);
    return offset % 8 === 1 ? `h${number}` : `g${number}`;
  }

  /** The address is in the record itself, or in the helper record before it. */
  private address(own: number, records: number): string {
    const before = own - record.RECORD_SIZE;
    // The check of a null FS or GS computes nothing.
    const helped = records > 1 && this.view.getUint16(before, true) !== record.HANDLER_NOT_NULL;
    const at = helped ? before : own;
    const helper = this.view.getUint16(at, true);
    const displacement = this.view.getUint32(at + record.RECORD_DISPLACEMENT, true);
    if (helper === record.HANDLER_ADDRESS_ABSOLUTE) return `[  ${displacement}]`;
    const base = this.view.getUint16(at + record.RECORD_BASE, true);
    const index = this.view.getUint16(at + record.RECORD_INDEX, true);
    if (base === layout.STATE_PAGE_BASE) return `[rip ${displacement}]`;
    const text = (offset: number): string => (offset === layout.STATE_ZERO ? '' : this.register('G', offset));
    const scaled = text(index) === '' ? '' : `${text(index)}*${1 << (this.u8[at + record.RECORD_SHIFT] as number)}`;
    const wrapped = helper === record.HANDLER_ADDRESS16 ? displacement & 0xffff : displacement;
    return `[${text(base)} ${scaled} ${wrapped}]`;
  }
}

/** Random bytes; most strings begin like an instruction, so that all opcode maps are reached. */
export function randomInstruction(random: Random, mode: 32 | 64): Uint8Array {
  const bytes = random.bytes(15);
  if (random.chance(25)) return bytes;
  let at = 0;
  while (random.chance(35) && at < 3) bytes[at++] = random.pick(PREFIXES);
  if (mode === 64 && random.chance(40)) bytes[at++] = 0x40 | random.below(16);
  if (random.chance(55)) {
    bytes[at++] = 0x0f;
    if (random.chance(15)) bytes[at++] = random.pick([0x38, 0x3a]);
  }
  return bytes;
}

/** Disagreements over `count` random strings, by kind, with an example each. */
export function compareWithIced(mode: 32 | 64, count: number): Map<string, string> {
  const random = new Random(`iced-x86 ${mode}`);
  const own = new OwnDecoder(mode);
  const instruction = new iced.Instruction();
  const disagreements = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const bytes = randomInstruction(random, mode);
    const decoder = new iced.Decoder(mode, bytes, iced.DecoderOptions.None);
    decoder.ip = BigInt(OFFSET);
    decoder.decodeOut(instruction);
    decoder.free();
    const problem = disagreement(instruction, own.decode(bytes));
    if (problem !== undefined && !disagreements.has(problem)) {
      disagreements.set(problem, Buffer.from(bytes).toString('hex'));
    }
  }
  instruction.free();
  return disagreements;
}

function disagreement(theirs: iced.Instruction, ours: ReturnType<OwnDecoder['decode']>): string | undefined {
  const code = iced.Code[theirs.code] as string;
  if (INTENDED.some(([pattern]) => pattern.test(code))) return undefined;
  const known =
    theirs.code !== iced.Code.INVALID &&
    theirs.encoding === iced.EncodingKind.Legacy &&
    [...theirs.cpuidFeatures()].every((feature) => EXTENSIONS.has(feature));
  if (ours.form === undefined) return known ? `${code} is undefined here` : undefined;
  const name = `${ours.form.row.name} (${ours.form.row.encoding})`;
  if (!known) return `${code} is ${name} here`;
  if (theirs.length !== ours.length) return `${code}: ${theirs.length} bytes, ${name}: ${ours.length} bytes`;
  const wanted = icedOperands(theirs);
  const same = [...ours.operands].every((operand) => wanted.has(operand));
  // Implicit operands that iced-x86 lists may be missing here, explicit ones not.
  const explicit = [...wanted].filter((operand) => operand.startsWith('[') || operand.startsWith('i'));
  if (same && explicit.every((operand) => ours.operands.has(operand))) return undefined;
  return `${code}: ${[...wanted].map(kindOf)} here ${name}: ${[...ours.operands].map(kindOf)}`;
}

/** Operand text without its numbers, so that disagreements group. */
const kindOf = (operand: string): string => operand.replaceAll(/\d+/g, '#');
