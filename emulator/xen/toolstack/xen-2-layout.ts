/**
 * Where everything of a new Xen 2.0 domain goes: the order and arithmetic of setup_guestos (tools/libxc/xc_linux_build.c
 * of 2.0).
 *
 *   kernel → [ramdisk] → P2M → page directory and page tables → start info → boot stack → padding to 4 MiB with at
 *   least 512 KiB
 */
import { PAGE_SIZE } from '../../base/numbers.ts';
import { notEnoughMemory } from './errors.ts';
import type { KernelImage } from './image/kernel-image.ts';

const TABLE_SPAN = 4 * 1024 * 1024;
const PADDING_BYTES = 512 * 1024;

export interface Xen2Layout {
  readonly pages: number;
  /** Addresses; pseudo-physical page 0 is at `start`. */
  readonly start: number;
  readonly kernelEnd: number;
  readonly ramdisk: number | undefined;
  readonly ramdiskBytes: number;
  readonly p2m: number;
  readonly pageTables: number;
  /** The page directory among them. */
  readonly tables: number;
  readonly startInfo: number;
  readonly bootStack: number;
  /** One past the last address that the first page tables map. */
  readonly end: number;
}

/** `ramdiskSize` in bytes, undefined for none. @throws UserError `domain.*` */
export function planXen2Domain(image: KernelImage, pages: number, ramdiskSize: number | undefined): Xen2Layout {
  const start = image.virtBase >>> 0;
  const kernelEnd = image.virtKernelEnd >>> 0;
  const afterKernel = roundUp(kernelEnd, PAGE_SIZE);
  const p2m = roundUp(afterKernel + (ramdiskSize ?? 0), PAGE_SIZE);
  const pageTables = roundUp(p2m + pages * 4, PAGE_SIZE);
  // The tables lie inside what they map, so that their number is found by trying.
  for (let tables = 2; ; tables++) {
    const startInfo = pageTables + tables * PAGE_SIZE;
    const bootStack = startInfo + PAGE_SIZE;
    const used = bootStack + PAGE_SIZE;
    let end = roundUp(used, TABLE_SPAN);
    if (end - used < PADDING_BYTES) end += TABLE_SPAN;
    if (Math.ceil((end - start) / TABLE_SPAN) + 1 > tables) continue;
    const needed = (end - start) / PAGE_SIZE;
    if (needed > pages) throw notEnoughMemory('the initial mapping', needed, pages);
    const ramdisk = ramdiskSize === undefined ? undefined : afterKernel;
    const ramdiskBytes = ramdiskSize ?? 0;
    return {
      ...{ pages, start, kernelEnd, ramdisk, ramdiskBytes, p2m, pageTables, tables, startInfo, bootStack, end },
    };
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
