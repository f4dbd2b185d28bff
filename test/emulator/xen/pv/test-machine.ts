import {
  type Domid,
  highHalf,
  lowHalf,
  type MachineAddress,
  type Mfn,
  type VirtualAddress,
} from '../../../../emulator/base/numbers.ts';
import { Clock } from '../../../../emulator/machine/clock.ts';
import { Ram } from '../../../../emulator/machine/ram.ts';
import { EXIT_SYSCALL, R8, R10, RAX, RDI, RDX, RSI, RSP } from '../../../../emulator/x86/cpu/processor.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { Hypervisor } from '../../../../emulator/xen/common/hypervisor.ts';
import type { Vcpu } from '../../../../emulator/xen/common/vcpu.ts';
import { FakeProcessor } from './fake-processor.ts';

/** Where the test domain's pages are mapped: pfn n at BASE + n * 4096. */
export const BASE = -0x80000000;
/** Pseudo-physical layout of a test domain: its four page tables, then free pages. */
export const PFN_L4 = 1;
export const PFN_L3 = 2;
export const PFN_L2 = 3;
export const PFN_L1 = 4;
export const PFN_STACK = 5;
export const PFN_SCRATCH = 6;
/** First page with no use of its own. */
export const PFN_FREE = 16;

export const P = 1;
export const RW = 2;
export const U = 4;
export const A = 0x20;
export const D = 0x40;

export function va(pfn: number, offset = 0): VirtualAddress {
  return (BASE + pfn * 4096 + offset) as VirtualAddress;
}

/** A machine with one 64-bit domain whose first page tables a toolstack would have made. */
export class TestMachine {
  readonly ram: Ram;
  readonly processor: FakeProcessor;
  readonly clock: Clock;
  readonly xen: Hypervisor;
  readonly domain: Domain;
  readonly notices: string[] = [];
  /** How many were made. */
  hypercalls = 0;

  constructor(
    readonly pages = 64,
    vcpus = 1,
    seed = 7,
  ) {
    const frames = 1024;
    this.ram = new Ram(new WebAssembly.Memory({ initial: frames / 16 }), 0, frames, 0x4a000);
    this.processor = new FakeProcessor(this.ram);
    this.clock = new Clock(this.processor);
    this.xen = new Hypervisor({ ram: this.ram, processor: this.processor, clock: this.clock, seed });
    this.xen.trace = { notice: (_domain, text) => this.notices.push(text) };
    this.domain = this.newDomain('test', vcpus);
  }

  newDomain(name: string, vcpus = 1): Domain {
    const domain = this.xen.createDomain({ name, pages: this.pages, vcpus, abi: 'x86_64' });
    if ('errno' in domain) throw new Error(domain.reason);
    this.buildTables(domain);
    const refusal = this.xen.setVcpuContext(domain, 0, {
      rip: va(0),
      rsp: va(PFN_STACK, 4096),
      rsi: va(PFN_SCRATCH),
      rootMfn: this.mfn(PFN_L4, domain),
    });
    if (refusal !== undefined) throw new Error(refusal.reason);
    this.xen.unpause(domain);
    return domain;
  }

  /** Page tables map themselves read-only, as the real builder does. */
  buildTables(domain: Domain): void {
    const table = U | A | P | RW;
    this.write64(PFN_L4, 511, this.entry(PFN_L3, table, domain), domain);
    this.write64(PFN_L3, 510, this.entry(PFN_L2, table, domain), domain);
    this.write64(PFN_L2, 0, this.entry(PFN_L1, table, domain), domain);
    for (let pfn = 0; pfn < this.pages; pfn++) {
      const isTable = pfn >= PFN_L4 && pfn <= PFN_L1;
      this.write64(PFN_L1, pfn, this.entry(pfn, P | U | A | (isTable ? 0 : RW), domain), domain);
    }
  }

  mfn(pfn: number, domain = this.domain): Mfn {
    const mfn = domain.mfnOf(pfn);
    if (mfn === undefined) throw new Error(`no frame behind pfn ${pfn}`);
    return mfn;
  }

  machine(pfn: number, offset = 0, domain = this.domain): MachineAddress {
    return (this.mfn(pfn, domain) * 4096 + offset) as MachineAddress;
  }

  /** An entry for a page of the domain, as a number (flags fit the low 12 bits). */
  entry(pfn: number, flags: number, domain = this.domain): number {
    return this.mfn(pfn, domain) * 4096 + flags;
  }

  /** Stores into a page as the toolstack would, unchecked. */
  write64(pfn: number, index: number, value: number, domain = this.domain): void {
    this.ram.write64(this.machine(pfn, index * 8, domain), lowHalf(value), highHalf(value));
  }

  read64(pfn: number, index: number): { low: number; high: number } {
    const at = this.ram.offsetOf(this.machine(pfn, index * 8)) >>> 2;
    return { low: this.ram.i32[at] as number, high: this.ram.i32[at + 1] as number };
  }

  /** 32-bit words at a guest address. */
  poke(address: number, ...words: number[]): void {
    words.forEach((word, index) => {
      this.processor.write32((address + index * 4) as VirtualAddress, word);
    });
  }

  peek32(address: number): number {
    return this.processor.read32(address as VirtualAddress) >>> 0;
  }

  /** Lets the current vCPU make one hypercall; what it sees in RAX, signed. */
  hypercall(number: number, ...args: number[]): number {
    let value = Number.NaN;
    this.hypercalls++;
    this.onVcpu((processor) => {
      processor.setAddress(RAX, number);
      [RDI, RSI, RDX, R10, R8].forEach((register, index) => {
        processor.setAddress(register, args[index] ?? 0);
      });
      return EXIT_SYSCALL;
    });
    value = this.processor.address(RAX);
    return value;
  }

  /** The same with the stack pointer somewhere. */
  hypercallAtStack(stack: number, number: number, ...args: number[]): number {
    this.processor.setAddress(RSP, stack);
    return this.hypercall(number, ...args);
  }

  /** One scripted step of the current vCPU. */
  onVcpu(step: (processor: FakeProcessor) => 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7): ReturnType<Hypervisor['run']> {
    this.processor.script.push(step);
    return this.xen.run(1);
  }

  get vcpu(): Vcpu {
    return this.domain.vcpus[0] as Vcpu;
  }

  lastReason(): string {
    return this.domain.refusals.at(-1)?.reason ?? '';
  }

  /** Loads the first vCPU, so that guest addresses can be read and written. */
  start(): this {
    this.xen.run(1);
    return this;
  }

  /** Sum of all counts over frames that nobody should hold, for leak checks. */
  frameCounts(domid: Domid): { frames: number; types: number } {
    let frames = 0;
    let types = 0;
    for (let mfn = this.ram.firstMfn; mfn < this.ram.endMfn; mfn++) {
      if (!this.xen.frames.owns(domid, mfn)) continue;
      const info = this.xen.frames.describe(mfn as Mfn);
      frames += info.count;
      types += info.typeCount;
    }
    return { frames, types };
  }
}
