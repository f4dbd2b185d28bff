import { pickAddress } from '../case.ts';
import { DF, type Form, type FormGroup } from '../form.ts';

const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
/** rel32 values that keep the target in the lower half of the address space. */
const RELATIVE: readonly number[] = [
  0, 1, -1, 5, -5, 127, -128, 128, 0x1000, -0x1000, 0x1800, -0x1800, 0x7fffff, -0x800000, 0x6ffffff, -0x7000000,
];

function branches(): Form[] {
  const forms: Form[] = [];
  CONDITIONS.forEach((condition, number) => {
    forms.push(
      { name: `j${condition} rel8`, opcode: [0x70 + number], immediate: 1, noPrefixes: true, cases: 100 },
      {
        name: `j${condition} rel32`,
        opcode: [0x0f, 0x80 + number],
        immediate: 4,
        immediates: RELATIVE,
        noPrefixes: true,
        cases: 100,
      },
    );
  });
  const counts = (
    draft: { gpr: BigUint64Array },
    random: { pick<T>(v: readonly T[]): T; chance(p: number): boolean },
  ) => {
    if (random.chance(70)) draft.gpr[1] = random.pick([0n, 1n, 2n, 0x100000000n, 0x100000001n, 0xffffffffn]);
  };
  ['loopne', 'loope', 'loop', 'jrcxz'].forEach((name, at) => {
    forms.push({ name: `${name} rel8`, opcode: [0xe0 + at], immediate: 1, prepare: counts, only64: true });
    forms.push({
      name: `${name} rel8 (32-bit count)`,
      opcode: [0x67, 0xe0 + at],
      immediate: 1,
      prepare: counts,
      noPrefixes: true,
      only64: true,
    });
  });
  forms.push(
    { name: 'jmp rel8', opcode: [0xeb], immediate: 1, noPrefixes: true },
    { name: 'jmp rel32', opcode: [0xe9], immediate: 4, immediates: RELATIVE, noPrefixes: true },
    { name: 'jmp r/m64', opcode: [0xff], modrm: 4, memoryBytes: 8, targets: true, only64: true },
    { name: 'call rel32', opcode: [0xe8], immediate: 4, immediates: RELATIVE, noPrefixes: true, stack: true },
    {
      name: 'call r/m64',
      opcode: [0xff],
      modrm: 2,
      memoryBytes: 8,
      targets: true,
      stack: true,
      skip: (draft) => draft.rmRegister === 4,
    },
    { name: 'ret', opcode: [0xc3], targets: true, stack: true, noPrefixes: true },
    { name: 'ret imm16', opcode: [0xc2], immediate: 2, targets: true, stack: true, noPrefixes: true },
  );
  return forms;
}

function stack(): Form[] {
  const forms: Form[] = [];
  for (const size of [16, 64] as const) {
    const common = { size, default64: true, stack: true };
    forms.push(
      { ...common, name: `push r${size}`, opcode: [0x50], plusRegister: true },
      { ...common, name: `pop r${size}`, opcode: [0x58], plusRegister: true },
      { ...common, name: `push r/m${size}`, opcode: [0xff], modrm: 6, cases: 250 },
      { ...common, name: `pop r/m${size}`, opcode: [0x8f], modrm: 0, cases: 250 },
      { ...common, name: `push imm ${size}`, opcode: [0x68], immediate: size === 16 ? 2 : 4, cases: 100 },
      { ...common, name: `push imm8 ${size}`, opcode: [0x6a], immediate: 1, cases: 100 },
      { ...common, name: `leave ${size}`, opcode: [0xc9], cases: 100 },
      { ...common, name: `push fs ${size}`, opcode: [0x0f, 0xa0], cases: 40 },
      { ...common, name: `push gs ${size}`, opcode: [0x0f, 0xa8], cases: 40 },
      {
        ...common,
        name: `enter ${size}`,
        opcode: [0xc8],
        immediate: 3,
        immediates: [0, 8, 16, 0x20, 0x10, 0x10008, 0x10000, 0x20010, 0x30000, 0x40008, 0x1f0000, 0x210010],
        cases: 200,
        memoryBytes: 8,
        skip: (draft) => draft.place !== 'middle' && size === 16,
      },
      { ...common, name: `pushf ${size}`, opcode: [0x9c], untilBreak: true, cases: 80 },
      {
        ...common,
        name: `popf ${size}`,
        opcode: [0x9d],
        untilBreak: true,
        cases: 200,
        // TF, RF, NT, AC, VIP and VIF stay clear: they would disturb the recording.
        prepare: (draft, random) => {
          for (let at = 0; at + 4 <= draft.window.length; at += 2) {
            draft.windowView.setUint16(at, random.u32() & 0x3ed7, true);
          }
          for (let at = 0; at + 8 <= draft.window.length; at += 8) {
            draft.windowView.setUint16(at + 2, random.chance(80) ? 0 : 0x20, true);
            draft.windowView.setUint32(at + 4, 0, true);
          }
          draft.gpr[4] = BigInt(draft.windowAddress + 8 * random.below(15));
          const view = draft.windowView;
          if (size === 16) for (let at = 0; at < 128; at += 2) view.setUint16(at, random.u32() & 0x3ed7, true);
        },
      },
    );
  }
  return forms;
}

