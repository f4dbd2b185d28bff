/** A fingerprint of what a guest's future depends on: memory of all domains and registers of all vCPUs. */
import { Fingerprint } from '../../machine/fingerprint.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';

const WORDS_PER_FRAME = 1024;

/** Of frames that belong to some domain, with their numbers, and of all registers. */
export function memoryHash(hypervisor: Hypervisor): string {
  const hash = new Fingerprint();
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

/** 32 bits of the registers of all vCPUs: cheap, for many checks. */
export function registersHash(hypervisor: Hypervisor): number {
  const hash = new Fingerprint();
  for (const domain of hypervisor.domains.values()) {
    for (const vcpu of domain.vcpus) hashRegisters(hash, hypervisor, vcpu);
  }
  return Number.parseInt(hash.digest().slice(0, 8), 16);
}

function hashFrame(hash: Fingerprint, ram: Ram, mfn: number): void {
  if (ram.hasFrame(mfn)) hash.words(ram.i32, ram.offset(mfn) >>> 2, WORDS_PER_FRAME);
}

/** Those of the vCPU that ran last are in the processor, those of the others are put away. */
function hashRegisters(hash: Fingerprint, hypervisor: Hypervisor, vcpu: Vcpu): void {
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
