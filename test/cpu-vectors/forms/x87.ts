import type { Form, FormGroup } from '../form.ts';
import { makeFpuImage } from '../fpu-image.ts';

/** Memory forms: opcode, digit, bytes of the operand. */
const MEMORY: readonly (readonly [number, number, number])[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((digit) => [
    [0xd8, digit, 4] as const,
    [0xda, digit, 4] as const,
    [0xdc, digit, 8] as const,
    [0xde, digit, 2] as const,
  ]),
  [0xd9, 0, 4],
  [0xd9, 2, 4],
  [0xd9, 3, 4],
  [0xd9, 5, 2],
  [0xd9, 7, 2],
  [0xdb, 0, 4],
  [0xdb, 1, 4],
  [0xdb, 2, 4],
  [0xdb, 3, 4],
  [0xdb, 5, 10],
  [0xdb, 7, 10],
  [0xdd, 0, 8],
  [0xdd, 1, 8],
  [0xdd, 2, 8],
  [0xdd, 3, 8],
  [0xdd, 7, 2],
  [0xdf, 0, 2],
  [0xdf, 1, 2],
  [0xdf, 2, 2],
  [0xdf, 3, 2],
  [0xdf, 4, 10],
  [0xdf, 5, 8],
  [0xdf, 6, 10],
  [0xdf, 7, 8],
];
/** Register forms that work on ST(0) and ST(i): opcode and first ModRM byte. */
const STACK: readonly (readonly [number, number])[] = [
  ...[0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf0, 0xf8].map((first) => [0xd8, first] as const),
  ...[0xc0, 0xc8].map((first) => [0xd9, first] as const),
  ...[0xc0, 0xc8, 0xd0, 0xd8].map((first) => [0xda, first] as const),
  ...[0xc0, 0xc8, 0xd0, 0xd8, 0xe8, 0xf0].map((first) => [0xdb, first] as const),
  ...[0xc0, 0xc8, 0xe0, 0xe8, 0xf0, 0xf8].map((first) => [0xdc, first] as const),
  ...[0xc0, 0xd0, 0xd8, 0xe0, 0xe8].map((first) => [0xdd, first] as const),
  ...[0xc0, 0xc8, 0xe0, 0xe8, 0xf0, 0xf8].map((first) => [0xde, first] as const),
  ...[0xe8, 0xf0].map((first) => [0xdf, first] as const),
];
const SINGLE: readonly (readonly [string, number, number])[] = [
  ['fnop', 0xd9, 0xd0],
  ['fchs', 0xd9, 0xe0],
  ['fabs', 0xd9, 0xe1],
  ['ftst', 0xd9, 0xe4],
  ['fxam', 0xd9, 0xe5],
  ['fld1', 0xd9, 0xe8],
  ['fldl2t', 0xd9, 0xe9],
  ['fldl2e', 0xd9, 0xea],
  ['fldpi', 0xd9, 0xeb],
  ['fldlg2', 0xd9, 0xec],
  ['fldln2', 0xd9, 0xed],
  ['fldz', 0xd9, 0xee],
  ['fxtract', 0xd9, 0xf4],
  ['fprem1', 0xd9, 0xf5],
  ['fdecstp', 0xd9, 0xf6],
  ['fincstp', 0xd9, 0xf7],
  ['fprem', 0xd9, 0xf8],
  ['fsqrt', 0xd9, 0xfa],
  ['frndint', 0xd9, 0xfc],
  ['fscale', 0xd9, 0xfd],
  ['fucompp', 0xda, 0xe9],
  ['fnclex', 0xdb, 0xe2],
  ['fninit', 0xdb, 0xe3],
  ['fcompp', 0xde, 0xd9],
  ['fnstsw ax', 0xdf, 0xe0],
];
/** Second encodings, and 8087 and 287 instructions that do nothing any more. */
const ALIASES: readonly (readonly [string, number, number])[] = [
  ['fcom (dc d1)', 0xdc, 0xd1],
  ['fcomp (dc d9)', 0xdc, 0xd9],
  ['fcomp (de d1)', 0xde, 0xd1],
  ['fstpnce', 0xd9, 0xd9],
  ['fstp (df d1)', 0xdf, 0xd1],
  ['fstp (df d9)', 0xdf, 0xd9],
  ['fxch (dd c9)', 0xdd, 0xc9],
  ['fxch (df c9)', 0xdf, 0xc9],
  ['ffreep', 0xdf, 0xc1],
  ['fneni', 0xdb, 0xe0],
  ['fndisi', 0xdb, 0xe1],
  ['fnsetpm', 0xdb, 0xe4],
];
const TRANSCENDENTAL: readonly (readonly [string, number])[] = [
  ['f2xm1', 0xf0],
  ['fyl2x', 0xf1],
  ['fptan', 0xf2],
  ['fpatan', 0xf3],
  ['fyl2xp1', 0xf9],
  ['fsincos', 0xfb],
  ['fsin', 0xfe],
  ['fcos', 0xff],
];

/** Operands for which the manual leaves the result open: F2XM1 beyond ±1, FYL2XP1 beyond -(1 - √½) … √2 - 1. */
function outOfRange(name: string, fpu: Uint8Array): boolean {
  const view = new DataView(fpu.buffer, fpu.byteOffset);
  const high = view.getUint16(40, true);
  const exponent = high & 0x7fff;
  const mantissa = view.getBigUint64(32, true);
  if (exponent === 0x7fff) return false;
  if (name === 'f2xm1') return exponent > 0x3fff || (exponent === 0x3fff && mantissa !== 1n << 63n);
  if (name !== 'fyl2xp1') return false;
  const value = Number(mantissa) * 2 ** (exponent - 16383 - 63);
  return value > ((high & 0x8000) !== 0 ? 1 - Math.SQRT1_2 : Math.SQRT2 - 1);
}

