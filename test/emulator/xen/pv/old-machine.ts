import { EXIT_INT, RAX, RBX, RCX, RDI, RDX, RSI } from '../../../../emulator/x86/cpu/processor.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import type { FakeProcessor } from './fake-processor.ts';
import { A, D, P, RW, TestMachine, U } from './test-machine.ts';

/** Where an old test domain's pages are mapped, and its tables: a page directory, and one table. */
export const OLD_BASE = 0xc0000000;
export const PFN_DIRECTORY = 1;
export const PFN_TABLE = 2;
export const PFN_OLD_STACK = 5;
export const PFN_OLD_SCRATCH = 6;

export function oldVa(pfn: number, offset = 0): number {
  return OLD_BASE + pfn * 4096 + offset;
}

/** A machine with one domain of Xen 2.0 or 1.2 as its toolstack would have made it. */
export class OldMachine extends TestMachine {
  static abi: 'xen-2.0' | 'xen-1.2' = 'xen-2.0';

  override newDomain(name: string): Domain {
    const domain = this.xen.createDomain({ name, pages: this.pages, abi: OldMachine.abi });
    if ('errno' in domain) throw new Error(domain.reason);
    this.buildTables(domain);
    const refusal = this.xen.setVcpuContext(domain, 0, {
      rip: oldVa(0) as never,
      rsp: oldVa(PFN_OLD_STACK, 4096) as never,
      rsi: oldVa(PFN_OLD_SCRATCH) as never,
      rootMfn: this.mfn(PFN_DIRECTORY, domain),
    });
    if (refusal !== undefined) throw new Error(refusal.reason);
    this.xen.unpause(domain);
    return domain;
  }

  override buildTables(domain: Domain): void {
    this.ram.write32(
      this.machine(PFN_DIRECTORY, (OLD_BASE >>> 22) * 4, domain),
      this.entry(PFN_TABLE, P | RW | U | A | D, domain),
    );
    for (let pfn = 0; pfn < this.pages; pfn++) {
      const isTable = pfn === PFN_DIRECTORY || pfn === PFN_TABLE;
      this.ram.write32(this.machine(PFN_TABLE, pfn * 4, domain), this.entry(pfn, P | A | (isTable ? 0 : RW), domain));
    }
  }

  /** By int 0x82 from ring 1; what the guest sees in EAX, signed. */
  override hypercall(number: number, ...args: number[]): number {
    this.hypercalls++;
    this.onVcpu((processor: FakeProcessor) => {
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
