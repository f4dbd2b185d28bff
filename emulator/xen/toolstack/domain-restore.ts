/**
 * A domain made from an image of one (xc_domain_restore of a PV domain, tools/libs/guest/xg_sr_restore_x86_pv.c): other
 * frames, other event channels, an empty grant table. The guest finds that its suspend hypercall answered 0, and sets up
 * again whatever it shares with Xen.
 */
import { assert } from '../../base/assert.ts';
import type { Domid, GrantRef, MachineAddress, Mfn, Port } from '../../base/numbers.ts';
import { copyPlain, restoreFields } from '../../machine/plain-data.ts';
import { RDX } from '../../x86/cpu/processor.ts';
import type { Domain } from '../common/domain.ts';
import { machineAddressOf, TYPE_L4 } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { type StructDefinition, StructView } from '../public/struct.ts';
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from '../public/xen-4/grant-table.ts';
import {
  SHARED_INFO,
  SHARED_INFO_32,
  START_INFO,
  START_INFO_MAGIC,
  VCPU_INFO,
  VCPU_INFO_32,
} from '../public/xen-4/xen.ts';
import { setGdt } from '../pv/descriptor-tables.ts';
import { finishStart } from '../pv/domain.ts';
import { installKernelRoot, rootType } from '../pv/mm.ts';
import { pinTable } from '../pv/mmuext-op.ts';
import { PAGE_PRESENT } from '../pv/page-table-entry.ts';
import type { DomainImage, ImageVcpu } from './domain-image.ts';
import { retarget } from './domain-image.ts';
import type { XenbusConnections } from './host-side.ts';

const HOST = 0 as Domid;

export interface RestoredDomain {
  readonly domain: Domain;
  readonly connections: XenbusConnections;
}

/** The domain stays paused. Refused, with nothing left behind, where the machine has too little memory. */
export function restoreDomain(xen: Hypervisor, image: DomainImage): RestoredDomain | Refusal {
  if (image.pages.size > xen.frames.freeFrames)
    return refuse('ENOMEM', `${image.pages.size} pages to restore, ${xen.frames.freeFrames} free`);
  const { name, abi, handle, span } = image;
  const domain = xen.createDomain({ name, abi, uuid: handle, vcpus: image.vcpus.length, pages: 0, maxPages: span });
  if (isRefusal(domain)) return domain;
  domain.memoryMap = image.memoryMap.slice();
  domain.assists = image.assists;
  domain.m2pStrict = image.m2pStrict;
  if (!populate(xen, domain, image)) {
    xen.destroy(domain);
    return refuse('ENOMEM', `${image.pages.size} pages to restore do not fit beside Xen's own`);
  }
  domain.maxPages = image.maxPages;
  writePages(xen, domain, image);
  writeP2m(xen, domain, image);
  const xenstorePort = newPort(xen, domain);
  const consolePort = newPort(xen, domain);
  const xenstoreMfn = frameOf(domain, image.store);
  const consoleMfn = frameOf(domain, image.console);
  const connections = { kind: 'xenbus', xenstorePort, consolePort, xenstoreMfn, consoleMfn } as const;
  const restored = { domain, connections };
  writeStartInfo(xen, restored, image);
  writeSharedInfo(xen, domain, image);
  xen.seedGrant(domain, GNTTAB_RESERVED_CONSOLE as GrantRef, HOST, consoleMfn);
  xen.seedGrant(domain, GNTTAB_RESERVED_XENSTORE as GrantRef, HOST, xenstoreMfn);
  const refusal = pinTables(xen, domain, image) ?? startVcpus(xen, domain, image) ?? hold(xen, restored);
  if (refusal === undefined) return restored;
  xen.destroy(domain);
  return refusal;
}

function frameOf(domain: Domain, pfn: number): Mfn {
  const mfn = domain.mfnOf(pfn);
  assert(mfn !== undefined, `pfn ${pfn} of an image has been checked`);
  return mfn;
}

