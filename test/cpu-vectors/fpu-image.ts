import type { Form } from './form.ts';
import type { Random } from './random.ts';

const FLOAT32: readonly number[] = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
  0x7f800001, 0xffabcdef, 0x00000001, 0x807fffff, 0x00800000, 0x80800001, 0x7f7fffff, 0xff7fffff, 0x4f000000,
  0xcf000000, 0x5f000000, 0x3effffff, 0x3f000000, 0x4b7fffff, 0x4b800000, 0x3fc00000, 0x40200000,
];
const FLOAT64: readonly bigint[] = [
  0x0000000000000000n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x4000000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8123456789abcn,
  0x7ff0000000000001n,
  0xfff7ffffffffffffn,
  0x0000000000000001n,
  0x800fffffffffffffn,
  0x0010000000000000n,
  0x8010000000000001n,
  0x7fefffffffffffffn,
  0xffefffffffffffffn,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0x43e0000000000000n,
  0x3fdfffffffffffffn,
  0x3fe0000000000000n,
  0x433fffffffffffffn,
  0x4340000000000000n,
  0x47efffffe0000000n,
  0x36a0000000000000n,
  0x380fffffffffffffn,
  0x3ff8000000000000n,
  0x4004000000000000n,
  0x41dfffffffc00000n,
];
/** Sign and exponent, mantissa. Those with a clear integer bit and a nonzero exponent are invalid operands. */
const FLOAT80: readonly (readonly [number, bigint])[] = [
  [0x0000, 0n],
  [0x8000, 0n],
  [0x3fff, 1n << 63n],
  [0xbfff, 1n << 63n],
  [0x4000, 1n << 63n],
  [0x7fff, 1n << 63n],
  [0xffff, 1n << 63n],
  [0x7fff, 3n << 62n],
  [0xffff, (3n << 62n) + 0x1234n],
  [0x7fff, (1n << 63n) + 1n],
  [0xffff, (1n << 63n) + 0xabcdef12345n],
  [0x0000, 1n],
  [0x8000, (1n << 63n) - 1n],
  [0x0001, 1n << 63n],
  [0x0000, 1n << 63n],
  [0x7ffe, (1n << 64n) - 1n],
  [0xfffe, (1n << 64n) - 1n],
  [0x3fff, 1n],
  [0x7fff, 0n],
  [0x7fff, 1n << 62n],
  [0x4000, 0xc90fdaa22168c235n],
  [0x3ffe, 0xb17217f7d1cf79acn],
  [0x403e, 1n << 63n],
  [0xc03e, 1n << 63n],
  [0x401e, 1n << 63n],
  [0x400e, 1n << 63n],
  [0x3ffe, 1n << 63n],
  [0x3fff, 3n << 62n],
  [0x4000, 5n << 61n],
  [0x3ffd, (1n << 64n) - 1n],
  [0x403d, (1n << 64n) - 1n],
  [0x403a, 0xde0b6b3a763ffff0n],
];

function float32(random: Random): number {
  switch (random.below(5)) {
    case 0:
    case 1:
      return random.pick(FLOAT32);
    case 2:
      return random.u32();
    default: // near one, so that sums and products stay interesting
      return ((random.u32() & 0x807fffff) | ((0x7f - 24 + random.below(58)) << 23)) >>> 0;
  }
}

function float64(random: Random): bigint {
  switch (random.below(5)) {
    case 0:
    case 1:
      return random.pick(FLOAT64);
    case 2:
      return random.u64();
    default:
      return (random.u64() & 0x800fffffffffffffn) | (BigInt(0x3ff - 53 + random.below(120)) << 52n);
  }
}

function float80(random: Random): readonly [number, bigint] {
  switch (random.below(6)) {
    case 0:
    case 1:
      return random.pick(FLOAT80);
    case 2:
      return [random.u32() >>> 16, random.u64() | (random.chance(80) ? 1n << 63n : 0n)];
    case 3: // few significant bits: exact results and ties
      return [
        ((random.u32() & 0x8000) | (0x3fff - 10 + random.below(60))) >>> 0,
        (1n << 63n) | (BigInt(random.u32()) << 31n),
      ];
    default:
      return [((random.u32() & 0x8000) | (0x3fff - 66 + random.below(132))) >>> 0, random.u64() | (1n << 63n)];
  }
}

function putFloat(view: DataView, at: number, random: Random): void {
  switch (random.below(3)) {
    case 0:
      view.setUint32(at, float32(random), true);
      view.setUint32(at + 4, float32(random), true);
      break;
    case 1:
      view.setBigUint64(at, float64(random), true);
      break;
    default:
      view.setUint32(at, random.u32(), true);
      view.setUint32(at + 4, random.u32(), true);
  }
}

function putX87(view: DataView, form: Form, random: Random): void {
  const masks = random.chance(85) ? 0x3f : random.below(64);
  const precision = random.chance(70) ? 3 : random.pick([0, 2, 3]);
  view.setUint16(0, 0x40 | masks | (precision << 8) | (random.chance(50) ? 0 : random.below(4) << 10), true);
  const top = form.unit === 'x87' ? random.below(8) : random.chance(70) ? 0 : random.below(8);
  let status = (top << 11) | (random.u32() & 0x4700);
  if (random.chance(30)) status |= random.below(0x80) & (random.chance(85) ? masks | 0x40 : 0x7f);
  if ((status & 0x3f & ~masks) !== 0) status |= 0x8080;
  view.setUint16(2, status, true);
  const tags = random.chance(form.unit === 'x87' ? 70 : 100) ? 0xff : random.below(256);
  view.setUint8(4, random.chance(10) ? 0 : tags);
  for (let i = 0; i < 8; i++) {
    const [exponent, mantissa] = float80(random);
    view.setBigUint64(32 + 16 * i, mantissa, true);
    view.setUint16(40 + 16 * i, exponent, true);
  }
}

/**
 * The x87, MMX and SSE state of a case in FXSAVE format, with floating-point numbers of all kinds in the registers;
 * the window gets such numbers too.
 */
export function makeFpuImage(form: Form, random: Random, window: Uint8Array): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  putX87(view, form, random);
  if (form.unit === 'mmx') {
    view.setUint16(2, view.getUint16(2, true) & ~0x80bf, true);
    view.setUint16(0, view.getUint16(0, true) | 0x3f, true);
    for (let i = 0; i < 8; i++)
      view.setBigUint64(32 + 16 * i, random.chance(50) ? random.u64() : float64(random), true);
  }
  const masks = random.chance(88) ? 0x3f : random.below(64);
  const modes = random.chance(60) ? 0 : random.pick([0, 0x40, 0x8000, 0x8040]);
  view.setUint32(
    24,
    (masks << 7) | (random.chance(50) ? 0 : random.below(4) << 13) | modes | (random.chance(40) ? random.below(64) : 0),
    true,
  );
  view.setUint32(28, 0xffff, true);
  for (let at = 160; at < 416; at += 8) putFloat(view, at, random);
  const memory = new DataView(window.buffer, window.byteOffset, window.byteLength);
  const wide = form.memoryBytes === 10;
  for (let at = 0; at + 8 <= window.length; at += 8) putFloat(memory, at, random);
  if (wide) {
    for (let at = 0; at + 16 <= window.length; at += 16) {
      const [exponent, mantissa] = float80(random);
      memory.setBigUint64(at, mantissa, true);
      memory.setUint16(at + 8, exponent, true);
    }
  }
  return image;
}
