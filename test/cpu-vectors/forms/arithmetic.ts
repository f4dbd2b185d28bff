import { AF, CF, type Form, type FormGroup, OF, PF, SF, STATUS_FLAGS, ZF } from '../form.ts';

const WIDE = [16, 32, 64] as const;
const ALL = [8, 16, 32, 64] as const;
type Width = (typeof ALL)[number];

/** r/m8 opcodes are even, their wider forms one above. */
const sized = (opcode: number, width: Width): number => (width === 8 ? opcode : opcode + 1);
const immediateBytes = (width: Width): 1 | 2 | 4 => (width === 8 ? 1 : width === 16 ? 2 : 4);

function binaryOperations(): Form[] {
  const forms: Form[] = [];
  ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'].forEach((name, number) => {
    const undefinedFlags = name === 'and' || name === 'or' || name === 'xor' ? AF : 0;
    const lock = name !== 'cmp';
    for (const size of ALL) {
      const common = { size, undefinedFlags };
      forms.push(
        { ...common, name: `${name} r/m${size}, r`, opcode: [sized(number * 8, size)], modrm: 'register', lock },
        { ...common, name: `${name} r${size}, r/m`, opcode: [sized(number * 8 + 2, size)], modrm: 'register' },
        {
          ...common,
          name: `${name} accumulator${size}, imm`,
          opcode: [sized(number * 8 + 4, size)],
          immediate: immediateBytes(size),
          cases: 60,
        },
        {
          ...common,
          name: `${name} r/m${size}, imm`,
          opcode: [sized(0x80, size)],
          modrm: number as 0,
          immediate: immediateBytes(size),
          lock,
        },
      );
      if (size !== 8) {
        forms.push({
          ...common,
          name: `${name} r/m${size}, imm8`,
          opcode: [0x83],
          modrm: number as 0,
          immediate: 1,
          lock,
        });
      }
    }
  });
  return forms;
}

function unaryOperations(): Form[] {
  const forms: Form[] = [];
  for (const size of ALL) {
    forms.push(
      { name: `inc r/m${size}`, size, opcode: [sized(0xfe, size)], modrm: 0, lock: true },
      { name: `dec r/m${size}`, size, opcode: [sized(0xfe, size)], modrm: 1, lock: true },
      { name: `not r/m${size}`, size, opcode: [sized(0xf6, size)], modrm: 2, lock: true },
      { name: `neg r/m${size}`, size, opcode: [sized(0xf6, size)], modrm: 3, lock: true },
      {
        name: `test r/m${size}, r`,
        size,
        opcode: [sized(0x84, size)],
        modrm: 'register',
        undefinedFlags: AF,
      },
      {
        name: `test r/m${size}, imm`,
        size,
        opcode: [sized(0xf6, size)],
        modrm: 0,
        immediate: immediateBytes(size),
        undefinedFlags: AF,
      },
      {
        name: `test r/m${size}, imm (alias)`,
        size,
        opcode: [sized(0xf6, size)],
        modrm: 1,
        immediate: immediateBytes(size),
        undefinedFlags: AF,
        cases: 40,
      },
      {
        name: `test accumulator${size}, imm`,
        size,
        opcode: [sized(0xa8, size)],
        immediate: immediateBytes(size),
        undefinedFlags: AF,
        cases: 60,
      },
      { name: `xadd r/m${size}, r`, size, opcode: [0x0f, sized(0xc0, size)], modrm: 'register', lock: true },
      {
        name: `cmpxchg r/m${size}, r`,
        size,
        opcode: [0x0f, sized(0xb0, size)],
        modrm: 'register',
        lock: true,
        cases: 240,
        prepare: (draft, random) => {
          // Half of the comparisons succeed.
          if (!random.chance(50)) return;
          const rax = draft.gpr[0] as bigint;
          for (let at = 0; at + 8 <= draft.window.length; at += 8) draft.windowView.setBigUint64(at, rax, true);
          for (let i = 1; i < 16; i++) if (random.chance(60)) draft.gpr[i] = rax;
        },
      },
    );
  }
  return forms;
}

