/**
 * A suspended domain without a machine around it: its pages with pfns instead of mfns in page tables, and its vCPUs. It
 * is what xc_domain_save writes for a PV domain (tools/libs/guest/xg_sr_save_x86_pv.c), here in memory.
 *
 * NOT IMPLEMENTED: domains that map frames of others; page tables that the guest has not pinned, as in Xen.
 */
import type { Mfn } from '../../base/numbers.ts';
import { copyPlain, type PlainData } from '../../machine/plain-data.ts';
import { RDX } from '../../x86/cpu/processor.ts';
import type { Domain, GuestAbi } from '../common/domain.ts';
import { FRAME_PINNED, FRAME_VALIDATED, type FrameType, TYPE_L1, TYPE_L2, TYPE_L4 } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { StructView, type Width } from '../public/struct.ts';
import { COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT, START_INFO } from '../public/xen-4/xen.ts';
import { isGuestL4Slot } from '../pv/mm-validate.ts';
import { entryFrame, entryHigh, PAGE_PRESENT } from '../pv/page-table-entry.ts';
import { findGuestP2m, type GuestP2m, pfnOf } from './guest-p2m.ts';

export interface ImagePage {
  /** Of a page table in use, its level; 0 for all else. */
  readonly level: FrameType;
  readonly pinned: boolean;
  /** Undefined for zeros. */
  readonly bytes: Uint8Array | undefined;
}

export interface ImageVcpu {
  readonly fields: Readonly<Record<string, PlainData>>;
  readonly kernelRoot: number | undefined;
  readonly userRoot: number | undefined;
  readonly gdtFrames: readonly number[];
  readonly gdtEntries: number;
}

export interface DomainImage {
  readonly name: string;
  readonly abi: GuestAbi;
  readonly width: Width;
  readonly handle: Uint8Array;
  readonly memoryMap: Uint8Array;
  readonly maxPages: number;
  /** Pfns that the domain could ever have. */
  readonly span: number;
  readonly assists: number;
  readonly m2pStrict: boolean;
  /** By pfn, ascending. */
  readonly pages: ReadonlyMap<number, ImagePage>;
  readonly p2m: GuestP2m;
  /** Pfns: what the guest leaves in start_info for the restore. */
  readonly startInfo: number;
  readonly store: number;
  readonly console: number;
  readonly sharedInfo: Uint8Array;
  readonly vcpus: readonly ImageVcpu[];
}

/** Everything of a vCPU that outlives a restore (vcpu_guest_context); frames are kept apart. */
const CARRIED = [
  ...['initialised', 'offline', 'kernelMode', 'registers', 'kernelSp', 'kernelSs', 'traps'],
  ...['gsBaseKernelLow', 'gsBaseKernelHigh', 'gsBaseUserLow', 'gsBaseUserHigh'],
  ...['eventCallback', 'failsafeCallback', 'syscallCallback', 'syscall32Callback', 'sysenterCallback', 'nmiCallback'],
  ...['ldtBase', 'ldtEntries', 'cr4', 'debugRegisters', 'iopl', 'ioBitmap', 'ioBitmapPorts'],
] as readonly (keyof Vcpu)[];

/** The registers of a vCPU in the processor must have been saved. Refused, with nothing changed, where it cannot be done. */
export function captureDomain(xen: Hypervisor, domain: Domain): DomainImage | Refusal {
  const first = domain.vcpus[0];
  if (!domain.suspended || first === undefined) return refuse('EINVAL', `domain ${domain.domid} is not suspended`);
  const p2m = findGuestP2m(xen, domain);
  if (isRefusal(p2m)) return p2m;
  const pages = capturePages(xen, domain);
  if (isRefusal(pages)) return pages;
  // SCHEDOP_shutdown's third argument: the frame of start_info, in which the guest has put pfns by now.
  const startInfo = pfnOf(xen, domain, (first.registers.low[RDX] as number) >>> 0);
  if (startInfo === undefined) return refuse('EINVAL', 'the guest suspended itself without naming its start_info');
  const bytes = pages.get(startInfo)?.bytes ?? new Uint8Array(4096);
  const info = new StructView(START_INFO, domain.width, bytes);
  const store = info.get('store_mfn');
  const console = info.get('console_mfn');
  if (!pages.has(store) || !pages.has(console))
    return refuse('EINVAL', `start_info names pfns ${store} and ${console} for xenstore and console`);
  const vcpus: ImageVcpu[] = [];
  for (const vcpu of domain.vcpus) {
    const captured = captureVcpu(xen, domain, vcpu);
    if (isRefusal(captured)) return captured;
    vcpus.push(captured);
  }
  return {
    ...{ name: domain.name, abi: domain.abi, width: domain.width, handle: domain.handle.slice() },
    ...{ memoryMap: domain.memoryMap.slice(), maxPages: domain.maxPages, span: domain.p2m.length },
    ...{ assists: domain.assists, m2pStrict: domain.m2pStrict },
    ...{ pages, p2m, startInfo, store, console, vcpus },
    sharedInfo: xen.ram.frame(domain.sharedInfoMfn).slice(),
  };
}

