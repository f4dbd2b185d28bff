/** Where everything of a new Xen 1.2 domain goes (setup_guestos of tools/xc/lib/xc_linux_build.c). */
import { PAGE_SIZE } from '../../base/numbers.ts';
import { HYPERVISOR_VIRT_START } from '../public/xen-2.0/xen.ts';
import { notEnoughMemory, segmentTooLow } from './errors.ts';
import type { KernelImage } from './image/kernel-image.ts';

/** Addresses; pseudo-physical page 0 is at `start`. */
export interface Xen1Layout {
  readonly pages: number;
  readonly start: number;
  readonly ramdisk: number | undefined;
  readonly ramdiskBytes: number;
  readonly startInfo: number;
  /** First of the page tables; the highest page is the directory, and they are used from there down. */
  readonly pageTables: number;
  readonly directory: number;
}

/** @throws UserError `domain.*` */
export function planXen1Domain(image: KernelImage, pages: number, ramdiskSize: number | undefined): Xen1Layout {
  const start = image.virtBase >>> 0;
  const kernelPages = Math.ceil(((image.virtKernelEnd >>> 0) - start) / PAGE_SIZE);
  const ramdiskPages = Math.ceil((ramdiskSize ?? 0) / PAGE_SIZE);
  // No more than half of the memory.
  if (kernelPages + ramdiskPages > Math.floor(pages / 2))
    throw notEnoughMemory('the kernel with its ramdisk', (kernelPages + ramdiskPages) * 2, pages);
  if (start + pages * PAGE_SIZE > HYPERVISOR_VIRT_START) throw segmentTooLow(start, HYPERVISOR_VIRT_START);
  const tables = Math.ceil((((start / PAGE_SIZE) & 1023) + pages) / 1024) + 1;
  const address = (pfn: number): number => start + pfn * PAGE_SIZE;
  return {
    ...{ pages, start, ramdiskBytes: ramdiskSize ?? 0 },
    ramdisk: ramdiskSize === undefined ? undefined : address(kernelPages),
    startInfo: address(pages - tables - 2),
    pageTables: address(pages - tables),
    directory: address(pages - 1),
  };
}
