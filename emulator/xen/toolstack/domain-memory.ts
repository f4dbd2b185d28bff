import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import { PAGE_SIZE } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Domain } from '../common/domain.ts';

/** A new domain's memory by pseudo-physical page. */
export class DomainMemory {
  constructor(
    private readonly ram: Ram,
    private readonly domain: Domain,
  ) {}

  mfn(pfn: number): Mfn {
    return this.domain.p2m[pfn] as Mfn;
  }

  /** `offset` may exceed a page. */
  write(pfn: number, offset: number, bytes: Uint8Array): void {
    let page = pfn + Math.floor(offset / PAGE_SIZE);
    let inPage = offset % PAGE_SIZE;
    for (let at = 0; at < bytes.length; page++) {
      const chunk = Math.min(PAGE_SIZE - inPage, bytes.length - at);
      this.ram.writeBytes((this.mfn(page) * PAGE_SIZE + inPage) as MachineAddress, bytes.subarray(at, at + chunk));
      at += chunk;
      inPage = 0;
    }
  }

  /** An entry of 64 bits: PAE and 4-level tables. */
  writeEntry(tablePfn: number, index: number, targetPfn: number, flags: number): void {
    const target = this.mfn(targetPfn);
    const low = ((target << 12) | flags) >>> 0;
    const high = target >>> 20;
    this.ram.write64((this.mfn(tablePfn) * PAGE_SIZE + index * 8) as MachineAddress, low, high);
  }

  /** An entry of 32 bits: two-level tables. */
  writeEntry32(tablePfn: number, index: number, targetPfn: number, flags: number): void {
    const address = (this.mfn(tablePfn) * PAGE_SIZE + index * 4) as MachineAddress;
    this.ram.write32(address, (this.mfn(targetPfn) << 12) | flags);
  }
}
