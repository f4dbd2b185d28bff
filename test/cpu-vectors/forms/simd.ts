import { type CaseDraft, pickAddress } from '../case.ts';
import type { Form, FormGroup } from '../form.ts';
import { makeFpuImage } from '../fpu-image.ts';

type Mandatory = 0x66 | 0xf2 | 0xf3;
const PREFIXES: readonly (Mandatory | undefined)[] = [undefined, 0x66, 0xf3, 0xf2];
const label = (mandatory: Mandatory | undefined): string => (mandatory === undefined ? 'np' : mandatory.toString(16));

/** One instruction with an XMM (or MMX) register and a register or memory operand. */
function simd(name: string, mandatory: Mandatory | undefined, opcode: readonly number[], options: Partial<Form>): Form {
  const bytes = options.memoryBytes ?? 16;
  return {
    modrm: 'register',
    unit: 'sse',
    memoryBytes: bytes,
    ...(bytes === 16 ? { align: 16 } : {}),
    cases: 130,
    ...options,
    ...(mandatory === undefined ? {} : { mandatory }),
    name: `${name} (${label(mandatory)} ${opcode.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')})`,
    opcode,
  };
}

/** The four variants ps, pd, ss, sd of one opcode. */
function four(name: string, opcode: number, options: Partial<Form> = {}): Form[] {
  return ['ps', 'pd', 'ss', 'sd'].map((suffix, at) =>
    simd(name + suffix, PREFIXES[at], [0x0f, opcode], {
      memoryBytes: [16, 16, 4, 8][at] as number,
      cases: 220,
      ...options,
    }),
  );
}

const two = (name: string, opcode: number, options: Partial<Form> = {}): Form[] => [
  simd(`${name}ps`, undefined, [0x0f, opcode], options),
  simd(`${name}pd`, 0x66, [0x0f, opcode], options),
];

function floatForms(): Form[] {
  const immediate = { immediate: 1 } as const;
  const gpr = (bytes: number, size: 32 | 64): Partial<Form> => ({ memoryBytes: bytes, size, cases: 160 });
  const forms: Form[] = [
    ...two('and', 0x54),
    ...two('andn', 0x55),
    ...two('or', 0x56),
    ...two('xor', 0x57),
    ...four('sqrt', 0x51),
    ...four('add', 0x58),
    ...four('mul', 0x59),
    ...four('sub', 0x5c),
    ...four('min', 0x5d),
    ...four('div', 0x5e),
    ...four('max', 0x5f),
    ...four('cmp', 0xc2, { ...immediate, immediates: [0, 1, 2, 3, 4, 5, 6, 7] }),
    simd('rsqrtps', undefined, [0x0f, 0x52], { approximate: true }),
    simd('rsqrtss', 0xf3, [0x0f, 0x52], { approximate: true, memoryBytes: 4 }),
    simd('rcpps', undefined, [0x0f, 0x53], { approximate: true }),
    simd('rcpss', 0xf3, [0x0f, 0x53], { approximate: true, memoryBytes: 4 }),
    simd('cvtps2pd', undefined, [0x0f, 0x5a], { memoryBytes: 8 }),
    simd('cvtpd2ps', 0x66, [0x0f, 0x5a], { cases: 220 }),
    simd('cvtss2sd', 0xf3, [0x0f, 0x5a], { memoryBytes: 4 }),
    simd('cvtsd2ss', 0xf2, [0x0f, 0x5a], { memoryBytes: 8, cases: 220 }),
    simd('cvtdq2ps', undefined, [0x0f, 0x5b], {}),
    simd('cvtps2dq', 0x66, [0x0f, 0x5b], {}),
    simd('cvttps2dq', 0xf3, [0x0f, 0x5b], {}),
    simd('cvttpd2dq', 0x66, [0x0f, 0xe6], {}),
    simd('cvtdq2pd', 0xf3, [0x0f, 0xe6], { memoryBytes: 8 }),
    simd('cvtpd2dq', 0xf2, [0x0f, 0xe6], {}),
    simd('ucomiss', undefined, [0x0f, 0x2e], { memoryBytes: 4 }),
    simd('ucomisd', 0x66, [0x0f, 0x2e], { memoryBytes: 8 }),
    simd('comiss', undefined, [0x0f, 0x2f], { memoryBytes: 4 }),
    simd('comisd', 0x66, [0x0f, 0x2f], { memoryBytes: 8 }),
    simd('haddpd', 0x66, [0x0f, 0x7c], {}),
    simd('haddps', 0xf2, [0x0f, 0x7c], {}),
    simd('hsubpd', 0x66, [0x0f, 0x7d], {}),
    simd('hsubps', 0xf2, [0x0f, 0x7d], {}),
    simd('addsubpd', 0x66, [0x0f, 0xd0], {}),
    simd('addsubps', 0xf2, [0x0f, 0xd0], {}),
    simd('roundps', 0x66, [0x0f, 0x3a, 0x08], { ...immediate, immediates: [0, 1, 2, 3, 4, 8, 9, 10, 11, 12] }),
    simd('roundpd', 0x66, [0x0f, 0x3a, 0x09], { ...immediate, immediates: [0, 1, 2, 3, 4, 8, 9, 10, 11, 12] }),
    simd('roundss', 0x66, [0x0f, 0x3a, 0x0a], { ...immediate, memoryBytes: 4 }),
    simd('roundsd', 0x66, [0x0f, 0x3a, 0x0b], { ...immediate, memoryBytes: 8 }),
    simd('dpps', 0x66, [0x0f, 0x3a, 0x40], immediate),
    simd('dppd', 0x66, [0x0f, 0x3a, 0x41], immediate),
  ];
  for (const size of [32, 64] as const) {
    forms.push(
      simd(`cvtsi2ss r/m${size}`, 0xf3, [0x0f, 0x2a], gpr(size / 8, size)),
      simd(`cvtsi2sd r/m${size}`, 0xf2, [0x0f, 0x2a], gpr(size / 8, size)),
      simd(`cvttss2si r${size}`, 0xf3, [0x0f, 0x2c], gpr(4, size)),
      simd(`cvttsd2si r${size}`, 0xf2, [0x0f, 0x2c], gpr(8, size)),
      simd(`cvtss2si r${size}`, 0xf3, [0x0f, 0x2d], gpr(4, size)),
      simd(`cvtsd2si r${size}`, 0xf2, [0x0f, 0x2d], gpr(8, size)),
    );
  }
  return forms;
}

