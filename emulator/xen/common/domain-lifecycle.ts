import { assert } from '../../base/assert.ts';
import type { Domid, Mfn } from '../../base/numbers.ts';
import { forgetPageDirectories, releaseVcpu, resetVcpu, unpinAll } from '../pv/domain.ts';
import { orphanMappings, releaseAllMappings } from '../pv/grant-mapping.ts';
import { Domain } from './domain.ts';
import { EVTCHNSTAT_VIRQ, type EventChannel, EventChannels, resetEventChannels } from './event-channel.ts';
import { DOMID_XEN, FRAME_ALLOCATED, FRAME_XEN_HEAP } from './frame-table.ts';
import { GrantTable, growGrantTable } from './grant-table.ts';
import type { DomainOptions, Hypervisor } from './hypervisor.ts';
import { type Refusal, refuse } from './refusal.ts';
import { defaultVcpuInfo } from './shared-info.ts';
import { updateWallClock } from './time.ts';
import { Vcpu } from './vcpu.ts';
import { closeLink } from './xen-1/event-channel.ts';

/** Creation and destruction of domains (common/domain.c, arch/x86/domain.c). */

/** Frames shared by Xen that a domain starts with: shared info and the first of its grant table. */
const XEN_FRAMES = 2;
const MAX_VCPUS = 32;
const DOMID_FIRST_RESERVED = 0x7ff0;

export function createDomain(xen: Hypervisor, options: DomainOptions): Domain | Refusal {
  const domid = options.domid ?? nextDomid(xen);
  const vcpuCount = options.vcpus ?? 1;
  if (xen.domains.has(domid)) return refuse('EEXIST', `there is a domain ${domid} already`);
  if (vcpuCount < 1 || vcpuCount > MAX_VCPUS) return refuse('EINVAL', `${vcpuCount} vCPUs (1 to ${MAX_VCPUS})`);
  const narrow = options.abi === 'x86_32p';
  const old = options.abi === 'xen-2.0' || options.abi === 'xen-1.2';
  if (old && vcpuCount !== 1) return refuse('EINVAL', `${vcpuCount} vCPUs, where this interface has one`);
  if ((narrow && !xen.m2p.makeCompat(xen.frames)) || (old && !xen.m2p.makeTwoLevel(xen.frames))) {
    return refuse('ENOMEM', 'no room for a machine-to-physical table for 32-bit domains');
  }
  const own = XEN_FRAMES + (narrow ? vcpuCount : 0);
  if (options.pages + own > xen.frames.freeFrames) {
    return refuse('ENOMEM', `${options.pages} pages asked for, ${xen.frames.freeFrames - own} free`);
  }
  const domain = new Domain(
    domid,
    options.name,
    options.abi,
    options.maxPages ?? options.pages,
    new EventChannels(),
    new GrantTable(),
  );
  xen.domains.set(domid, domain);
  domain.sharedInfoMfn = allocateShared(xen, domain);
  if (old) {
    // Port 0 is there from the start: it takes the VIRQs that are not bound.
    (domain.eventChannels.ports[0] as EventChannel).state = EVTCHNSTAT_VIRQ;
  } else growGrantTable(xen, domain, 1);
  for (let pfn = 0; pfn < options.pages; pfn++) {
    const mfn = xen.frames.allocate(domid, pfn) as Mfn;
    xen.setPfn(mfn, pfn, 0);
  }
  domain.totalPages = options.pages;
  if (options.uuid !== undefined) domain.handle.set(options.uuid.subarray(0, 16));
  domain.vcpus = Array.from({ length: vcpuCount }, (_, index) => {
    const vcpu = new Vcpu(domain, index, xen.nextVcpuId++);
    vcpu.vcpuInfo = defaultVcpuInfo(domain, index);
    if (narrow) vcpu.compatL4 = xen.frames.allocate(DOMID_XEN);
    resetVcpu(xen, vcpu);
    return vcpu;
  });
  domain.memoryMap = memoryMapOf(options.maxPages ?? options.pages);
  updateWallClock(xen, domain);
  return domain;
}

/** One E820 entry of RAM up to the maximum: what libxl sets for a PV domain (xc_domain_set_memmap_limit). */
function memoryMapOf(pages: number): Uint8Array {
  const entry = new DataView(new ArrayBuffer(20));
  entry.setUint32(8, (pages * 4096) % 4294967296, true);
  entry.setUint32(12, Math.floor(pages / 0x100000), true);
  entry.setUint32(16, 1, true);
  return new Uint8Array(entry.buffer);
}

/** Counts up, as Xen's domctl does: a domain that is built anew has a new number. */
function nextDomid(xen: Hypervisor): Domid {
  let domid = xen.lastDomid;
  do {
    domid = domid + 1 === DOMID_FIRST_RESERVED ? 1 : domid + 1;
    // A destroyed domain's number stays taken while others still map its frames.
  } while (xen.domains.has(domid as Domid) || xen.frames.owners.includes(domid));
  xen.lastDomid = domid;
  return domid as Domid;
}

function allocateShared(xen: Hypervisor, domain: Domain): Mfn {
  const mfn = xen.allocateSharedFrame(domain);
  assert(mfn !== undefined, 'the frames were counted before');
  return mfn;
}

/** Gives everything back. Frames that another domain still maps by grant stay until it lets go. */
export function destroyDomain(xen: Hypervisor, domain: Domain): void {
  if (domain.state === 'destroyed') return;
  domain.state = 'destroyed';
  resetEventChannels(xen, domain);
  for (const id of domain.links.keys()) closeLink(xen, domain, id);
  for (const vcpu of domain.vcpus) releaseVcpu(xen, vcpu);
  if (domain.pirqEoiFrame !== undefined) xen.references.putWithType(domain.pirqEoiFrame);
  domain.pirqEoiFrame = undefined;
  for (const mfn of domain.hostFrames.splice(0)) xen.references.putWithType(mfn);
  releaseAllMappings(xen, domain);
  orphanMappings(xen, domain);
  domain.grantTable.frames.length = 0;
  domain.grantTable.statusFrames.length = 0;
  unpinAll(xen, domain);
  if (domain.paging === '2-level') forgetPageDirectories(xen, domain);
  for (let mfn = xen.ram.firstMfn; mfn < xen.ram.endMfn; mfn++) {
    if (!xen.frames.owns(domain.domid, mfn)) continue;
    const flags = xen.frames.flags[mfn - xen.frames.first] as number;
    if ((flags & FRAME_XEN_HEAP) !== 0) xen.references.putWithType(mfn);
    if ((flags & FRAME_ALLOCATED) !== 0) xen.references.deallocate(mfn);
  }
  xen.tlb.flushAll();
  xen.domains.delete(domain.domid);
}
