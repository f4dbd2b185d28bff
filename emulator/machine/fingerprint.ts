/**
 * A 128-bit fingerprint of data: fast, not cryptographic. Four 32-bit lanes with the multipliers of xxHash32. It tells
 * apart machines and finds damaged files; it withstands nobody who forges.
 */
const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;

export class Fingerprint {
  private readonly lanes = new Int32Array([PRIME_1, PRIME_2, PRIME_3, 0]);

  /** `count` is a multiple of 4. */
  words(words: Int32Array, from: number, count: number): void {
    let [a, b, c, d] = this.lanes as unknown as [number, number, number, number];
    for (let at = from; at < from + count; at += 4) {
      a = Math.imul(rotate(a + Math.imul(words[at]!, PRIME_2)), PRIME_1);
      b = Math.imul(rotate(b + Math.imul(words[at + 1]!, PRIME_2)), PRIME_1);
      c = Math.imul(rotate(c + Math.imul(words[at + 2]!, PRIME_2)), PRIME_1);
      d = Math.imul(rotate(d + Math.imul(words[at + 3]!, PRIME_2)), PRIME_1);
    }
    this.lanes.set([a, b, c, d]);
  }

  /** Any list of numbers, doubles included, exactly. */
  numbers(...values: readonly number[]): void {
    const padded = new Float64Array(Math.ceil(values.length / 2) * 2);
    padded.set(values);
    const words = new Int32Array(padded.buffer);
    this.words(words, 0, words.length);
  }

  /** Bytes and their number. */
  bytes(bytes: Uint8Array): void {
    const whole = bytes.byteOffset % 4 === 0 ? bytes.length & ~15 : 0;
    if (whole > 0) this.words(new Int32Array(bytes.buffer, bytes.byteOffset, whole / 4), 0, whole / 4);
    const padded = new Uint8Array(Math.ceil((bytes.length - whole) / 16) * 16);
    padded.set(bytes.subarray(whole));
    const words = new Int32Array(padded.buffer);
    this.words(words, 0, words.length);
    this.numbers(bytes.length);
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text));
  }

  /** 32 hexadecimal digits; every lane depends on all. */
  digest(): string {
    let [a, b, c, d] = this.lanes as unknown as [number, number, number, number];
    for (let round = 0; round < 4; round++) {
      a = avalanche(a + Math.imul(d, PRIME_3));
      b = avalanche(b + Math.imul(a, PRIME_3));
      c = avalanche(c + Math.imul(b, PRIME_3));
      d = avalanche(d + Math.imul(c, PRIME_3));
    }
    return [a, b, c, d].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

export function fingerprintOf(bytes: Uint8Array): string {
  const fingerprint = new Fingerprint();
  fingerprint.bytes(bytes);
  return fingerprint.digest();
}

function rotate(value: number): number {
  return (value << 13) | (value >>> 19);
}

function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 15), PRIME_2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), PRIME_3);
  return mixed ^ (mixed >>> 16);
}