function populate(xen: Hypervisor, domain: Domain, { pages }: DomainImage): boolean {
  for (const pfn of pages.keys()) {
    const mfn = xen.frames.allocate(domain.domid, pfn);
    if (mfn === undefined) return false;
    xen.setPfn(mfn, pfn, 0);
    domain.totalPages++;
  }
  return true;
}

function writePages(xen: Hypervisor, domain: Domain, { pages }: DomainImage): void {
  for (const [pfn, { level, bytes }] of pages) {
    if (bytes === undefined) continue;
    const own = level === 0 ? bytes : localised(domain, bytes);
    xen.ram.writeBytes(machineAddressOf(frameOf(domain, pfn)), own);
  }
}

function localised(domain: Domain, bytes: Uint8Array): Uint8Array {
  const words = new Int32Array(bytes.slice().buffer);
  for (let slot = 0; slot < 512; slot++) {
    const low = words[slot * 2] as number;
    if ((low & PAGE_PRESENT) === 0) continue;
    const pfn = ((words[slot * 2 + 1] as number) & 0xfffff) * 0x100000 + (low >>> 12);
    retarget(words, slot, frameOf(domain, pfn));
  }
  return new Uint8Array(words.buffer);
}

/**
 * The guest's own list. Where it has no page, an entry that named one of its old frames becomes "none"; any other is a
 * mark of the guest's (Linux: identity), and stays.
 */
function writeP2m(xen: Hypervisor, domain: Domain, { p2m, width }: DomainImage): void {
  const bytes = width / 8;
  const perPage = 4096 / bytes;
  const { firstMfn, endMfn } = xen.ram;
  for (const [page, listPfn] of p2m.pages.entries()) {
    const list = machineAddressOf(frameOf(domain, listPfn));
    for (let index = 0; index < perPage; index++) {
      const pfn = page * perPage + index;
      if (pfn >= p2m.entries) return;
      const at = (list + index * bytes) as MachineAddress;
      const word = xen.ram.offsetOf(at) >>> 2;
      const old = (xen.ram.i32[word] as number) >>> 0;
      const high = width === 64 ? (xen.ram.i32[word + 1] as number) : 0;
      const mfn = domain.mfnOf(pfn);
      if (mfn === undefined && (high !== 0 || old < firstMfn || old >= endMfn)) continue;
      if (width === 64) xen.ram.write64(at, mfn ?? -1, mfn === undefined ? -1 : 0);
      else xen.ram.write32(at, mfn ?? -1);
    }
  }
}

function newPort(xen: Hypervisor, domain: Domain): Port {
  const port = xen.allocateUnbound(domain, HOST);
  assert(!isRefusal(port), 'a new domain has free event channels');
  return port;
}

function writeStartInfo(xen: Hypervisor, restored: RestoredDomain, image: DomainImage): void {
  const { domain, connections } = restored;
  const mfn = frameOf(domain, image.startInfo);
  const info = new StructView(START_INFO, domain.width, xen.ram.frame(mfn).slice());
  info.setText('magic', START_INFO_MAGIC[domain.width === 64 ? 'x86_64' : 'x86_32p']);
  info.set('nr_pages', image.p2m.entries);
  info.set('shared_info', domain.sharedInfoMfn * 4096);
  info.set('flags', 0);
  info.set('store_mfn', connections.xenstoreMfn);
  info.set('store_evtchn', connections.xenstorePort);
  info.set('console_mfn', connections.consoleMfn);
  info.set('console_evtchn', connections.consolePort);
  xen.ram.writeBytes(machineAddressOf(mfn), info.bytes);
}

