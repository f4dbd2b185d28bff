import type { Form } from './form.ts';
import { makeFpuImage } from './fpu-image.ts';
import { CODE, CODE_SIZE, DATA, DATA_SIZE, DATA_WRITABLE, FS_BASE, GS_BASE } from './layout.ts';
import { integerOperand, Random } from './random.ts';

const RSP = 4;
const RBP = 5;
const WINDOW = 128;
/** Scales the numbers of cases that the forms ask for. */
const CASES_FACTOR = 2;
const MASK64 = 0xffffffffffffffffn;

/** Where a case's memory operand lies; the boundaries are those of layout.ts. */
type Place = 'middle' | 'page crossing' | 'read-only crossing' | 'end' | 'start';
const PLACES: readonly Place[] = [
  ...Array<Place>(13).fill('middle'),
  ...Array<Place>(3).fill('page crossing'),
  'read-only crossing',
  'read-only crossing',
  'end',
  'start',
];

/** Initial state of one case, and its instruction. Made from the form's name and the case's number alone. */
export class CaseDraft {
  readonly gpr = new BigUint64Array(16);
  flags = 0x202;
  windowAddress = DATA + 0x400;
  window: Uint8Array;
  fpu: Uint8Array | undefined;
  code: Uint8Array = new Uint8Array(0);
  codeAddress = CODE + 0x800;
  /** F3 or F2 before a string instruction. */
  repeat = 0;
  lock = false;
  /** Linear address of the memory operand before truncation; undefined when there is none. */
  target: number | undefined;
  /** Set by `prepare` when the memory operand must be at a certain place. */
  forcedTarget: number | undefined;
  /** Number of the register in ModRM.reg, in r/m (when a register) and in the opcode. */
  reg = 0;
  rmRegister: number | undefined;
  opcodeRegister = 0;
  immediate: number[] = [];
  rex = 0;
  addressPrefix = false;
  ripRelative = false;
  segment = 0;
  place: Place = 'middle';
  /** The single-step method cannot be used (see Form.untilBreak). */
  untilBreak = false;

  constructor(readonly form: Form) {
    this.window = new Uint8Array(form.windowBytes ?? WINDOW);
  }

  get windowView(): DataView {
    return new DataView(this.window.buffer, this.window.byteOffset, this.window.byteLength);
  }

  /** Whether the same instruction, without its 67 prefix, does the same in 32-bit mode. */
  get sameIn32BitMode(): boolean {
    if (this.form.only64 === true || this.form.stack === true || this.rex !== 0) return false;
    if (this.form.bitOffset === true && this.segment !== 0) return false;
    // The recording has a null FS, which only 64-bit mode uses: here it is given a selector, which MOV would then show.
    if (this.segment === 0x64 && this.form.opcode[0] === 0x8c) return false;
    if (this.segment === 0x65 || this.segment === 0x2e || this.ripRelative) return false;
    const touchesMemory = this.rmRegister === undefined || this.form.repeat !== undefined;
    const registersOnly = this.form.modrm === undefined && this.form.immediate !== 'moffs';
    return this.addressPrefix || !touchesMemory || (registersOnly && this.form.repeat === undefined);
  }

  unsignedImmediate(): number {
    return this.immediate.reduce((sum, byte, at) => sum + byte * 256 ** at, 0);
  }
}

export function memoryBytes(form: Form): number {
  return form.memoryBytes ?? (form.size ?? 32) / 8;
}

function placeWindow(draft: CaseDraft, random: Random): void {
  draft.place = draft.form.windowBytes === undefined ? random.pick(PLACES) : 'middle';
  switch (draft.place) {
    case 'middle':
      draft.windowAddress = DATA + 0x400 + 8 * random.below(0x100);
      break;
    case 'page crossing':
      draft.windowAddress = DATA + 0x1000 - WINDOW / 2;
      break;
    case 'read-only crossing':
      draft.windowAddress = DATA + DATA_WRITABLE - WINDOW / 2;
      break;
    case 'end':
      draft.windowAddress = DATA + DATA_SIZE - WINDOW;
      break;
    case 'start':
      draft.windowAddress = DATA;
      break;
  }
}

