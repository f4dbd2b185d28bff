import { PAGE_SIZE } from '../../base/numbers.ts';
import { packSymbols, type SymbolList } from '../../base/symbol-list.ts';
import { readSymbols } from '../../elf/elf-symbols.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import type { BootedDomain } from '../../xen/toolstack/machine-boot.ts';
import { readKallsyms } from './kallsyms.ts';

/** Symbols of a domain's kernel: those of its image, or, when it is stripped, its own kallsyms as they lie in memory. */
export function kernelSymbols(hypervisor: Hypervisor, booted: BootedDomain): SymbolList {
  const named = readSymbols(booted.image.elf);
  if (named.length > 0) {
    return packSymbols(named.map(({ name, value, size, kind }) => ({ name, address: value, size, kind })));
  }
  return readKallsyms(kernelMemory(hypervisor, booted), booted.image.virtKernelStart) ?? packSymbols([]);
}

/** The kernel's place in the domain's pseudo-physical memory, as it is now. Pages it has given back read as zeros. */
function kernelMemory({ ram }: Hypervisor, { image, domain }: BootedDomain): Uint8Array {
  const first = Math.floor((image.virtKernelStart - image.virtBase) / PAGE_SIZE);
  const end = Math.ceil((image.virtKernelEnd - image.virtBase) / PAGE_SIZE);
  const memory = new Uint8Array((end - first) * PAGE_SIZE);
  for (let pfn = first; pfn < end; pfn++) {
    const mfn = domain.mfnOf(pfn);
    if (mfn !== undefined) memory.set(ram.frame(mfn), (pfn - first) * PAGE_SIZE);
  }
  return memory;
}