/** Instruction and data pointers and the opcode in an FSTENV/FSAVE image (32-bit protected-mode layout). */
const POINTERS: readonly (readonly [number, number])[] = [[12, 16]];

/** An FSAVE image in the window: the environment, then the stack registers. */
const putEnvironment: Form['prepare'] = (draft, random) => {
  const image = makeFpuImage(draft.form, random, new Uint8Array(128));
  const view = draft.windowView;
  const source = new DataView(image.buffer);
  view.setUint32(0, 0xffff0000 | source.getUint16(0, true), true);
  view.setUint32(4, 0xffff0000 | source.getUint16(2, true), true);
  view.setUint32(8, 0xffff0000 | (random.chance(50) ? 0 : random.u32() & 0xffff), true);
  for (let at = 12; at < 28; at += 4) view.setUint32(at, 0, true);
  for (let i = 0; i < 8; i++) draft.window.set(image.subarray(32 + 16 * i, 42 + 16 * i), 28 + 10 * i);
  draft.forcedTarget = draft.windowAddress;
};

/** The same in the 16-bit layout. */
const putNarrowEnvironment: Form['prepare'] = (draft, random) => {
  const image = makeFpuImage(draft.form, random, new Uint8Array(128));
  const view = draft.windowView;
  const source = new DataView(image.buffer);
  view.setUint16(0, source.getUint16(0, true), true);
  view.setUint16(2, source.getUint16(2, true), true);
  view.setUint16(4, random.chance(50) ? 0 : random.u32() & 0xffff, true);
  for (let at = 6; at < 14; at += 2) view.setUint16(at, 0, true);
  for (let i = 0; i < 8; i++) draft.window.set(image.subarray(32 + 16 * i, 42 + 16 * i), 14 + 10 * i);
  draft.forcedTarget = draft.windowAddress;
};

function forms(): Form[] {
  const x87 = { unit: 'x87' } as const;
  const memory = MEMORY.map(([opcode, digit, bytes]): Form => {
    return {
      ...x87,
      name: `${opcode.toString(16)} /${digit}`,
      opcode: [opcode],
      modrm: digit as 0,
      rm: 'memory',
      memoryBytes: bytes,
      align: bytes === 10 ? 16 : bytes,
      cases: 250,
    };
  });
  const registers = STACK.flatMap(([opcode, first]): Form[] =>
    [0, 1, 2, 5, 7].map((index) => ({
      ...x87,
      name: `${opcode.toString(16)} ${(first + index).toString(16)}`,
      opcode: [opcode],
      fixedModrm: first + index,
      noPrefixes: true,
      cases: index === 1 ? 300 : 60,
    })),
  );
  const single = SINGLE.map(
    ([name, opcode, modrm]): Form => ({
      ...x87,
      name,
      opcode: [opcode],
      fixedModrm: modrm,
      noPrefixes: true,
      cases: ['fprem', 'fprem1', 'fsqrt', 'frndint', 'fscale'].includes(name) ? 600 : 80,
    }),
  );
  const transcendental = TRANSCENDENTAL.map(
    ([name, modrm]): Form => ({
      ...x87,
      name,
      opcode: [0xd9],
      fixedModrm: modrm,
      noPrefixes: true,
      tolerance: 1,
      cases: 400,
      skip: (draft) => outOfRange(name, draft.fpu as Uint8Array),
    }),
  );
  const state: Form[] = [
    {
      ...x87,
      name: 'fnstenv',
      opcode: [0xd9],
      modrm: 6,
      rm: 'memory',
      memoryBytes: 28,
      ignoredMemory: POINTERS,
      cases: 80,
    },
    {
      ...x87,
      name: 'fnsave',
      opcode: [0xdd],
      modrm: 6,
      rm: 'memory',
      memoryBytes: 108,
      ignoredMemory: POINTERS,
      cases: 80,
    },
    { ...x87, name: 'fldenv', opcode: [0xd9], modrm: 4, rm: 'memory', memoryBytes: 28, prepare: putEnvironment },
    { ...x87, name: 'frstor', opcode: [0xdd], modrm: 4, rm: 'memory', memoryBytes: 108, prepare: putEnvironment },
    { ...x87, name: 'fwait', opcode: [0x9b], noPrefixes: true, cases: 60 },
  ];
  const aliases = ALIASES.map(
    ([name, opcode, modrm]): Form => ({
      ...x87,
      name,
      opcode: [opcode],
      fixedModrm: modrm,
      noPrefixes: true,
      cases: 60,
    }),
  );
  const narrow = (['fnstenv', 'fnsave', 'fldenv', 'frstor'] as const).map((name): Form => {
    const stores = name === 'fnstenv' || name === 'fnsave';
    return {
      ...x87,
      name: `${name} (16-bit)`,
      size: 16,
      opcode: [name === 'fnstenv' || name === 'fldenv' ? 0xd9 : 0xdd],
      modrm: stores ? 6 : 4,
      rm: 'memory',
      memoryBytes: name === 'fnstenv' || name === 'fldenv' ? 14 : 94,
      ...(stores ? { ignoredMemory: [[6, 8]] as const } : { prepare: putNarrowEnvironment }),
      cases: 80,
    };
  });
  return [...memory, ...registers, ...single, ...transcendental, ...state, ...aliases, ...narrow];
}

export const X87: FormGroup = { name: 'x87', forms: forms() };