function multiplyAndDivide(): Form[] {
  const forms: Form[] = [];
  const afterMultiply = SF | ZF | AF | PF;
  for (const size of ALL) {
    const opcode = [sized(0xf6, size)];
    forms.push(
      { name: `mul r/m${size}`, size, opcode, modrm: 4, undefinedFlags: afterMultiply, cases: 250 },
      { name: `imul r/m${size}`, size, opcode, modrm: 5, undefinedFlags: afterMultiply, cases: 250 },
    );
    for (const [name, digit] of [
      ['div', 6],
      ['idiv', 7],
    ] as const) {
      forms.push({
        name: `${name} r/m${size}`,
        size,
        opcode,
        modrm: digit,
        undefinedFlags: STATUS_FLAGS,
        cases: 400,
        prepare: (draft, random) => {
          // Mostly dividends whose quotient fits.
          const kind = random.below(4);
          const rax = draft.gpr[0] as bigint;
          if (kind === 0) return;
          if (size === 8) {
            const value = BigInt(random.below(0x400));
            draft.gpr[0] = (rax & ~0xffffn) | (kind === 1 ? BigInt.asUintN(16, -value) : value);
          } else if (kind === 1) {
            draft.gpr[2] = BigInt.asIntN(size, rax) < 0n ? 0xffffffffffffffffn : 0n;
          } else {
            draft.gpr[2] = kind === 2 ? 0n : BigInt.asUintN(64, BigInt(random.below(7) - 3));
          }
        },
      });
    }
  }
  for (const size of WIDE) {
    const common = { size, modrm: 'register' as const, undefinedFlags: afterMultiply };
    forms.push(
      { ...common, name: `imul r${size}, r/m`, opcode: [0x0f, 0xaf], cases: 250 },
      { ...common, name: `imul r${size}, r/m, imm`, opcode: [0x69], immediate: immediateBytes(size), cases: 250 },
      { ...common, name: `imul r${size}, r/m, imm8`, opcode: [0x6b], immediate: 1, cases: 250 },
    );
  }
  return forms;
}

function adjustments(): Form[] {
  const forms: Form[] = [];
  for (const size of WIDE) {
    forms.push(
      { name: `cbw family ${size}`, size, opcode: [0x98], cases: 60 },
      { name: `cwd family ${size}`, size, opcode: [0x99], cases: 60 },
    );
  }
  for (const [name, opcode] of [
    ['clc', 0xf8],
    ['stc', 0xf9],
    ['cmc', 0xf5],
    ['cld', 0xfc],
    ['std', 0xfd],
    ['lahf', 0x9f],
    ['sahf', 0x9e],
  ] as const) {
    forms.push({ name, opcode: [opcode], cases: 50 });
  }
  return forms;
}

/** Shift counts of all sizes, mostly in range. */
const shiftCount = (
  draft: { gpr: BigUint64Array },
  random: { chance(p: number): boolean; below(n: number): number },
) => {
  const count = random.chance(80) ? random.below(70) : random.below(256);
  draft.gpr[1] = ((draft.gpr[1] as bigint) & ~0xffn) | BigInt(count);
};

