/**
 * Where everything of a new PV domain goes, in pages: the order and arithmetic of libxenguest's xc_dom_build_image
 * (tools/libs/guest/xg_dom_core.c, xg_dom_x86.c), so that a guest sees what it would see on a real Xen.
 *
 *   kernel → [ramdisk, if mapped] → [P2M, without INIT_P2M] → start info → xenstore → console → page tables →
 *   boot stack → padding to 4 MiB with at least 512 KiB → [ramdisk, if unmapped] → [P2M and its tables, with INIT_P2M]
 */
import { PAGE_SIZE } from '../../base/numbers.ts';
import { notEnoughMemory, segmentNotAligned, segmentTooLow } from './errors.ts';
import type { KernelImage } from './image/kernel-image.ts';
import { countPageTables, PAE, type PageTableMapping, type PagingGeometry, X86_64 } from './page-table-layout.ts';

export interface Segment {
  readonly name:
    | 'kernel'
    | 'module0'
    | 'phys2mach'
    | 'start info'
    | 'xenstore'
    | 'console'
    | 'page tables'
    | 'boot stack';
  readonly virtualStart: number;
  /** Not rounded to pages. */
  readonly virtualEnd: number;
  readonly pfn: number;
  readonly pages: number;
}

export interface DomainLayout {
  readonly pages: number;
  readonly geometry: PagingGeometry;
  readonly kernel: Segment;
  readonly ramdisk: Segment | undefined;
  readonly p2m: Segment;
  /** Address of the P2M as the guest sees it: INIT_P2M, or `p2m.virtualStart`. */
  readonly p2mAddress: number;
  /** The P2M lies at INIT_P2M, outside the first mapping. */
  readonly p2mOutside: boolean;
  readonly startInfo: Segment;
  readonly xenstore: Segment;
  readonly console: Segment;
  readonly pageTables: Segment;
  readonly bootStack: Segment;
  /** One past the last address that the first page tables map. */
  readonly virtualEnd: number;
  /** The ramdisk is given to the guest as a pfn and not mapped. */
  readonly ramdiskUnmapped: boolean;
  /** The kernel's mapping first, then that of the P2M. */
  readonly mappings: readonly PageTableMapping[];
  /** What was done, in order, for the account that xl -vvv would print. */
  readonly steps: readonly LayoutStep[];
}

export type LayoutStep =
  | { readonly kind: 'segment' | 'page'; readonly segment: Segment }
  | { readonly kind: 'tables'; readonly mapping: PageTableMapping; readonly attempt: number }
  | { readonly kind: 'end'; readonly allocated: number; readonly mapped: number };

const PADDING_BYTES = 512 * 1024;
const PADDING_BOUNDARY = 4 * 1024 * 1024;

/** `ramdiskSize` in bytes as loaded, undefined for none. @throws UserError `domain.*` */
export function planDomain(image: KernelImage, pages: number, ramdiskSize: number | undefined): DomainLayout {
  const geometry = image.guestType === 'xen-3.0-x86_64' ? X86_64 : PAE;
  const allocator = new PageAllocator(image.virtBase, pages);
  const steps = allocator.steps;
  if (image.virtKernelStart !== 0) allocator.padTo(image.virtKernelStart);
  const kernel = allocator.segment('kernel', image.virtKernelEnd - image.virtKernelStart);

  const ramdiskUnmapped = image.parameters.modStartPfn;
  let ramdisk: Segment | undefined;
  if (ramdiskSize !== undefined && !ramdiskUnmapped) ramdisk = allocator.segment('module0', ramdiskSize);

  const p2mBytes = roundToPages(pages * geometry.frameBytes);
  const initP2m = usableInitP2m(image, geometry);
  let p2m = initP2m === undefined ? allocator.segment('phys2mach', p2mBytes) : undefined;

  const startInfo = allocator.page('start info');
  const xenstore = allocator.page('xenstore');
  const console = allocator.page('console');
  const { mapping, end } = planKernelMapping(image.virtBase, geometry, allocator, pages);
  const mappings = [mapping];
  const pageTables = allocator.segment('page tables', mapping.tables * PAGE_SIZE);
  const bootStack = allocator.page('boot stack');
  steps.push({ kind: 'end', allocated: allocator.virtualEnd, mapped: end });
  allocator.padTo(end);

  if (ramdiskSize !== undefined && ramdiskUnmapped) ramdisk = allocator.segment('module0', ramdiskSize);
  if (initP2m !== undefined) {
    const area = { from: initP2m, to: initP2m + p2mBytes - 1, pfn: allocator.pfnEnd };
    const tablesAt = allocator.pfnEnd + p2mBytes / PAGE_SIZE;
    const p2mMapping = countPageTables(geometry, mappings, area, tablesAt, pages);
    steps.push({ kind: 'tables', mapping: p2mMapping, attempt: 0 });
    mappings.push(p2mMapping);
    p2m = allocator.segment('phys2mach', p2mBytes + p2mMapping.tables * PAGE_SIZE);
  }
  return {
    pages,
    geometry,
    kernel,
    ramdisk,
    p2m: p2m as Segment,
    p2mAddress: initP2m ?? (p2m as Segment).virtualStart,
    p2mOutside: initP2m !== undefined,
    startInfo,
    xenstore,
    console,
    pageTables,
    bootStack,
    virtualEnd: end,
    ramdiskUnmapped: ramdiskSize !== undefined && ramdiskUnmapped,
    mappings,
    steps,
  };
}

