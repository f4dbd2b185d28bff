import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { EXIT_INT, RAX, RBX, RCX, RDI, RDX, RSI } from '../../../../emulator/x86/cpu/processor.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { A, D, P, RW, TestMachine, U } from './test-machine.ts';

/** Where a 32-bit test domain's pages are mapped. */
export const BASE_32 = 0xc0000000;
/** Its tables: an L3, an L2 for each gigabyte of which the last one has Xen's slots, one L1. */
export const PFN_L3_32 = 1;
export const PFN_L2_LOW = 2;
export const PFN_L2_XEN = 3;
export const PFN_L1_32 = 4;
export const PFN_STACK_32 = 5;
export const PFN_SCRATCH_32 = 6;

export function va32(pfn: number, offset = 0): VirtualAddress {
  return (BASE_32 + pfn * 4096 + offset) as VirtualAddress;
}

/** A machine with one 32-bit PAE domain as a toolstack would have made it. */
export class CompatMachine extends TestMachine {
  override newDomain(name: string, vcpus = 1): Domain {
    const domain = this.unstartedDomain(name, vcpus);
    const refusal = this.start32(domain);
    if (refusal !== undefined) throw new Error(refusal);
    this.xen.unpause(domain);
    return domain;
  }

  unstartedDomain(name: string, vcpus = 1): Domain {
    const domain = this.xen.createDomain({ name, pages: this.pages, vcpus, abi: 'x86_32p' });
    if ('errno' in domain) throw new Error(domain.reason);
    this.buildTables(domain);
    return domain;
  }

  /** The reason of a refusal. */
  start32(domain: Domain): string | undefined {
    return this.xen.setVcpuContext(domain, 0, {
      rip: va32(0),
      rsp: va32(PFN_STACK_32, 4096),
      rsi: va32(PFN_SCRATCH_32),
      rootMfn: this.mfn(PFN_L3_32, domain),
    })?.reason;
  }

  override buildTables(domain: Domain): void {
    this.write64(PFN_L3_32, 0, this.entry(PFN_L2_LOW, P, domain), domain);
    this.write64(PFN_L3_32, 3, this.entry(PFN_L2_XEN, P, domain), domain);
    this.write64(PFN_L2_XEN, 0, this.entry(PFN_L1_32, P | RW | U | A | D, domain), domain);
    for (let pfn = 0; pfn < this.pages; pfn++) {
      const isTable = pfn >= PFN_L3_32 && pfn <= PFN_L1_32;
      this.write64(PFN_L1_32, pfn, this.entry(pfn, P | A | (isTable ? 0 : RW), domain), domain);
    }
  }

  /** By int 0x82 from ring 1; what the guest sees in EAX, signed. */
  override hypercall(number: number, ...args: number[]): number {
    this.onVcpu((processor) => {
      processor.setRegister(RAX, number, 0);
      [RBX, RCX, RDX, RSI, RDI].forEach((register, index) => {
        processor.setRegister(register, (args[index] ?? 0) | 0, 0);
      });
      processor.exit.vector = 0x82;
      processor.exit.length = 2;
      return EXIT_INT;
    });
    return this.processor.low(RAX);
  }
}