/** Whether a masked store that stores nothing may still fault is up to the processor (SDM vol. 2, MASKMOVDQU). */
function masksNothing(draft: CaseDraft, bytes: 8 | 16): boolean {
  const fpu = draft.fpu as Uint8Array;
  const register = draft.rmRegister as number;
  const top = (fpu[3] as number) >> 3;
  const at = bytes === 16 ? 160 + 16 * register : 32 + 16 * ((register - top) & 7);
  return fpu.subarray(at, at + bytes).every((byte) => byte < 0x80);
}

function moveForms(): Form[] {
  const memory = { rm: 'memory' } as const;
  const register = { rm: 'register' } as const;
  const forms: Form[] = [
    ...four('mov', 0x10, { align: 1 }),
    ...four('mov store ', 0x11, { align: 1 }),
    simd('movlps/movhlps', undefined, [0x0f, 0x12], { memoryBytes: 8 }),
    simd('movlpd', 0x66, [0x0f, 0x12], { memoryBytes: 8, ...memory }),
    simd('movsldup', 0xf3, [0x0f, 0x12], {}),
    simd('movddup', 0xf2, [0x0f, 0x12], { memoryBytes: 8 }),
    simd('movlps store', undefined, [0x0f, 0x13], { memoryBytes: 8, ...memory }),
    simd('movlpd store', 0x66, [0x0f, 0x13], { memoryBytes: 8, ...memory }),
    ...two('unpckl', 0x14),
    ...two('unpckh', 0x15),
    simd('movhps/movlhps', undefined, [0x0f, 0x16], { memoryBytes: 8 }),
    simd('movhpd', 0x66, [0x0f, 0x16], { memoryBytes: 8, ...memory }),
    simd('movshdup', 0xf3, [0x0f, 0x16], {}),
    simd('movhps store', undefined, [0x0f, 0x17], { memoryBytes: 8, ...memory }),
    simd('movhpd store', 0x66, [0x0f, 0x17], { memoryBytes: 8, ...memory }),
    ...two('mova', 0x28),
    ...two('mova store ', 0x29),
    ...two('movnt', 0x2b, memory),
    ...two('movmsk', 0x50, register),
    simd('movdqa', 0x66, [0x0f, 0x6f], {}),
    simd('movdqu', 0xf3, [0x0f, 0x6f], { align: 1 }),
    simd('movdqa store', 0x66, [0x0f, 0x7f], {}),
    simd('movdqu store', 0xf3, [0x0f, 0x7f], { align: 1 }),
    simd('movq', 0xf3, [0x0f, 0x7e], { memoryBytes: 8 }),
    simd('movq store', 0x66, [0x0f, 0xd6], { memoryBytes: 8 }),
    simd('movntdq', 0x66, [0x0f, 0xe7], memory),
    simd('lddqu', 0xf2, [0x0f, 0xf0], { align: 1, ...memory }),
    simd('movntdqa', 0x66, [0x0f, 0x38, 0x2a], memory),
    simd('maskmovdqu', 0x66, [0x0f, 0xf7], {
      ...register,
      prepare: (draft, random) => {
        draft.gpr[7] = BigInt(pickAddress(draft, random, 16));
      },
      noPrefixes: true,
      only64: true,
      skip: (draft) => masksNothing(draft, 16),
    }),
    simd('pmovmskb', 0x66, [0x0f, 0xd7], register),
    simd('pextrw', 0x66, [0x0f, 0xc5], { ...register, immediate: 1 }),
    simd('pinsrw', 0x66, [0x0f, 0xc4], { memoryBytes: 2, immediate: 1 }),
    simd('pextrb', 0x66, [0x0f, 0x3a, 0x14], { memoryBytes: 1, immediate: 1 }),
    simd('pextrw (sse4.1)', 0x66, [0x0f, 0x3a, 0x15], { memoryBytes: 2, immediate: 1 }),
    simd('extractps', 0x66, [0x0f, 0x3a, 0x17], { memoryBytes: 4, immediate: 1 }),
    simd('pinsrb', 0x66, [0x0f, 0x3a, 0x20], { memoryBytes: 1, immediate: 1 }),
    simd('insertps', 0x66, [0x0f, 0x3a, 0x21], { memoryBytes: 4, immediate: 1 }),
    { ...simd('ldmxcsr', undefined, [0x0f, 0xae], { memoryBytes: 4, modrm: 2, rm: 'memory' }), cases: 150 },
    { ...simd('stmxcsr', undefined, [0x0f, 0xae], { memoryBytes: 4, modrm: 3, rm: 'memory' }), cases: 60 },
    { name: 'lfence', opcode: [0x0f, 0xae], fixedModrm: 0xe8, noPrefixes: true, cases: 5 },
    { name: 'mfence', opcode: [0x0f, 0xae], fixedModrm: 0xf0, noPrefixes: true, cases: 5 },
    { name: 'sfence', opcode: [0x0f, 0xae], fixedModrm: 0xf8, noPrefixes: true, cases: 5 },
    { name: 'clflush', opcode: [0x0f, 0xae], modrm: 7, rm: 'memory', memoryBytes: 1, cases: 40 },
  ];
  for (const size of [32, 64] as const) {
    const bytes = size / 8;
    forms.push(
      simd(`movd xmm, r/m${size}`, 0x66, [0x0f, 0x6e], { memoryBytes: bytes, size }),
      simd(`movd r/m${size}, xmm`, 0x66, [0x0f, 0x7e], { memoryBytes: bytes, size }),
      simd(`pextrd ${size}`, 0x66, [0x0f, 0x3a, 0x16], { memoryBytes: bytes, size, immediate: 1 }),
      simd(`pinsrd ${size}`, 0x66, [0x0f, 0x3a, 0x22], { memoryBytes: bytes, size, immediate: 1 }),
    );
  }
  forms.push(
    simd('fxsave', undefined, [0x0f, 0xae], {
      modrm: 0,
      rm: 'memory',
      memoryBytes: 512,
      align: 16,
      // 32-bit mode leaves XMM8 to XMM15 out.
      only64: true,
      cases: 60,
      // Last-instruction pointers, opcode, MXCSR_MASK, and what is reserved or free to software.
      ignoredMemory: [
        [6, 18],
        [28, 4],
        [416, 96],
      ],
    }),
    simd('fxrstor', undefined, [0x0f, 0xae], {
      modrm: 1,
      rm: 'memory',
      memoryBytes: 512,
      align: 16,
      // 32-bit mode leaves XMM8 to XMM15 out.
      only64: true,
      windowBytes: 640,
      cases: 200,
      prepare: (draft, random) => {
        const image = makeFpuImage(draft.form, random, new Uint8Array(128));
        const at = random.chance(90) ? (16 - (draft.windowAddress % 16)) % 16 : 8;
        if (random.chance(8)) image[27] = 1;
        draft.window.set(image, at);
        draft.forcedTarget = draft.windowAddress + at;
      },
    }),
  );
  return forms;
}