/** INIT_P2M is honoured by 64-bit guests only, and only when it is page aligned and below VIRT_BASE (unsigned). */
function usableInitP2m(image: KernelImage, geometry: PagingGeometry): number | undefined {
  const address = image.parameters.initP2m;
  if (address === undefined || geometry !== X86_64 || address % PAGE_SIZE !== 0) return undefined;
  const below = address < 0 === image.virtBase < 0 ? address < image.virtBase : image.virtBase < 0;
  return below ? address : undefined;
}

/**
 * The page tables lie inside what they map, so their number is found by trying: enough for everything so far, the
 * tables, the boot stack and the padding, rounded up to 4 MiB.
 */
function planKernelMapping(
  virtBase: number,
  geometry: PagingGeometry,
  allocator: PageAllocator,
  totalPages: number,
): { readonly mapping: PageTableMapping; readonly end: number } {
  const extraPages = 1 + PADDING_BYTES / PAGE_SIZE;
  let pages = extraPages;
  for (let attempt = 0; ; attempt++) {
    const lastByte = roundUp(allocator.virtualEnd + pages * PAGE_SIZE + 1, PADDING_BOUNDARY) - 1;
    const area = { from: virtBase, to: lastByte, pfn: 0 };
    const mapping = countPageTables(geometry, [], area, allocator.pfnEnd, totalPages);
    allocator.steps.push({ kind: 'tables', mapping, attempt });
    pages = mapping.tables + extraPages;
    if (allocator.virtualEnd + pages * PAGE_SIZE <= lastByte + 1) return { mapping, end: lastByte + 1 };
  }
}

class PageAllocator {
  readonly steps: LayoutStep[] = [];
  pfnEnd = 0;
  virtualEnd: number;

  constructor(
    virtBase: number,
    private readonly totalPages: number,
  ) {
    this.virtualEnd = virtBase;
  }

  segment(name: Segment['name'], bytes: number): Segment {
    const segment = this.take(name, Math.ceil(bytes / PAGE_SIZE), bytes);
    this.steps.push({ kind: 'segment', segment });
    return segment;
  }

  page(name: Segment['name']): Segment {
    const segment = this.take(name, 1, PAGE_SIZE);
    this.steps.push({ kind: 'page', segment });
    return segment;
  }

  padTo(boundary: number): void {
    if (boundary % PAGE_SIZE !== 0) throw segmentNotAligned(boundary);
    if (boundary < this.virtualEnd) throw segmentTooLow(boundary, this.virtualEnd);
    this.advance('padding', (boundary - this.virtualEnd) / PAGE_SIZE);
  }

  private take(name: Segment['name'], pages: number, bytes: number): Segment {
    const pfn = this.pfnEnd;
    const virtualStart = this.virtualEnd;
    this.advance(name, pages);
    return { name, virtualStart, virtualEnd: virtualStart + bytes, pfn, pages };
  }

  private advance(what: string, pages: number): void {
    if (this.pfnEnd + pages > this.totalPages) throw notEnoughMemory(what, this.pfnEnd + pages, this.totalPages);
    this.pfnEnd += pages;
    this.virtualEnd += pages * PAGE_SIZE;
  }
}

function roundToPages(bytes: number): number {
  return roundUp(bytes, PAGE_SIZE);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
