/**
 * Where a guest keeps its list of frames, by pfn, as it tells tools in shared info (struct arch_shared_info of
 * public/arch-x86/xen.h): as one array in its address space (p2m_cr3, p2m_vaddr), or as a tree of three levels
 * (pfn_to_mfn_frame_list_list).
 */
import { type MachineAddress, type Mfn, PAGE_SIZE } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import { machineAddressOf } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import { type SharedInfoField, sharedInfoAddress } from '../common/shared-info.ts';
import { entryFrame, PAGE_PRESENT } from '../pv/page-table-entry.ts';

export interface GuestP2m {
  /** How many pfns the list covers. */
  readonly entries: number;
  /** The pages that it lies in, by pfn; one page may stand for several stretches that hold nothing. */
  readonly pages: readonly number[];
}

/** 16 GB: no domain here is larger. */
const MAX_ENTRIES = 1 << 22;

export function findGuestP2m(xen: Hypervisor, domain: Domain): GuestP2m | Refusal {
  const entries = readField(xen, domain, 'arch_max_pfn');
  if (entries === 0 || entries > MAX_ENTRIES)
    return refuse('EINVAL', `the guest says that it has ${entries} pfns (max_pfn in shared info)`);
  const perPage = PAGE_SIZE / (domain.width / 8);
  const count = Math.ceil(entries / perPage);
  const cr3 = readField(xen, domain, 'arch_p2m_cr3');
  const mfns = cr3 === 0 ? pagesOfTree(xen, domain, count) : pagesOfArray(xen, domain, cr3, count);
  if (isRefusal(mfns)) return mfns;
  const pages: number[] = [];
  for (const mfn of mfns) {
    const pfn = pfnOf(xen, domain, mfn);
    if (pfn === undefined) return refuse('EINVAL', `the guest's list of frames lies in mfn ${hex(mfn)}, not its own`);
    pages.push(pfn);
  }
  return { entries, pages };
}

/** The pfn of a frame, if it is one of the domain's pages. */
export function pfnOf(xen: Hypervisor, domain: Domain, mfn: number): number | undefined {
  if (!xen.frames.owns(domain.domid, mfn)) return undefined;
  const pfn = xen.m2p.get(mfn as Mfn);
  return domain.p2m[pfn] === mfn ? pfn : undefined;
}

function readField(xen: Hypervisor, domain: Domain, field: SharedInfoField): number {
  return readWord(xen, domain, sharedInfoAddress(domain, field));
}

function readWord({ ram }: Hypervisor, { width }: Domain, address: MachineAddress): number {
  const at = ram.offsetOf(address) >>> 2;
  const low = (ram.i32[at] as number) >>> 0;
  return width === 32 ? low : ((ram.i32[at + 1] as number) >>> 0) * 4294967296 + low;
}

function pagesOfTree(xen: Hypervisor, domain: Domain, count: number): number[] | Refusal {
  const top = readField(xen, domain, 'arch_pfn_to_mfn_frame_list_list');
  if (pfnOf(xen, domain, top) === undefined)
    return refuse('EINVAL', 'the guest has not said where its list of frames is (shared info)');
  const bytes = domain.width / 8;
  const perPage = PAGE_SIZE / bytes;
  const wordOf = (frame: number, index: number): number =>
    readWord(xen, domain, (machineAddressOf(frame as Mfn) + index * bytes) as MachineAddress);
  const found: number[] = [];
  for (let index = 0; index < count; index++) {
    const middle = index >= perPage * perPage ? -1 : wordOf(top, Math.floor(index / perPage));
    if (pfnOf(xen, domain, middle) === undefined)
      return refuse('EINVAL', `mfn ${hex(middle)} in the guest's tree of frame lists is not its own`);
    found.push(wordOf(middle, index % perPage));
  }
  return found;
}

function pagesOfArray(xen: Hypervisor, domain: Domain, cr3: number, count: number): number[] | Refusal {
  // A 32-bit guest's CR3 has the frame number's high bits in its low ones (xen_cr3_to_pfn).
  const root = domain.width === 64 ? Math.floor(cr3 / PAGE_SIZE) : ((cr3 >>> 12) | (cr3 << 20)) >>> 0;
  const start = sharedInfoAddress(domain, 'arch_p2m_vaddr');
  const at = xen.ram.offsetOf(start) >>> 2;
  const low = BigInt((xen.ram.i32[at] as number) >>> 0);
  const high = domain.width === 32 ? 0n : BigInt((xen.ram.i32[at + 1] as number) >>> 0);
  const address = (high << 32n) | low;
  const found: number[] = [];
  for (let page = 0; page < count; page++) {
    const mfn = walk(xen, domain, root, address + BigInt(page * PAGE_SIZE));
    if (mfn === undefined) return refuse('EINVAL', `page ${page} of the guest's list of frames is not mapped`);
    found.push(mfn);
  }
  return found;
}

/** The frame behind an address under some root of the guest's. */
function walk(xen: Hypervisor, domain: Domain, root: number, address: bigint): number | undefined {
  let table = root;
  for (let level = domain.width === 64 ? 4 : 3; level > 0; level--) {
    if (!xen.frames.owns(domain.domid, table)) return undefined;
    const slot = Number((address >> BigInt(3 + 9 * level)) & 0x1ffn);
    const at = xen.ram.offsetOf((machineAddressOf(table as Mfn) + slot * 8) as MachineAddress) >>> 2;
    const low = xen.ram.i32[at] as number;
    if ((low & PAGE_PRESENT) === 0) return undefined;
    table = entryFrame(low, xen.ram.i32[at + 1] as number);
  }
  return table;
}