/** An address for `length` bytes around the place's boundary, or anywhere inside the window. */
export function pickAddress(draft: CaseDraft, random: Random, length: number, align = 0): number {
  const start = draft.windowAddress;
  const inside = Math.max(1, WINDOW - length + 1);
  let address = start + random.below(inside);
  if (draft.place !== 'middle' && random.chance(60)) {
    const boundary = draft.place === 'end' ? start + WINDOW : draft.place === 'start' ? start : start + WINDOW / 2;
    address = boundary - random.below(length + 1);
  }
  const wanted = align > 0 ? align : random.chance(50) ? Math.min(length, 16) : 1;
  if (wanted > 1 && (wanted & (wanted - 1)) === 0 && (align === 0 || random.chance(85))) address -= address % wanted;
  return address;
}

function fillRegisters(draft: CaseDraft, random: Random): void {
  for (let i = 0; i < 16; i++) draft.gpr[i] = integerOperand(random);
  draft.gpr[RSP] = (draft.gpr[RSP] as bigint) & 0x7fffffffffffn;
  draft.flags = 0x202 | (random.u32() & 0x8d5) | (random.chance(12) ? 0x400 : 0);
  const view = draft.windowView;
  for (let at = 0; at < draft.window.length; at += 8) view.setBigUint64(at, integerOperand(random), true);
  if (draft.form.targets === true) {
    for (let i = 0; i < 16; i++) draft.gpr[i] = random.u64() >> 18n;
    for (let at = 0; at < WINDOW; at += 8) view.setBigUint64(at, random.u64() >> 18n, true);
  }
  if (draft.form.stack === true) {
    draft.gpr[RSP] = BigInt(pickAddress(draft, random, 16, 8));
    draft.gpr[RBP] = BigInt(pickAddress(draft, random, 16, 8));
  }
}

/** Bytes of ModRM (mod and rm only), SIB and displacement. */
interface Address {
  modrm: number;
  readonly tail: number[];
  /** Offset in tail of a displacement to be made relative to the end of the instruction. */
  ripRelative: boolean;
}

const little = (value: bigint, length: number): number[] =>
  Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

/** Encodes an address that comes to `target`, setting the base and index registers to suit. */
function encodeAddress(draft: CaseDraft, random: Random, target: bigint, low: boolean): Address {
  const width = draft.addressPrefix ? 0xffffffffn : MASK64;
  const wanted = target & width;
  const register = (): number => random.below(low ? 8 : 16);
  const setRegister = (index: number, value: bigint): void => {
    draft.gpr[index] = draft.addressPrefix ? (value & width) | (random.u64() & ~width & MASK64) : value & MASK64;
  };
  const kind = random.below(10);
  const absolute = target >= 0n && target < 0x80000000n;
  if (kind === 0 && !low && absolute) {
    draft.ripRelative = true;
    return { modrm: 5, tail: little(target, 4), ripRelative: true };
  }
  if (kind === 1 && absolute) return { modrm: 4, tail: [0x25, ...little(target, 4)], ripRelative: false };
  const mod = random.below(3);
  const size = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  let displacement = 0n;
  if (size === 1) displacement = BigInt((random.u32() << 24) >> 24);
  if (size === 4) displacement = BigInt((random.u32() | 0) >> random.below(32));
  let base = register();
  if (mod === 0) while ((base & 7) === 5) base = register();
  const withSib = (base & 7) === 4 || kind > 5;
  if (!withSib) {
    setRegister(base, wanted - displacement);
    if (base >= 8) draft.rex |= 0x41;
    return { modrm: (mod << 6) | (base & 7), tail: little(displacement, size), ripRelative: false };
  }
  let index = random.chance(20) ? 4 : register();
  const scale = random.below(4);
  if (base === index && index !== 4) index = 4;
  if (index === 4) {
    setRegister(base, wanted - displacement);
  } else {
    const indexValue = random.chance(50) ? random.u64() : BigInt.asUintN(64, BigInt(random.below(4096) - 2048));
    setRegister(index, indexValue);
    setRegister(base, wanted - displacement - ((draft.gpr[index] as bigint) << BigInt(scale)));
  }
  if (base >= 8) draft.rex |= 0x41;
  if (index >= 8) draft.rex |= 0x42;
  const sib = (scale << 6) | ((index & 7) << 3) | (base & 7);
  return { modrm: (mod << 6) | 4, tail: [sib, ...little(displacement, size)], ripRelative: false };
}