function capturePages(xen: Hypervisor, domain: Domain): Map<number, ImagePage> | Refusal {
  const pages = new Map<number, ImagePage>();
  for (let pfn = 0; pfn < domain.p2m.length; pfn++) {
    const mfn = domain.mfnOf(pfn);
    if (mfn === undefined) continue;
    const level = tableLevel(xen, mfn);
    const pinned = ((xen.frames.flags[mfn - xen.frames.first] as number) & FRAME_PINNED) !== 0;
    const bytes = isZero(xen, mfn) ? undefined : xen.ram.frame(mfn).slice();
    if (level !== 0 && bytes !== undefined) {
      const refusal = canonicalise(xen, domain, mfn, level, bytes);
      if (refusal !== undefined) return refusal;
    }
    pages.set(pfn, { level, pinned, bytes });
  }
  return pages;
}

function tableLevel(xen: Hypervisor, mfn: Mfn): FrameType {
  const index = mfn - xen.frames.first;
  const type = xen.frames.types[index] as FrameType;
  const valid = ((xen.frames.flags[index] as number) & FRAME_VALIDATED) !== 0;
  const used = valid && (xen.frames.typeCounts[index] as number) > 0;
  return used && type >= TYPE_L1 && type <= TYPE_L4 ? type : 0;
}

function isZero({ ram }: Hypervisor, mfn: Mfn): boolean {
  const start = ram.offset(mfn) >>> 2;
  for (let at = start; at < start + 1024; at++) if (ram.i32[at] !== 0) return false;
  return true;
}

/** Pfns for mfns, and nothing in the slots that are Xen's. */
function canonicalise(
  xen: Hypervisor,
  domain: Domain,
  mfn: Mfn,
  level: FrameType,
  bytes: Uint8Array,
): Refusal | undefined {
  const words = new Int32Array(bytes.buffer);
  const compatXen = level === TYPE_L2 && xen.references.isPaeXenL2(mfn);
  for (let slot = 0; slot < 512; slot++) {
    const xens =
      domain.width === 64
        ? level === TYPE_L4 && !isGuestL4Slot(slot)
        : compatXen && slot >= COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT;
    const low = xens ? 0 : (words[slot * 2] as number);
    const high = xens ? 0 : (words[slot * 2 + 1] as number);
    if (xens) {
      words[slot * 2] = 0;
      words[slot * 2 + 1] = 0;
    }
    if ((low & PAGE_PRESENT) === 0) continue;
    const frame = entryFrame(low, high);
    const pfn = pfnOf(xen, domain, frame);
    if (pfn === undefined)
      return refuse('EBUSY', `L${level} table ${hex(mfn)} slot ${slot} maps mfn ${hex(frame)}, which is not its own`);
    retarget(words, slot, pfn);
  }
  return undefined;
}

/** Another frame number in an entry, with all else as it is. */
export function retarget(words: Int32Array, slot: number, frame: number): void {
  const low = words[slot * 2] as number;
  const high = words[slot * 2 + 1] as number;
  words[slot * 2] = (frame << 12) | (low & 0xfff);
  words[slot * 2 + 1] = (high & 0xfff00000) | entryHigh(frame);
}

function captureVcpu(xen: Hypervisor, domain: Domain, vcpu: Vcpu): ImageVcpu | Refusal {
  const fields: Record<string, PlainData> = {};
  for (const name of CARRIED) fields[name] = copyPlain(vcpu[name], name);
  const frames: (number | undefined)[] = [vcpu.kernelRoot, vcpu.userRoot, ...vcpu.gdtFrames];
  const pfns = frames.map((mfn) => (mfn === undefined ? undefined : (pfnOf(xen, domain, mfn) ?? -1)));
  const stray = pfns.indexOf(-1);
  if (stray >= 0)
    return refuse('EINVAL', `vCPU ${vcpu.index} uses mfn ${hex(frames[stray] as number)}, which has no pfn`);
  const [kernelRoot, userRoot, ...gdtFrames] = pfns;
  return { fields, kernelRoot, userRoot, gdtFrames: gdtFrames as number[], gdtEntries: vcpu.gdtEntries };
}