function shifts(): Form[] {
  const forms: Form[] = [];
  ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sal', 'sar'].forEach((name, digit) => {
    for (const size of ALL) {
      const mask = size === 64 ? 63 : 31;
      // SDM vol. 2, SAL/SAR/SHL/SHR and RCL/RCR/ROL/ROR, "Flags affected".
      const undefinedFor = (rawCount: number): number => {
        const count = rawCount & mask;
        if (count === 0) return 0;
        let flags = count === 1 ? 0 : OF;
        if (digit >= 4) {
          flags |= AF;
          if (name !== 'sar' && count >= size) flags |= CF;
        }
        return flags;
      };
      const common = { size, modrm: digit as 0 };
      forms.push(
        {
          ...common,
          name: `${name} r/m${size}, imm8`,
          opcode: [sized(0xc0, size)],
          immediate: 1,
          cases: 300,
          immediates: [...Array.from({ length: 66 }, (_, i) => i), 0x7f, 0x80, 0xc1, 0xff],
          undefinedFlags: (draft) => undefinedFor(draft.unsignedImmediate()),
        },
        { ...common, name: `${name} r/m${size}, 1`, opcode: [sized(0xd0, size)], undefinedFlags: undefinedFor(1) },
        {
          ...common,
          name: `${name} r/m${size}, cl`,
          opcode: [sized(0xd2, size)],
          prepare: shiftCount,
          cases: 300,
          undefinedFlags: (draft) => undefinedFor(Number((draft.gpr[1] as bigint) & 0xffn)),
        },
      );
    }
  });
  for (const size of WIDE) {
    const mask = size === 64 ? 63 : 31;
    for (const [name, opcode] of [
      ['shld', 0xa4],
      ['shrd', 0xac],
    ] as const) {
      const undefinedFor = (rawCount: number): number => {
        const count = rawCount & mask;
        return count === 0 ? 0 : count === 1 ? AF : AF | OF;
      };
      const common = { size, modrm: 'register' as const, cases: 300 };
      forms.push(
        {
          ...common,
          name: `${name} r/m${size}, r, imm8`,
          opcode: [0x0f, opcode],
          immediate: 1,
          immediates: [...Array.from({ length: 66 }, (_, i) => i), 0x80, 0xff],
          undefinedFlags: (draft) => undefinedFor(draft.unsignedImmediate()),
          skip: (draft) => (draft.unsignedImmediate() & mask) > size,
        },
        {
          ...common,
          name: `${name} r/m${size}, r, cl`,
          opcode: [0x0f, opcode + 1],
          prepare: shiftCount,
          undefinedFlags: (draft) => undefinedFor(Number((draft.gpr[1] as bigint) & 0xffn)),
          skip: (draft) => (Number((draft.gpr[1] as bigint) & 0xffn) & mask) > size,
        },
      );
    }
  }
  return forms;
}

function bits(): Form[] {
  const forms: Form[] = [];
  ['bt', 'bts', 'btr', 'btc'].forEach((name, at) => {
    for (const size of WIDE) {
      const lock = name !== 'bt';
      forms.push(
        {
          name: `${name} r/m${size}, r`,
          size,
          opcode: [0x0f, 0xa3 + 8 * at],
          modrm: 'register',
          lock,
          bitOffset: true,
          undefinedFlags: OF | SF | AF | PF,
          cases: 300,
          prepare: (draft, random) => {
            // Most bit offsets stay near the operand, on either side.
            for (let i = 0; i < 16; i++) {
              if (random.chance(85)) draft.gpr[i] = BigInt.asUintN(64, BigInt(random.below(1024) - 512));
            }
          },
        },
        {
          name: `${name} r/m${size}, imm8`,
          size,
          opcode: [0x0f, 0xba],
          modrm: (4 + at) as 4,
          immediate: 1,
          lock,
          undefinedFlags: OF | SF | AF | PF,
        },
      );
    }
  });
  for (const size of WIDE) {
    const undefinedFlags = CF | OF | SF | AF | PF;
    forms.push(
      { name: `bsf r${size}, r/m`, size, opcode: [0x0f, 0xbc], modrm: 'register', undefinedFlags, cases: 250 },
      { name: `bsr r${size}, r/m`, size, opcode: [0x0f, 0xbd], modrm: 'register', undefinedFlags, cases: 250 },
      { name: `popcnt r${size}, r/m`, size, opcode: [0x0f, 0xb8], mandatory: 0xf3, modrm: 'register' },
    );
  }
  for (const size of [32, 64] as const) {
    forms.push({ name: `bswap r${size}`, size, opcode: [0x0f, 0xc8], plusRegister: true, cases: 80 });
  }
  return forms;
}

export const ARITHMETIC: FormGroup = {
  name: 'arithmetic',
  forms: [...binaryOperations(), ...unaryOperations(), ...multiplyAndDivide(), ...adjustments()],
};
export const SHIFTS_AND_BITS: FormGroup = { name: 'shifts-and-bits', forms: [...shifts(), ...bits()] };
