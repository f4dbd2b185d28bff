/** xoshiro128** (public domain algorithm by Blackman and Vigna): the same numbers everywhere, from a form's name. */
export class Random {
  private readonly s = new Uint32Array(4);

  constructor(name: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < 4; i++) {
      for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
      hash = Math.imul(hash ^ (hash >>> 15) ^ (i + 1), 0x85ebca6b) >>> 0;
      this.s[i] = hash;
    }
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const s = this.s;
    const [s0, s1, s2, s3] = [s[0] as number, s[1] as number, s[2] as number, s[3] as number];
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const c = s2 ^ s0;
    const d = s3 ^ s1;
    s[1] = s1 ^ c;
    s[0] = s0 ^ d;
    s[2] = c ^ (s1 << 9);
    s[3] = (d << 11) | (d >>> 21);
    return result;
  }

  /** 0 … limit-1. */
  below(limit: number): number {
    return Math.floor((this.u32() / 4294967296) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.u32() >>> 24;
    return out;
  }
}

const CORNERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
  0xffffffff80000000n,
  0xffffffffffff8000n,
  0xffffffffffffff80n,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
  0x0102040810204080n,
];

/** An integer operand: corners, small numbers, single bits, neighbours, random at several widths. */
export function integerOperand(random: Random): bigint {
  switch (random.below(8)) {
    case 0:
    case 1:
      return random.pick(CORNERS);
    case 2:
      return BigInt(random.below(80));
    case 3:
      return BigInt.asUintN(64, 1n << BigInt(random.below(64)));
    case 4:
      return BigInt.asUintN(64, random.pick(CORNERS) + BigInt(random.below(5) - 2));
    case 5:
      return BigInt.asUintN(64, BigInt(random.u32() | 0) >> BigInt(random.below(32)));
    default:
      return random.u64() >> BigInt(random.below(4) === 0 ? random.below(64) : 0);
  }
}