/** Chooses a target for the memory operand: usually mapped, sometimes not canonical. Linear, segment base included. */
function chooseTarget(draft: CaseDraft, random: Random): bigint {
  const form = draft.form;
  if (form.noAccess === true) return random.u64() >> BigInt(random.below(60));
  if (draft.forcedTarget !== undefined) {
    draft.target = draft.forcedTarget;
    return BigInt(draft.forcedTarget);
  }
  if (!draft.addressPrefix && random.chance(2)) {
    draft.segment = draft.segment === 0x64 || draft.segment === 0x65 ? 0 : draft.segment;
    return (random.u64() & 0x00007fffffffffffn) | 0x1234000000000000n;
  }
  const address = pickAddress(draft, random, memoryBytes(form), form.align ?? (form.targets === true ? 8 : 0));
  draft.target = address;
  return BigInt(address);
}

function choosePrefixes(draft: CaseDraft, random: Random, low: boolean): void {
  if (draft.form.noPrefixes === true) return;
  draft.addressPrefix = random.chance(low ? 75 : 15);
  if (random.chance(12)) draft.segment = random.pick([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x64, 0x64, 0x65, 0x65]);
  if (draft.segment === 0x65 && draft.addressPrefix) draft.segment = 0x64;
}

function segmentBase(draft: CaseDraft): bigint {
  return draft.segment === 0x64 ? FS_BASE : draft.segment === 0x65 ? GS_BASE : 0n;
}

function placeCode(draft: CaseDraft, random: Random, length: number): void {
  const inside = draft.form.keepInside === true || (draft.lock && draft.form.lock !== true);
  const kind = inside ? 99 : random.below(100);
  if (kind < 6 && length > 1) draft.codeAddress = CODE + 0x1000 - 1 - random.below(length - 1);
  else if (kind < 9 && !draft.untilBreak) draft.codeAddress = CODE + CODE_SIZE - length;
  else if (kind < 10 && length > 1) draft.codeAddress = CODE + CODE_SIZE - 1 - random.below(length - 1);
  else draft.codeAddress = CODE + 0x100 + random.below(0x700);
}

/** ModRM, SIB and displacement for the form's operands. */
function encodeOperands(draft: CaseDraft, random: Random, low: boolean): { bytes: number[]; relative: number } {
  const form = draft.form;
  if (form.fixedModrm !== undefined) {
    draft.rmRegister = form.fixedModrm & 7;
    return { bytes: [form.fixedModrm], relative: -1 };
  }
  if (form.modrm === undefined) return { bytes: [], relative: -1 };
  draft.reg = form.modrm === 'register' ? random.below(low ? 8 : 16) : form.modrm;
  if (draft.reg >= 8) draft.rex |= 0x44;
  const field = (draft.reg & 7) << 3;
  const register = form.rm === 'register' || (form.rm !== 'memory' && random.chance(45));
  if (register) {
    draft.rmRegister = random.below(low ? 8 : 16);
    if (draft.rmRegister >= 8) draft.rex |= 0x41;
    return { bytes: [0xc0 | field | (draft.rmRegister & 7)], relative: -1 };
  }
  const target = chooseTarget(draft, random);
  const address = encodeAddress(draft, random, target - segmentBase(draft), low);
  return {
    bytes: [address.modrm | field, ...address.tail],
    relative: address.ripRelative ? 1 : -1,
  };
}