function strings(): Form[] {
  const forms: Form[] = [];
  const prepare: Form['prepare'] = (draft, random) => {
    const size = (draft.form.size ?? 8) / 8;
    draft.gpr[6] = BigInt(pickAddress(draft, random, size * 2));
    draft.gpr[7] = BigInt(pickAddress(draft, random, size * 2));
    draft.gpr[1] = BigInt(random.chance(85) ? random.below(9) : random.below(40));
    draft.flags = (draft.flags & ~DF) | (random.chance(35) ? DF : 0);
    if (random.chance(50)) {
      // Long runs of equal (or, for SCAS, of the accumulator's) elements.
      const value = draft.gpr[0] as bigint;
      const element = BigInt.asUintN(8 * size, value);
      const run = random.below(draft.window.length / size);
      for (let at = 0; at < run; at++) {
        for (let i = 0; i < size; i++) draft.window[at * size + i] = Number((element >> BigInt(8 * i)) & 0xffn);
      }
    }
  };
  for (const size of [8, 16, 32, 64] as const) {
    const add = (name: string, opcode: number, repeat: readonly (0xf3 | 0xf2)[]): void => {
      for (const prefixed of [false, true]) {
        forms.push({
          name: `${name}${size}${prefixed ? ' (32-bit addresses)' : ''}`,
          size,
          opcode: [size === 8 ? opcode : opcode + 1],
          repeat,
          prepare: prefixed
            ? (draft, random) => {
                prepare(draft, random);
                for (const register of [1, 6, 7]) {
                  draft.gpr[register] = (draft.gpr[register] as bigint) | (BigInt(random.u32()) << 32n);
                }
                draft.addressPrefix = true;
              }
            : prepare,
          cases: prefixed ? 150 : 350,
          noPrefixes: true,
        });
      }
    };
    add('movs', 0xa4, [0xf3, 0xf3, 0xf2]);
    add('cmps', 0xa6, [0xf3, 0xf2]);
    add('stos', 0xaa, [0xf3, 0xf3, 0xf2]);
    add('lods', 0xac, [0xf3, 0xf3, 0xf2]);
    add('scas', 0xae, [0xf3, 0xf2]);
  }
  return forms;
}

