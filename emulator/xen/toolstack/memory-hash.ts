/**
 * A fingerprint of everything a guest's future depends on: memory of all domains and registers of all vCPUs. Fast, not
 * cryptographic: four 32-bit lanes with the multipliers of xxHash32.
 */
import type { Ram } from '../../machine/ram.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const WORDS_PER_FRAME = 1024;

class Hash {
  private readonly lanes = new Int32Array([PRIME_1, PRIME_2, PRIME_3, 0]);

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

  bytes(bytes: Uint8Array): void {
    const padded = new Uint8Array(Math.ceil(bytes.length / 16) * 16);
    padded.set(bytes);
    const words = new Int32Array(padded.buffer);
    this.words(words, 0, words.length);
    this.numbers(bytes.length);
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

function rotate(value: number): number {
  return (value << 13) | (value >>> 19);
}

function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 15), PRIME_2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), PRIME_3);
  return mixed ^ (mixed >>> 16);
}

/** Of frames that belong to some domain, with their numbers, and of all registers. */
export function memoryHash(hypervisor: Hypervisor): string {
  const hash = new Hash();
  const { ram } = hypervisor;
  for (let mfn = ram.firstMfn; mfn < ram.endMfn; mfn++) {
    const owner = hypervisor.frames.owner(mfn);
    if (owner === undefined || !hypervisor.domains.has(owner)) continue;
    hash.numbers(mfn, owner);
    hashFrame(hash, ram, mfn);
  }
  for (const domain of hypervisor.domains.values()) {
    for (const vcpu of domain.vcpus) hashRegisters(hash, hypervisor, vcpu);
  }
  return hash.digest();
}

function hashFrame(hash: Hash, ram: Ram, mfn: number): void {
  if (ram.hasFrame(mfn)) hash.words(ram.i32, ram.offset(mfn) >>> 2, WORDS_PER_FRAME);
}

/** Those of the vCPU that ran last are in the processor, those of the others are put away. */
function hashRegisters(hash: Hash, hypervisor: Hypervisor, vcpu: Vcpu): void {
  hash.numbers(vcpu.id, Number(vcpu.offline), Number(vcpu.blocked), Number(vcpu.kernelMode), vcpu.kernelSp);
  if (vcpu !== hypervisor.current) {
    const { low, high, rip, rflags, selectors, baseLow, baseHigh, fpu } = vcpu.registers;
    hash.numbers(...low, ...high, rip, rflags, ...selectors, ...baseLow, ...baseHigh);
    hash.bytes(fpu);
    return;
  }
  const { processor } = hypervisor;
  const general = Array.from({ length: 16 }, (_, index) => [processor.low(index), processor.high(index)]).flat();
  const segments = Array.from({ length: 6 }, (_, index) => [
    processor.selector(index),
    processor.segmentBaseLow(index),
    processor.segmentBaseHigh(index),
  ]).flat();
  hash.numbers(...general, processor.rip, processor.rflags, ...segments);
  hash.bytes(processor.saveFpu());
}
