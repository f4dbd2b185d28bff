import { assert } from '../../base/assert.ts';
import type { Domid, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import { StructView } from '../public/struct.ts';
import {
  DOMID_ARGUMENT,
  XEN_ADD_TO_PHYSMAP,
  XEN_ADD_TO_PHYSMAP_BATCH,
  type XEN_FOREIGN_MEMORY_MAP,
  type XEN_MACHPHYS_MAPPING,
  type XEN_MACHPHYS_MFN_LIST,
  type XEN_MEM_ACCESS_OP,
  type XEN_MEM_ACQUIRE_RESOURCE,
  XEN_MEMORY_EXCHANGE,
  type XEN_MEMORY_MAP,
  XEN_MEMORY_RESERVATION,
  type XEN_POD_TARGET,
  XEN_REMOVE_FROM_PHYSMAP,
  XEN_RESERVED_DEVICE_MEMORY_MAP,
  type XEN_VNUMA_TOPOLOGY_INFO,
} from '../public/xen-4/memory.ts';
import {
  MACH2PHYS_COMPAT_NR_ENTRIES,
  MACH2PHYS_COMPAT_VIRT_END,
  MACH2PHYS_COMPAT_VIRT_START,
  MACH2PHYS_VIRT_START,
} from '../public/xen-4/xen.ts';
import type { Domain } from './domain.ts';
import { DOMID_SELF } from './frame-table.ts';
import { faultAt, isGuestHandle, readStruct, writeStruct, writeWord } from './guest-access.ts';
import type { Hypervisor } from './hypervisor.ts';
import { ERRNO, hex, isRefusal, type Refusal, refuse } from './refusal.ts';
import { sharedInfoAddress } from './shared-info.ts';

/** memory_op as an unprivileged PV domain gets it (common/memory.c, arch/x86/mm.c). */

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;
type Reservation = View<typeof XEN_MEMORY_RESERVATION>;

/** CONFIG_DOMU_MAX_ORDER. */
const MAX_ORDER = 9;
const XENMEMF_POPULATE_ON_DEMAND = 1 << 16;
const E820_ENTRY_BYTES = 20;
const E820_MAX = 1024;
/** 256 GiB of 8-byte entries: what the address space between M2P start and end holds. */
const MACH2PHYS_ENTRIES = 0x4000000000 / 8;
const MACH2PHYS_VIRT_END = MACH2PHYS_VIRT_START + 0x4000000000;

function checkDomid({ xen, domain }: HypercallContext, domid: number): Refusal | undefined {
  if (domid === DOMID_SELF || domid === domain.domid) return undefined;
  if (domid !== 0 && !xen.domains.has(domid as Domid)) return refuse('ESRCH', `there is no domain ${domid}`);
  return refuse('EPERM', `memory of domain ${domid} is not domain ${domain.domid}'s to manage`);
}

/** Reads the n-th frame number of a guest's extent list. */
function extentAt(xen: Hypervisor, domain: Domain, list: number, index: number): number | undefined {
  const size = domain.width / 8;
  const bytes = xen.processor.readVirtual((list + index * size) as VirtualAddress, size);
  if (bytes === undefined) return undefined;
  const data = new DataView(bytes.buffer, bytes.byteOffset, size);
  return data.getUint32(0, true) + (size === 8 ? data.getUint32(4, true) * 4294967296 : 0);
}

function storeExtent(xen: Hypervisor, domain: Domain, list: number, index: number, value: number): boolean {
  const size = domain.width === 64 ? 8 : 4;
  return writeWord(xen, (list + index * size) as VirtualAddress, value, size);
}

/** Bits of the command above these say at which extent a continued operation goes on (MEMOP_EXTENT_SHIFT). */
const MEMOP_EXTENT_SHIFT = 6;
const MAX_EXTENTS = 0xffffffff >>> MEMOP_EXTENT_SHIFT;

/** Address bits that mem_flags ask for; all when they ask for none. */
function addressBits(flags: number): number {
  return (flags & 0xff) === 0 ? 64 : flags & 0xff;
}

/** Operations other than on extents cannot be continued. */
export function withoutContinuation(run: (call: HypercallContext) => HypercallResult) {
  return (call: HypercallContext): HypercallResult =>
    call.args.u32(0) >>> MEMOP_EXTENT_SHIFT === 0 ? run(call) : refuse('EINVAL', 'a continuation of no such operation');
}

/** Checks that hold for a reservation as a whole. */
function checkReservation(call: HypercallContext, op: Reservation, needsList: boolean): Refusal | undefined {
  const order = op.get('extent_order');
  const list = op.get('extent_start');
  if (op.get('nr_extents') > MAX_EXTENTS) return refuse('EINVAL', `${op.get('nr_extents')} extents`);
  const bad = checkDomid(call, op.get('domid'));
  if (bad !== undefined) return bad;
  if (addressBits(op.get('mem_flags')) <= 12) return refuse('EINVAL', 'no frame has so short an address');
  if ((needsList || list !== 0) && !isGuestHandle(call.domain, list)) return faultAt('extent list', list);
  return order > MAX_ORDER ? refuse('EINVAL', `extent order ${order} is above ${MAX_ORDER}`) : undefined;
}

/**
 * Runs an operation on each extent; the answer is how many were done, never an error number. What went wrong is noted.
 */
function forEachExtent(
  call: HypercallContext,
  needsList: boolean,
  run: (op: Reservation, frame: number, index: number) => Refusal | undefined,
): HypercallResult {
  const { xen, domain, args } = call;
  const start = args.u32(0) >>> MEMOP_EXTENT_SHIFT;
  const op = readStruct(xen, domain, args.address(1), XEN_MEMORY_RESERVATION);
  const bad = isRefusal(op) ? op : checkReservation(call, op, needsList);
  if (bad !== undefined || isRefusal(op)) {
    xen.notice(domain, 'memory_op', bad as Refusal);
    return start;
  }
  const count = op.get('nr_extents');
  const list = op.get('extent_start');
  for (let index = start; index < count; index++) {
    const frame = list === 0 ? 0 : extentAt(xen, domain, list, index);
    const refusal = frame === undefined ? faultAt('extent list', list) : run(op, frame, index);
    if (refusal !== undefined) {
      xen.notice(domain, 'memory_op', { ...refusal, reason: `extent ${index}: ${refusal.reason}` });
      return index;
    }
  }
  return Math.max(start, count);
}

/** XENMEM_increase_reservation: new frames, told by number; they have no pfn until the guest gives them one. */
export function doIncreaseReservation(call: HypercallContext): HypercallResult {
  const { xen, domain } = call;
  return forEachExtent(call, false, (op, _frame, index) => {
    const list = op.get('extent_start');
    const mfn = xen.allocateExtent(domain, op.get('extent_order'), addressBits(op.get('mem_flags')));
    if (isRefusal(mfn)) return mfn;
    return list !== 0 && !storeExtent(xen, domain, list, index, mfn) ? faultAt('extent list', list) : undefined;
  });
}

/** XENMEM_populate_physmap: new frames for given pfns, told by number. */
export function doPopulatePhysmap(call: HypercallContext): HypercallResult {
  const { xen, domain } = call;
  return forEachExtent(call, true, (op, pfn, index) => {
    if ((op.get('mem_flags') & XENMEMF_POPULATE_ON_DEMAND) !== 0)
      return refuse('EINVAL', 'a domain cannot populate itself on demand');
    const order = op.get('extent_order');
    const list = op.get('extent_start');
    const mfn = xen.allocateExtent(domain, order, addressBits(op.get('mem_flags')));
    if (isRefusal(mfn)) return mfn;
    for (let page = 0; page < 1 << order; page++) xen.setPfn((mfn + page) as Mfn, pfn + page, 0);
    return storeExtent(xen, domain, list, index, mfn) ? undefined : faultAt('extent list', list);
  });
}

/** XENMEM_decrease_reservation: frames given back; each is free as soon as nothing maps it. */
export function doDecreaseReservation(call: HypercallContext): HypercallResult {
  const { xen, domain } = call;
  return forEachExtent(call, true, (op, frame) => {
    for (let page = 0; page < 1 << op.get('extent_order'); page++) {
      const refusal = removePage(xen, domain, frame + page);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  });
}

function removePage(xen: Hypervisor, domain: Domain, frame: number): Refusal | undefined {
  if (!xen.frames.owns(domain.domid, frame)) return xen.references.notOwned(frame, domain.domid);
  if (xen.isXenHeap(frame)) return refuse('EINVAL', `mfn ${hex(frame)} is shared by Xen, not allocated to the domain`);
  return xen.references.deallocate(frame)
    ? undefined
    : refuse('EINVAL', `mfn ${hex(frame)} was given back before and is still in use`);
}

/** XENMEM_exchange: frames for as many others, for example contiguous ones. The old must be unused. */
export function doExchange(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const address = args.address(1);
  const view = readStruct(xen, domain, address, XEN_MEMORY_EXCHANGE);
  if (isRefusal(view)) return view;
  const layout = XEN_MEMORY_EXCHANGE[domain.width];
  const part = (name: 'in' | 'out'): Reservation =>
    new StructView(XEN_MEMORY_RESERVATION, domain.width, view.bytes, view.start + layout.offset[name]);
  const source = part('in');
  const target = part('out');
  const inOrder = source.get('extent_order');
  const outOrder = target.get('extent_order');
  const early = checkExchange(call, source, target, view.get('nr_exchanged'));
  if (early !== undefined) return early;
  const step = Math.max(1, 2 ** (outOrder - inOrder));
  const produced = Math.max(1, 2 ** (inOrder - outOrder));
  let done = view.get('nr_exchanged');
  let refusal: Refusal | undefined;
  while (done < source.get('nr_extents') && refusal === undefined) {
    const first = ((done * 2 ** inOrder) / 2 ** outOrder) | 0;
    refusal = exchangeChunk(xen, domain, source, target, done, step, first, produced);
    if (refusal === undefined) done += step;
  }
  view.set('nr_exchanged', done);
  if (!xen.processor.writeVirtual(address, view.bytes)) return faultAt('xen_memory_exchange', address);
  return refusal ?? 0;
}

function checkExchange(
  call: HypercallContext,
  source: Reservation,
  target: Reservation,
  exchanged: number,
): Refusal | undefined {
  const inOrder = source.get('extent_order');
  const outOrder = target.get('extent_order');
  const extents = source.get('nr_extents');
  if (inOrder > MAX_ORDER || outOrder > MAX_ORDER)
    return refuse('EPERM', `extent orders ${inOrder}, ${outOrder} above ${MAX_ORDER}`);
  const pages = extents * 2 ** inOrder;
  const wanted = target.get('nr_extents') * 2 ** outOrder;
  if (pages !== wanted || exchanged > extents || pages > Number.MAX_SAFE_INTEGER)
    return refuse('EINVAL', `${pages} pages cannot be exchanged for ${wanted}`);
  if (source.get('domid') !== target.get('domid')) return refuse('EINVAL', 'pages of two domains');
  if (exchanged === extents) return undefined;
  for (const list of [source.get('extent_start'), target.get('extent_start')])
    if (!isGuestHandle(call.domain, list)) return faultAt('extent list', list);
  return checkDomid(call, source.get('domid'));
}

function exchangeChunk(
  xen: Hypervisor,
  domain: Domain,
  source: Reservation,
  target: Reservation,
  from: number,
  step: number,
  to: number,
  produced: number,
): Refusal | undefined {
  const inOrder = source.get('extent_order');
  const outOrder = target.get('extent_order');
  const old: Mfn[] = [];
  for (let extent = from; extent < from + step; extent++) {
    const frame = extentAt(xen, domain, source.get('extent_start'), extent);
    if (frame === undefined) return faultAt('extent list', source.get('extent_start'));
    for (let page = 0; page < 2 ** inOrder; page++) {
      const mfn = frame + page;
      if (!xen.frames.owns(domain.domid, mfn)) return xen.references.notOwned(mfn, domain.domid);
      const info = xen.frames.describe(mfn);
      if (info.count !== 1 || info.typeCount !== 0 || xen.isXenHeap(mfn) || old.includes(mfn)) {
        return refuse('EINVAL', `mfn ${hex(mfn)} is in use: count ${info.count}, ${info.type} ${info.typeCount}`);
      }
      old.push(mfn);
    }
  }
  const pfns: number[] = [];
  for (let extent = to; extent < to + produced; extent++) {
    const pfn = extentAt(xen, domain, target.get('extent_start'), extent);
    if (pfn === undefined) return faultAt('extent list', target.get('extent_start'));
    pfns.push(pfn);
  }
  const bits = addressBits(target.get('mem_flags'));
  if (!xen.hasFreeExtents(outOrder, produced, bits))
    return refuse('ENOMEM', `no ${produced} free extents of order ${outOrder}`);
  // The new ones first, so that none of the old is handed back; for that moment the domain may be above its maximum.
  const fresh = pfns.map(() => xen.takeExtent(domain, outOrder, bits));
  for (const mfn of old) xen.references.deallocate(mfn);
  for (const [index, pfn] of pfns.entries()) {
    const mfn = fresh[index];
    assert(mfn !== undefined, 'free extents have been counted');
    for (let page = 0; page < 2 ** outOrder; page++) xen.setPfn((mfn + page) as Mfn, pfn + page, 0);
    if (!storeExtent(xen, domain, target.get('extent_start'), to + index, mfn)) return faultAt('extent list', pfn);
  }
  return undefined;
}

export function doMaximumRamPage({ xen }: HypercallContext): HypercallResult {
  return xen.ram.endMfn;
}

function reservationDomain(call: HypercallContext): Domain | Refusal {
  const op = readStruct(call.xen, call.domain, call.args.address(1), DOMID_ARGUMENT);
  if (isRefusal(op)) return op;
  return checkDomid(call, op.get('domid')) ?? call.domain;
}

export function doCurrentReservation(call: HypercallContext): HypercallResult {
  const domain = reservationDomain(call);
  return isRefusal(domain) ? domain : domain.totalPages;
}

export function doMaximumReservation(call: HypercallContext): HypercallResult {
  const domain = reservationDomain(call);
  return isRefusal(domain) ? domain : domain.maxPages;
}

/** XENMEM_maximum_gpfn: a PV domain says itself how far its pfns go, in shared info. */
export function doMaximumGpfn(call: HypercallContext): HypercallResult {
  const domain = reservationDomain(call);
  if (isRefusal(domain)) return domain;
  const said = call.xen.ram.read32(sharedInfoAddress(domain, 'arch_max_pfn'));
  return (said === 0 ? 1 : said) - 1;
}

export function doMachphysMapping(
  { domain }: HypercallContext,
  op: View<typeof XEN_MACHPHYS_MAPPING>,
): HypercallResult {
  if (domain.width === 32) {
    op.set('v_start', MACH2PHYS_COMPAT_VIRT_START);
    op.set('v_end', MACH2PHYS_COMPAT_VIRT_END);
    op.set('max_mfn', MACH2PHYS_COMPAT_NR_ENTRIES - 1);
    return 0;
  }
  op.set('v_start', MACH2PHYS_VIRT_START);
  op.set('v_end', MACH2PHYS_VIRT_END);
  op.set('max_mfn', MACH2PHYS_ENTRIES - 1);
  return 0;
}

/** XENMEM_machphys_mfn_list: the frame at each 2 MiB of the table. */
export function doMachphysMfnList(call: HypercallContext, op: View<typeof XEN_MACHPHYS_MFN_LIST>): HypercallResult {
  const { m2p } = call.xen;
  return storeFrameList(call, op, call.domain.width === 32 ? m2p.compatSuperpageFrames() : m2p.superpageFrames());
}

/** XENMEM_machphys_compat_mfn_list: the table of 32-bit guests, whoever asks. */
export function doMachphysCompatMfnList(
  call: HypercallContext,
  op: View<typeof XEN_MACHPHYS_MFN_LIST>,
): HypercallResult {
  return storeFrameList(call, op, call.xen.m2p.compatSuperpageFrames());
}

function storeFrameList(
  { xen, domain }: HypercallContext,
  op: View<typeof XEN_MACHPHYS_MFN_LIST>,
  frames: readonly Mfn[],
): HypercallResult {
  const count = Math.min(op.get('max_extents'), frames.length);
  for (let index = 0; index < count; index++) {
    if (!storeExtent(xen, domain, op.get('extent_start'), index, frames[index] as Mfn)) {
      return faultAt('extent list', op.get('extent_start'));
    }
  }
  op.set('nr_extents', count);
  return 0;
}

/** XENMEM_memory_map: only what XENMEM_set_memory_map stored; ENOSYS otherwise, and the guest makes up one entry. */
export function doMemoryMap({ xen, domain, args }: HypercallContext, op: View<typeof XEN_MEMORY_MAP>): HypercallResult {
  if (domain.memoryMap.length === 0) return refuse('ENOSYS', 'no memory map was set for this domain');
  const count = Math.min(op.get('nr_entries'), domain.memoryMap.length / E820_ENTRY_BYTES);
  const buffer = op.get('buffer') as VirtualAddress;
  if (!xen.processor.writeVirtual(buffer, domain.memoryMap.slice(0, count * E820_ENTRY_BYTES)))
    return faultAt('E820 buffer', buffer);
  return writeWord(xen, args.address(1), count, 4) ? 0 : faultAt('xen_memory_map', args.address(1));
}

export function doSetMemoryMap(call: HypercallContext, op: View<typeof XEN_FOREIGN_MEMORY_MAP>): HypercallResult {
  const { xen, domain } = call;
  const bad = checkDomid(call, op.get('domid'));
  if (bad !== undefined) return bad;
  const at = op.start + op.definition[domain.width].offset.map;
  const data = new DataView(op.bytes.buffer, op.bytes.byteOffset + at);
  const count = data.getUint32(0, true);
  if (count > E820_MAX) return refuse('EINVAL', `${count} entries, at most ${E820_MAX}`);
  const pointer =
    domain.width === 64 ? data.getInt32(12, true) * 4294967296 + data.getUint32(8, true) : data.getUint32(4, true);
  const bytes = xen.processor.readVirtual(pointer as VirtualAddress, count * E820_ENTRY_BYTES);
  if (bytes === undefined) return faultAt('E820 entries', pointer);
  domain.memoryMap = bytes.slice();
  return 0;
}

const XENMAPSPACE_GMFN_RANGE = 3;
const XENMAPSPACE_GMFN_FOREIGN = 4;

/** XENMEM_add_to_physmap: PV domains keep their own pseudo-physical map. */
export function doAddToPhysmap(call: HypercallContext): HypercallResult {
  const op = readStruct(call.xen, call.domain, call.args.address(1), XEN_ADD_TO_PHYSMAP);
  if (isRefusal(op)) return op;
  if (op.get('space') === XENMAPSPACE_GMFN_FOREIGN)
    return refuse('ENOSYS', 'foreign frames go by add_to_physmap_batch');
  return checkDomid(call, op.get('domid')) ?? notTranslated();
}

export function doAddToPhysmapBatch(call: HypercallContext): HypercallResult {
  const op = readStruct(call.xen, call.domain, call.args.address(1), XEN_ADD_TO_PHYSMAP_BATCH);
  if (isRefusal(op)) return op;
  if (op.get('space') === XENMAPSPACE_GMFN_RANGE) return refuse('EOPNOTSUPP', 'ranges do not go in batches');
  return checkDomid(call, op.get('domid')) ?? notTranslated();
}

export function doRemoveFromPhysmap(call: HypercallContext): HypercallResult {
  const op = readStruct(call.xen, call.domain, call.args.address(1), XEN_REMOVE_FROM_PHYSMAP);
  if (isRefusal(op)) return op;
  const bad = checkDomid(call, op.get('domid'));
  return bad?.errno === ERRNO.ESRCH ? bad : notTranslated();
}

function notTranslated(): Refusal {
  return refuse('EACCES', 'only for translated domains; a PV domain maps machine frames itself');
}

/** XENMEM_claim_pages: dom0's; what is wrong with the argument is said first. */
export function doClaimPages(call: HypercallContext): HypercallResult {
  const op = readStruct(call.xen, call.domain, call.args.address(1), XEN_MEMORY_RESERVATION);
  if (isRefusal(op)) return op;
  if (op.get('extent_start') !== 0 || op.get('extent_order') !== 0 || op.get('mem_flags') !== 0)
    return refuse('EINVAL', 'a claim has neither list, order nor flags');
  const domid = op.get('domid');
  if (domid !== 0 && !call.xen.domains.has(domid as Domid)) return refuse('EINVAL', `there is no domain ${domid}`);
  return refuse('EPERM', 'claims are for the toolstack');
}

/** XENMEM_reserved_device_memory_map: without an IOMMU nothing is reserved. */
export function doReservedDeviceMemoryMap({ xen, domain, args }: HypercallContext): HypercallResult {
  const address = args.address(1);
  const op = readStruct(xen, domain, address, XEN_RESERVED_DEVICE_MEMORY_MAP);
  if (isRefusal(op)) return op;
  if (!isGuestHandle(domain, op.get('buffer'))) return faultAt('device memory list', op.get('buffer'));
  if ((op.get('flags') & ~1) !== 0) return refuse('EINVAL', `flags ${hex(op.get('flags'))}`);
  op.set('nr_entries', 0);
  return writeStruct(xen, address, op) ?? 0;
}

/** XENMEM_access_op and acquire_resource are about another domain, for a privileged one. */
function remote({ xen, domain }: HypercallContext, domid: number): Refusal {
  if (domid !== 0 && domid !== DOMID_SELF && domid !== domain.domid && !xen.domains.has(domid as Domid))
    return refuse('ESRCH', `there is no domain ${domid}`);
  return refuse('EPERM', 'for another domain than oneself, by a privileged one');
}

export function doAccessOp(call: HypercallContext, op: View<typeof XEN_MEM_ACCESS_OP>): HypercallResult {
  return remote(call, op.get('domid'));
}

export function doAcquireResource(call: HypercallContext, op: View<typeof XEN_MEM_ACQUIRE_RESOURCE>): HypercallResult {
  if (op.get('pad') !== 0) return refuse('EINVAL', 'padding that is not 0');
  if (op.get('frame') + op.get('nr_frames') >= 2 ** 32) return refuse('EINVAL', 'frames beyond 32 bits');
  return remote(call, op.get('domid'));
}

/** XENMEM_set_pod_target and get_pod_target: a PV domain has its pages from the beginning. */
export function doPodTarget(call: HypercallContext, op: View<typeof XEN_POD_TARGET>): HypercallResult {
  const bad = checkDomid(call, op.get('domid'));
  return bad?.errno === ERRNO.ESRCH ? bad : refuse('EINVAL', 'PV domains are not populated on demand');
}

export function doGetVnumaInfo(call: HypercallContext, op: View<typeof XEN_VNUMA_TOPOLOGY_INFO>): HypercallResult {
  if (op.get('pad') !== 0) return refuse('EINVAL', 'padding that is not 0');
  return checkDomid(call, op.get('domid')) ?? refuse('EOPNOTSUPP', 'no virtual NUMA topology was set');
}

/** XENMEM_get_sharing_freed_pages and shared_pages of a Xen without memory sharing. */
export function doNothingShared(): HypercallResult {
  return 0;
}
