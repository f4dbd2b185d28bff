import type { CaseDraft } from '../case.ts';
import type { Form, FormGroup } from '../form.ts';
import type { Random } from '../random.ts';

const WIDE = [16, 32, 64] as const;
const ALL = [8, 16, 32, 64] as const;
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
const sized = (opcode: number, width: number): number => (width === 8 ? opcode : opcode + 1);

function moves(): Form[] {
  const forms: Form[] = [];
  for (const size of ALL) {
    forms.push(
      { name: `mov r/m${size}, r`, size, opcode: [sized(0x88, size)], modrm: 'register' },
      { name: `mov r${size}, r/m`, size, opcode: [sized(0x8a, size)], modrm: 'register' },
      { name: `mov accumulator${size}, moffs`, size, opcode: [sized(0xa0, size)], immediate: 'moffs', cases: 80 },
      { name: `mov moffs, accumulator${size}`, size, opcode: [sized(0xa2, size)], immediate: 'moffs', cases: 80 },
      {
        name: `mov r/m${size}, imm`,
        size,
        opcode: [sized(0xc6, size)],
        modrm: 0,
        immediate: size === 8 ? 1 : size === 16 ? 2 : 4,
      },
      {
        name: `mov r${size}, imm`,
        size,
        opcode: [size === 8 ? 0xb0 : 0xb8],
        plusRegister: true,
        immediate: (size / 8) as 1,
        cases: 80,
      },
      { name: `xchg r/m${size}, r`, size, opcode: [sized(0x86, size)], modrm: 'register', lock: true },
    );
  }
  for (const size of WIDE) {
    forms.push(
      { name: `movzx r${size}, r/m8`, size, opcode: [0x0f, 0xb6], modrm: 'register', memoryBytes: 1 },
      { name: `movsx r${size}, r/m8`, size, opcode: [0x0f, 0xbe], modrm: 'register', memoryBytes: 1 },
      { name: `movzx r${size}, r/m16`, size, opcode: [0x0f, 0xb7], modrm: 'register', memoryBytes: 2 },
      { name: `movsx r${size}, r/m16`, size, opcode: [0x0f, 0xbf], modrm: 'register', memoryBytes: 2 },
      {
        name: `movsxd r${size}, r/m32`,
        size,
        opcode: [0x63],
        modrm: 'register',
        memoryBytes: size === 16 ? 2 : 4,
        only64: true,
      },
      { name: `lea r${size}, m`, size, opcode: [0x8d], modrm: 'register', rm: 'memory', noAccess: true, cases: 300 },
      { name: `lea r${size}, register (#UD)`, size, opcode: [0x8d], modrm: 'register', rm: 'register', cases: 10 },
      { name: `xchg accumulator${size}, r`, size, opcode: [0x90], plusRegister: true, cases: 60 },
    );
    CONDITIONS.forEach((condition, number) => {
      forms.push({
        name: `cmov${condition} r${size}, r/m`,
        size,
        opcode: [0x0f, 0x40 + number],
        modrm: 'register',
        cases: 100,
      });
    });
  }
  CONDITIONS.forEach((condition, number) => {
    forms.push({
      name: `set${condition} r/m8`,
      size: 8,
      opcode: [0x0f, 0x90 + number],
      modrm: (number & 7) as 0,
      cases: 100,
    });
  });
  return forms;
}

/** Half of the comparisons of CMPXCHG8B/16B succeed. */
function equalPair(bytes: 8 | 16): (draft: CaseDraft, random: Random) => void {
  return (draft, random) => {
    if (!random.chance(60)) return;
    const low = draft.gpr[0] as bigint;
    const high = draft.gpr[2] as bigint;
    for (let at = 0; at < draft.window.length; at += bytes) {
      if (bytes === 8) {
        draft.windowView.setUint32(at, Number(low & 0xffffffffn), true);
        draft.windowView.setUint32(at + 4, Number(high & 0xffffffffn), true);
      } else {
        draft.windowView.setBigUint64(at, low, true);
        draft.windowView.setBigUint64(at + 8, high, true);
      }
    }
  };
}