function encodeImmediate(draft: CaseDraft, random: Random): number[] {
  const form = draft.form;
  if (form.immediate === undefined) return [];
  if (form.immediate === 'moffs') {
    const target = chooseTarget(draft, random) - segmentBase(draft);
    return little(target & MASK64, draft.addressPrefix ? 4 : 8);
  }
  if (form.immediates !== undefined) return little(BigInt(random.pick(form.immediates)) & MASK64, form.immediate);
  return little(integerOperand(random), form.immediate);
}

function encode(draft: CaseDraft, random: Random): void {
  const form = draft.form;
  const low = random.chance(50);
  choosePrefixes(draft, random, low);
  if (form.size === 64 && form.default64 !== true) draft.rex |= 0x48;
  const operands = encodeOperands(draft, random, low);
  const opcode = [...form.opcode];
  if (form.plusRegister === true) {
    draft.opcodeRegister = random.below(low ? 8 : 16);
    if (draft.opcodeRegister >= 8) draft.rex |= 0x41;
    opcode.push((opcode.pop() as number) | (draft.opcodeRegister & 7));
  }
  if (draft.rex === 0 && !low && random.chance(25)) draft.rex = 0x40;
  draft.immediate = encodeImmediate(draft, random);
  const memory = draft.rmRegister === undefined && form.modrm !== undefined;
  if (form.lock === true && memory) draft.lock = random.chance(25);
  else if (form.unit === undefined && form.noPrefixes !== true) draft.lock = random.chance(1);
  const prefixes: number[] = [];
  if (draft.lock) prefixes.push(0xf0);
  if (draft.repeat !== 0) prefixes.push(draft.repeat);
  if (draft.segment !== 0) prefixes.push(draft.segment);
  if (draft.addressPrefix) prefixes.push(0x67);
  if (form.size === 16) prefixes.push(0x66);
  for (let i = prefixes.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [prefixes[i], prefixes[other]] = [prefixes[other] as number, prefixes[i] as number];
  }
  if (form.mandatory !== undefined) prefixes.push(form.mandatory);
  if (draft.rex !== 0) prefixes.push(draft.rex);
  const bytes = [...prefixes, ...opcode, ...operands.bytes, ...draft.immediate];
  placeCode(draft, random, bytes.length);
  if (operands.relative >= 0) {
    const at = prefixes.length + opcode.length + operands.relative;
    const value = new DataView(Uint8Array.from(bytes).buffer).getInt32(at, true);
    const displacement = BigInt(value) - BigInt(draft.codeAddress + bytes.length);
    bytes.splice(at, 4, ...little(displacement & MASK64, 4));
  }
  draft.code = Uint8Array.from(bytes);
}

/** Virtual machines may refuse to enter user mode with such a stack pointer, so no case has one. */
const isCanonical = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;

/** The cases of a form, in order. Cases whose result is undefined are not among them. */
export function* makeCases(form: Form): Generator<CaseDraft> {
  const random = new Random(form.name);
  const wanted = CASES_FACTOR * (form.cases ?? 160);
  for (let made = 0, tried = 0; made < wanted && tried < wanted * 4; tried++) {
    const draft = new CaseDraft(form);
    placeWindow(draft, random);
    fillRegisters(draft, random);
    if (form.unit !== undefined && form.unit !== 'integer') draft.fpu = makeFpuImage(form, random, draft.window);
    draft.untilBreak = form.untilBreak === true;
    if (form.repeat !== undefined) {
      draft.repeat = random.pick([0, ...form.repeat, ...form.repeat]);
      draft.untilBreak = true;
    }
    form.prepare?.(draft, random);
    encode(draft, random);
    if (draft.code.length > 15 || !isCanonical(draft.gpr[RSP] as bigint) || form.skip?.(draft) === true) continue;
    made++;
    yield draft;
  }
}

/** Status flags that count in comparing this case. */
export function definedFlags(draft: CaseDraft): number {
  const undefinedFlags = draft.form.undefinedFlags ?? 0;
  return ~(typeof undefinedFlags === 'function' ? undefinedFlags(draft) : undefinedFlags);
}