/** vcpu_info and the arch part stay, but for the tree of lists, which named frames; no event is pending, all are masked. */
function writeSharedInfo(xen: Hypervisor, domain: Domain, image: DomainImage): void {
  const layout = (domain.width === 64 ? SHARED_INFO : SHARED_INFO_32) as StructDefinition<SharedField>;
  const info = new StructView(layout, domain.width, xen.ram.frame(domain.sharedInfoMfn).slice());
  const { offset, field } = layout[domain.width];
  const keep = (from: number, to: number): void => info.bytes.set(image.sharedInfo.subarray(from, to), from);
  const { vcpu_info: vcpuInfo } = field;
  keep(offset.vcpu_info, offset.vcpu_info + vcpuInfo.elementSize * vcpuInfo.count);
  keep(offset.arch_max_pfn, offset.arch_p2m_generation + domain.width / 8);
  info.set('arch_pfn_to_mfn_frame_list_list', 0);
  const select = (domain.width === 64 ? VCPU_INFO[64] : VCPU_INFO_32[32]).offset.evtchn_pending_sel;
  for (let index = 0; index < image.vcpus.length; index++) {
    const at = offset.vcpu_info + vcpuInfo.elementSize * index + select;
    info.bytes.fill(0, at, at + domain.width / 8);
  }
  const mask = field.evtchn_mask;
  info.bytes.fill(0xff, mask.offset, mask.offset + mask.elementSize * mask.count);
  xen.ram.writeBytes(machineAddressOf(domain.sharedInfoMfn), info.bytes);
}

type SharedField = keyof (typeof SHARED_INFO)[64]['offset'];

/** From the top, so that tables below get what their parents make of them. */
function pinTables(xen: Hypervisor, domain: Domain, { pages }: DomainImage): Refusal | undefined {
  for (let level = TYPE_L4; level > 0; level--) {
    for (const [pfn, page] of pages) {
      if (page.level !== level || !page.pinned) continue;
      const refusal = pinTable(xen, domain, frameOf(domain, pfn), page.level);
      if (refusal !== undefined) return refusal;
    }
  }
  return undefined;
}

function startVcpus(xen: Hypervisor, domain: Domain, image: DomainImage): Refusal | undefined {
  for (const [index, saved] of image.vcpus.entries()) {
    const refusal = startVcpu(xen, domain.vcpus[index] as Vcpu, saved);
    if (refusal !== undefined) return refusal;
  }
  const { registers } = domain.vcpus[0] as Vcpu;
  registers.low[RDX] = frameOf(domain, image.startInfo);
  registers.high[RDX] = 0;
  return undefined;
}

function startVcpu(xen: Hypervisor, vcpu: Vcpu, saved: ImageVcpu): Refusal | undefined {
  if (saved.fields.initialised !== true) return undefined;
  const { domain } = vcpu;
  if (saved.kernelRoot !== undefined) {
    const root = frameOf(domain, saved.kernelRoot);
    const refusal = xen.references.getWithType(root, rootType(domain.width), domain.domid);
    if (refusal !== undefined) return refusal;
    installKernelRoot(xen, vcpu, root);
  }
  if (saved.userRoot !== undefined) {
    const root = frameOf(domain, saved.userRoot);
    const refusal = xen.references.getWithType(root, TYPE_L4, domain.domid);
    if (refusal !== undefined) return refusal;
    vcpu.userRoot = root;
    if (domain.m2pStrict) xen.validator.hideMachineToPhysical(root);
  }
  const frames = saved.gdtFrames.map((pfn) => frameOf(domain, pfn));
  const refusal = setGdt(xen, vcpu, frames, saved.gdtEntries);
  if (refusal !== undefined) return refusal;
  restoreFields(vcpu, copyPlain(saved.fields) as ImageVcpu['fields']);
  const { kernelMode } = vcpu;
  finishStart(xen, vcpu);
  vcpu.kernelMode = kernelMode;
  return undefined;
}

function hold(xen: Hypervisor, { domain, connections }: RestoredDomain): Refusal | undefined {
  const { consoleMfn, xenstoreMfn } = connections;
  return xen.holdForHost(domain, consoleMfn) ?? xen.holdForHost(domain, xenstoreMfn);
}