function others(): Form[] {
  const forms: Form[] = [
    {
      name: 'cmpxchg8b m64',
      size: 32,
      opcode: [0x0f, 0xc7],
      modrm: 1,
      rm: 'memory',
      memoryBytes: 8,
      lock: true,
      prepare: equalPair(8),
      cases: 300,
    },
    {
      name: 'cmpxchg16b m128',
      size: 64,
      opcode: [0x0f, 0xc7],
      modrm: 1,
      rm: 'memory',
      memoryBytes: 16,
      align: 16,
      lock: true,
      prepare: equalPair(16),
      cases: 300,
    },
    { name: 'cmpxchg8b register (#UD)', size: 32, opcode: [0x0f, 0xc7], modrm: 1, rm: 'register', cases: 10 },
    {
      name: 'xlat',
      size: 8,
      opcode: [0xd7],
      cases: 120,
      only64: true,
      prepare: (draft, random) => {
        const at = BigInt(draft.windowAddress + random.below(draft.window.length));
        draft.gpr[3] = BigInt.asUintN(64, at - ((draft.gpr[0] as bigint) & 0xffn));
      },
      noPrefixes: true,
    },
    { name: 'pause', opcode: [0x90], mandatory: 0xf3, cases: 10 },
    ...[0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1f].flatMap((opcode): Form[] =>
      WIDE.map((size) => ({
        name: `hint 0f ${opcode.toString(16)} ${size}`,
        size,
        opcode: [0x0f, opcode],
        // 1A and 1B with a register would be MPX instructions where that exists; 1C /0 is CLDEMOTE, a hint as well.
        modrm: opcode === 0x18 ? 3 : 'register',
        noAccess: true,
        cases: 20,
      })),
    ),
    { name: 'nop r/m16', size: 16, opcode: [0x0f, 0x1f], modrm: 0, noAccess: true, cases: 30 },
    { name: 'nop r/m32', size: 32, opcode: [0x0f, 0x1f], modrm: 0, noAccess: true, cases: 30 },
    { name: 'endbr64', opcode: [0x0f, 0x1e], mandatory: 0xf3, fixedModrm: 0xfa, cases: 10, noPrefixes: true },
    { name: 'hint nop', size: 32, opcode: [0x0f, 0x19], modrm: 'register', noAccess: true, cases: 30 },
    { name: 'prefetch', opcode: [0x0f, 0x18], modrm: 1, rm: 'memory', noAccess: true, cases: 20 },
    { name: 'prefetchw', opcode: [0x0f, 0x0d], modrm: 1, rm: 'memory', noAccess: true, cases: 20 },
  ];
  for (const size of WIDE) {
    forms.push(
      { name: `movbe r${size}, m`, size, opcode: [0x0f, 0x38, 0xf0], modrm: 'register', rm: 'memory', cases: 80 },
      { name: `movbe m, r${size}`, size, opcode: [0x0f, 0x38, 0xf1], modrm: 'register', rm: 'memory', cases: 80 },
    );
    for (const source of [8, size]) {
      if (source === 16 || source === 8) continue;
      forms.push({
        name: `crc32 r${size}, r/m${source}`,
        size,
        opcode: [0x0f, 0x38, source === 8 ? 0xf0 : 0xf1],
        mandatory: 0xf2,
        modrm: 'register',
        memoryBytes: source / 8,
      });
    }
    forms.push({
      name: `movnti m, r${size}`,
      size,
      opcode: [0x0f, 0xc3],
      modrm: 'register',
      rm: 'memory',
      cases: size === 16 ? 10 : 80,
    });
    forms.push({ name: `mov r/m${size}, sreg`, size, opcode: [0x8c], modrm: 'register', memoryBytes: 2, cases: 120 });
  }
  forms.push(
    { name: 'crc32 r32, r/m8', opcode: [0x0f, 0x38, 0xf0], mandatory: 0xf2, modrm: 'register', memoryBytes: 1 },
    {
      name: 'crc32 r64, r/m8',
      size: 64,
      opcode: [0x0f, 0x38, 0xf0],
      mandatory: 0xf2,
      modrm: 'register',
      memoryBytes: 1,
    },
    {
      name: 'crc32 r32, r/m16',
      size: 16,
      opcode: [0x0f, 0x38, 0xf1],
      mandatory: 0xf2,
      modrm: 'register',
      memoryBytes: 2,
    },
  );
  return forms.filter((form) => form.name !== 'movnti m, r16');
}

export const MOVES: FormGroup = { name: 'moves', forms: [...moves(), ...others()] };