/** What ring 3 may not do, or what is no instruction: the fault is the result. */
function refused(): Form[] {
  const privileged: readonly (readonly [string, readonly number[]])[] = [
    ['hlt', [0xf4]],
    ['insb', [0x6c]],
    ['insw', [0x66, 0x6d]],
    ['insd', [0x6d]],
    ['rep insb', [0xf3, 0x6c]],
    ['outsb', [0x6e]],
    ['outsw', [0x66, 0x6f]],
    ['outsd', [0x6f]],
    ['in ax, imm8', [0x66, 0xe5, 0x80]],
    ['in ax, dx', [0x66, 0xed]],
    ['out imm8, ax', [0x66, 0xe7, 0x80]],
    ['out dx, ax', [0x66, 0xef]],
    ['cli', [0xfa]],
    ['sti', [0xfb]],
    ['in al, imm8', [0xe4, 0x80]],
    ['in eax, imm8', [0xe5, 0x80]],
    ['in al, dx', [0xec]],
    ['in eax, dx', [0xed]],
    ['out imm8, al', [0xe6, 0x80]],
    ['out imm8, eax', [0xe7, 0x80]],
    ['out dx, al', [0xee]],
    ['out dx, eax', [0xef]],
    ['mov rax, cr0', [0x0f, 0x20, 0xc0]],
    ['mov rax, cr3', [0x0f, 0x20, 0xd8]],
    ['mov cr0, rax', [0x0f, 0x22, 0xc0]],
    ['mov cr4, rax', [0x0f, 0x22, 0xe0]],
    ['mov rax, dr7', [0x0f, 0x21, 0xf8]],
    ['mov dr7, rax', [0x0f, 0x23, 0xf8]],
    ['clts', [0x0f, 0x06]],
    ['invd', [0x0f, 0x08]],
    ['wbinvd', [0x0f, 0x09]],
    ['rdmsr', [0x0f, 0x32]],
    ['wrmsr', [0x0f, 0x30]],
    ['invlpg', [0x0f, 0x01, 0x38]],
    ['lgdt', [0x0f, 0x01, 0x10]],
    ['lidt', [0x0f, 0x01, 0x18]],
    ['lmsw', [0x0f, 0x01, 0xf0]],
    ['lldt', [0x0f, 0x00, 0xd0]],
    ['ltr', [0x0f, 0x00, 0xd8]],
    ['swapgs', [0x0f, 0x01, 0xf8]],
    ['sysret', [0x48, 0x0f, 0x07]],
  ];
  const undefinedOpcodes: readonly (readonly [string, readonly number[]])[] = [
    ['ud2', [0x0f, 0x0b]],
    ['ud1', [0x0f, 0xb9, 0xc0]],
    ['ud0', [0x0f, 0xff, 0xc0]],
    ['mov rax, cr1', [0x0f, 0x20, 0xc8]],
    ['push es', [0x06]],
    ['pop es', [0x07]],
    ['daa', [0x27]],
    ['das', [0x2f]],
    ['aaa', [0x37]],
    ['aas', [0x3f]],
    ['pusha', [0x60]],
    ['popa', [0x61]],
    ['call far', [0x9a]],
    ['aam', [0xd4, 0x0a]],
    ['aad', [0xd5, 0x0a]],
    ['into', [0xce]],
    ['jmp far', [0xea]],
    ['group 1 alias', [0x82, 0xc0, 0x01]],
    ['mov cs', [0x8e, 0xc8]],
    ['group 3 (8f /1)', [0x8f, 0xc8]],
    ['group 4 (fe /2)', [0xfe, 0xd0]],
    ['group 5 (ff /7)', [0xff, 0xf8]],
    ['call far register', [0xff, 0xd8]],
    ['lock nop', [0xf0, 0x90]],
    ['lock mov', [0xf0, 0x89, 0x00]],
    ['lock add register', [0xf0, 0x01, 0xc0]],
    ['bt group /0', [0x0f, 0xba, 0xc0, 0x01]],
    ['0f 04', [0x0f, 0x04]],
    ['0f 0a', [0x0f, 0x0a]],
    ['0f 24', [0x0f, 0x24, 0xc0]],
    ['0f 36', [0x0f, 0x36]],
    ['0f 39', [0x0f, 0x39]],
  ];
  const form = ([name, opcode]: readonly [string, readonly number[]]): Form => ({
    name: `refused: ${name}`,
    opcode,
    noPrefixes: true,
    keepInside: true,
    only64: true,
    cases: 3,
  });
  return [
    ...[...privileged, ...undefinedOpcodes].map(form),
    { name: 'int3', opcode: [0xcc], noPrefixes: true, cases: 10, only64: true },
  ];
}

export const BRANCHES: FormGroup = { name: 'branches', forms: branches() };
export const STACK: FormGroup = { name: 'stack', forms: stack() };
export const STRINGS: FormGroup = { name: 'strings', forms: strings() };
export const REFUSED: FormGroup = { name: 'refused', forms: refused() };