/** Packed-integer operations that exist for MMX (no prefix) and XMM (66) alike: second opcode byte. */
const SHARED = [
  0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3, 0xd4,
  0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb,
  0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
];
const SHARED_38 = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x1c, 0x1d, 0x1e];
const ONLY_XMM_38: readonly (readonly [number, number])[] = [
  ...[0x10, 0x14, 0x15, 0x17, 0x28, 0x29, 0x2b, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41].map(
    (opcode) => [opcode, 16] as const,
  ),
  ...[0x20, 0x30].flatMap((first) => [8, 4, 2, 8, 4, 8].map((bytes, at) => [first + at, bytes] as const)),
];
const SHIFT_GROUPS: readonly (readonly [number, number])[] = [
  [0x71, 2],
  [0x71, 4],
  [0x71, 6],
  [0x72, 2],
  [0x72, 4],
  [0x72, 6],
  [0x73, 2],
  [0x73, 6],
];

/** Variable shifts take their count from a whole register: mostly small ones. */
const isShift = (opcode: number): boolean =>
  (opcode >= 0xd1 && opcode <= 0xd3) || opcode === 0xe1 || opcode === 0xe2 || (opcode >= 0xf1 && opcode <= 0xf3);

function integerForms(mmx: boolean): Form[] {
  const mandatory = mmx ? undefined : 0x66;
  const base: Partial<Form> = mmx ? { unit: 'mmx', memoryBytes: 8 } : {};
  const smallCounts: Partial<Form> = {
    prepare: (draft, random) => {
      const image = draft.fpu as Uint8Array;
      const view = new DataView(image.buffer);
      for (let i = 0; i < 16; i++) {
        if (random.chance(50))
          view.setBigUint64((mmx ? 32 : 160) + 16 * (mmx ? i & 7 : i), BigInt(random.below(70)), true);
      }
      if (random.chance(60)) {
        for (let at = 0; at < 128; at += 8) draft.windowView.setBigUint64(at, BigInt(random.below(70)), true);
      }
    },
  };
  const forms = [
    ...SHARED.map((opcode) =>
      simd('packed', mandatory, [0x0f, opcode], {
        ...base,
        ...(isShift(opcode) ? smallCounts : {}),
        ...(mmx && opcode >= 0x60 && opcode <= 0x62 ? { memoryBytes: 4 } : {}),
      }),
    ),
    ...SHARED_38.map((opcode) => simd('packed', mandatory, [0x0f, 0x38, opcode], base)),
    simd('palignr', mandatory, [0x0f, 0x3a, 0x0f], {
      ...base,
      immediate: 1,
      immediates: Array.from({ length: 36 }, (_, i) => i),
    }),
    ...SHIFT_GROUPS.map(([opcode, digit]) =>
      simd(`shift group /${digit}`, mandatory, [0x0f, opcode], {
        ...base,
        modrm: digit as 2,
        rm: 'register',
        immediate: 1,
        immediates: [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255],
      }),
    ),
  ];
  if (mmx) {
    forms.push(
      simd('pshufw', undefined, [0x0f, 0x70], { ...base, immediate: 1 }),
      simd('movq', undefined, [0x0f, 0x6f], base),
      simd('movq store', undefined, [0x0f, 0x7f], base),
      simd('movntq', undefined, [0x0f, 0xe7], { ...base, rm: 'memory' }),
      simd('pmovmskb', undefined, [0x0f, 0xd7], { ...base, rm: 'register' }),
      simd('pextrw', undefined, [0x0f, 0xc5], { ...base, rm: 'register', immediate: 1 }),
      simd('pinsrw', undefined, [0x0f, 0xc4], { ...base, memoryBytes: 2, immediate: 1 }),
      simd('maskmovq', undefined, [0x0f, 0xf7], {
        ...base,
        rm: 'register',
        noPrefixes: true,
        only64: true,
        skip: (draft) => masksNothing(draft, 8),
        prepare: (draft, random) => {
          draft.gpr[7] = BigInt(pickAddress(draft, random, 8));
        },
      }),
      simd('movq2dq', 0xf3, [0x0f, 0xd6], { ...base, rm: 'register' }),
      simd('movdq2q', 0xf2, [0x0f, 0xd6], { ...base, rm: 'register' }),
      simd('cvtpi2ps', undefined, [0x0f, 0x2a], base),
      simd('cvtpi2pd', 0x66, [0x0f, 0x2a], base),
      simd('cvttps2pi', undefined, [0x0f, 0x2c], base),
      simd('cvttpd2pi', 0x66, [0x0f, 0x2c], { ...base, memoryBytes: 16, align: 16 }),
      simd('cvtps2pi', undefined, [0x0f, 0x2d], base),
      simd('cvtpd2pi', 0x66, [0x0f, 0x2d], { ...base, memoryBytes: 16, align: 16 }),
      { name: 'emms', opcode: [0x0f, 0x77], unit: 'mmx', noPrefixes: true, cases: 40 },
    );
    for (const size of [32, 64] as const) {
      forms.push(
        simd(`movd mm, r/m${size}`, undefined, [0x0f, 0x6e], { ...base, memoryBytes: size / 8, size }),
        simd(`movd r/m${size}, mm`, undefined, [0x0f, 0x7e], { ...base, memoryBytes: size / 8, size }),
      );
    }
    return forms;
  }
  const imm = { immediate: 1 } as const;
  return [
    ...forms,
    simd('punpcklqdq', 0x66, [0x0f, 0x6c], {}),
    simd('punpckhqdq', 0x66, [0x0f, 0x6d], {}),
    simd('pshufd', 0x66, [0x0f, 0x70], imm),
    simd('pshufhw', 0xf3, [0x0f, 0x70], imm),
    simd('pshuflw', 0xf2, [0x0f, 0x70], imm),
    simd('shufps', undefined, [0x0f, 0xc6], imm),
    simd('shufpd', 0x66, [0x0f, 0xc6], imm),
    simd('psrldq', 0x66, [0x0f, 0x73], { modrm: 3, rm: 'register', ...imm, immediates: [0, 1, 5, 8, 15, 16, 17, 255] }),
    simd('pslldq', 0x66, [0x0f, 0x73], { modrm: 7, rm: 'register', ...imm, immediates: [0, 1, 5, 8, 15, 16, 17, 255] }),
    ...ONLY_XMM_38.map(([opcode, memoryBytes]) => simd('packed', 0x66, [0x0f, 0x38, opcode], { memoryBytes })),
    simd('blendps', 0x66, [0x0f, 0x3a, 0x0c], imm),
    simd('blendpd', 0x66, [0x0f, 0x3a, 0x0d], imm),
    simd('pblendw', 0x66, [0x0f, 0x3a, 0x0e], imm),
    simd('mpsadbw', 0x66, [0x0f, 0x3a, 0x42], imm),
    ...([0x60, 0x61, 0x62, 0x63, 0x160, 0x161] as const).map((number) =>
      simd(
        number > 0xff ? 'string comparison, 64-bit lengths' : 'string comparison',
        0x66,
        [0x0f, 0x3a, number & 0xff],
        {
          ...(number > 0xff ? { size: 64 as const } : {}),
          ...imm,
          immediates: Array.from({ length: 128 }, (_, i) => i),
          align: 1,
          cases: 600,
          prepare: (draft, random) => {
            // Short alphabets make matches; lengths around 16.
            const view = draft.fpu as Uint8Array;
            const wide = random.chance(50);
            const letter = (at: number): number => (wide && at % 2 === 1 ? 0 : 0x61 + random.below(4));
            if (random.chance(80)) {
              for (let at = 160; at < 416; at++) view[at] = random.chance(6) ? 0 : letter(at);
              for (let at = 0; at < 128; at++) draft.window[at] = random.chance(6) ? 0 : letter(at);
            }
            draft.gpr[0] = BigInt.asUintN(64, BigInt(random.below(44) - 22));
            draft.gpr[2] = BigInt.asUintN(64, BigInt(random.below(44) - 22));
          },
        },
      ),
    ),
  ];
}

export const SSE_MOVES: FormGroup = { name: 'sse-moves', forms: moveForms() };
export const SSE_FLOAT: FormGroup = { name: 'sse-float', forms: floatForms() };
export const SSE_INTEGER: FormGroup = { name: 'sse-integer', forms: integerForms(false) };
export const MMX: FormGroup = { name: 'mmx', forms: integerForms(true) };
