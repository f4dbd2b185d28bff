/**
 * Builds a domain from a kernel image, as libxenguest does: memory contents, first page tables, start info, grants and
 * event channels for xenstore and console, registers of vCPU 0. The machine-to-physical table is Xen's own work.
 */
import { assert } from '../../base/assert.ts';
import type { Domid, GrantRef, VirtualAddress } from '../../base/numbers.ts';
import { PAGE_SIZE } from '../../base/numbers.ts';

import type { Domain, GuestAbi } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal, type Refusal } from '../common/refusal.ts';
import { newStruct } from '../public/struct.ts';
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from '../public/xen-4/grant-table.ts';
import { fillHypercallPage } from '../public/xen-4/hypercall-page.ts';
import {
  SIF_MOD_START_PFN,
  SIF_VIRT_P2M_4TOOLS,
  START_INFO,
  START_INFO_MAGIC,
  VMASST_TYPE_PAE_EXTENDED_CR3,
} from '../public/xen-4/xen.ts';
import type { BuildOptions, BuiltDomain } from './build-options.ts';
import { type DomainLayout, planDomain } from './domain-layout.ts';
import { DomainMemory } from './domain-memory.ts';
import { builtTablesRefused, machineOutOfMemory } from './errors.ts';
import type { XenbusConnections } from './host-side.ts';
import { bsdSymbols } from './image/bsd-symbols.ts';
import type { GuestType, KernelImage } from './image/kernel-image.ts';
import { writePageTables } from './page-table-writer.ts';
import { buildXen1Domain } from './xen-1-builder.ts';
import { buildXen2Domain } from './xen-2-builder.ts';

const HOST = 0 as Domid;

/** The domain stays paused. @throws UserError `domain.*` */
export function buildDomain(hypervisor: Hypervisor, options: BuildOptions): BuiltDomain {
  const { image } = options;
  if (image.guestType === 'xen-2.0') return buildXen2Domain(hypervisor, options);
  if (image.guestType === 'xen-1.2') return buildXen1Domain(hypervisor, options);
  const layout = planDomain(image, options.pages, options.ramdisk?.length);
  const domain = hypervisor.createDomain({
    name: options.name,
    pages: options.pages,
    vcpus: options.vcpus,
    abi: abiOf(image),
    uuid: options.uuid,
  });
  if (isRefusal(domain)) throw machineOutOfMemory(options.name, domain.reason);
  const memory = new DomainMemory(hypervisor.ram, domain);

  loadSegments(memory, image, layout);
  if (layout.ramdisk !== undefined && options.ramdisk !== undefined)
    memory.write(layout.ramdisk.pfn, 0, options.ramdisk);
  writeP2m(memory, domain, layout);
  writePageTables(layout, (table, index, target, flags) => memory.writeEntry(table, index, target, flags));
  if (image.parameters.hypercallPage !== undefined) {
    const pfn = (image.parameters.hypercallPage - image.virtBase) / PAGE_SIZE;
    const page = new Uint8Array(PAGE_SIZE);
    fillHypercallPage(page, domain.width);
    memory.write(pfn, 0, page);
  }

  // A 32-bit kernel that knows of page tables above 4 GiB gets the assist that says so (vcpu_x86_32 of xg_dom_x86.c).
  if (domain.width === 32 && /extended-cr3|bimodal/.test(image.parameters.paeMode))
    domain.assists |= 1 << VMASST_TYPE_PAE_EXTENDED_CR3;
  const xenstoreMfn = memory.mfn(layout.xenstore.pfn);
  const consoleMfn = memory.mfn(layout.console.pfn);
  const xenstorePort = mustSucceed(options.name, hypervisor.allocateUnbound(domain, HOST));
  const consolePort = mustSucceed(options.name, hypervisor.allocateUnbound(domain, HOST));
  const connections: XenbusConnections = { kind: 'xenbus', xenstorePort, consolePort, xenstoreMfn, consoleMfn };
  memory.write(layout.startInfo.pfn, 0, startInfo(domain, layout, connections, options));
  hypervisor.seedGrant(domain, GNTTAB_RESERVED_CONSOLE as GrantRef, HOST, consoleMfn);
  hypervisor.seedGrant(domain, GNTTAB_RESERVED_XENSTORE as GrantRef, HOST, xenstoreMfn);

  const refusal = hypervisor.setVcpuContext(domain, 0, {
    rip: image.virtEntry as VirtualAddress,
    rsp: (image.virtBase + (layout.bootStack.pfn + 1) * PAGE_SIZE) as VirtualAddress,
    rsi: layout.startInfo.virtualStart as VirtualAddress,
    rootMfn: memory.mfn(layout.pageTables.pfn),
  });
  if (refusal !== undefined) {
    hypervisor.destroy(domain);
    throw builtTablesRefused(refusal.reason);
  }
  for (const mfn of [consoleMfn, xenstoreMfn]) {
    const held = hypervisor.holdForHost(domain, mfn);
    assert(held === undefined, 'the pages of a new domain are data');
  }
  return { domain, layout, connections };
}

const GUEST_ABIS: Readonly<Record<GuestType, GuestAbi>> = {
  'xen-3.0-x86_64': 'x86_64',
  'xen-3.0-x86_32p': 'x86_32p',
  'xen-2.0': 'xen-2.0',
  'xen-1.2': 'xen-1.2',
};

export function abiOf(image: KernelImage): GuestAbi {
  return GUEST_ABIS[image.guestType];
}

function loadSegments(memory: DomainMemory, image: KernelImage, layout: DomainLayout): void {
  for (const segment of image.segments) {
    const offset = segment.physicalAddress + image.virtOffset - image.virtKernelStart;
    memory.write(layout.kernel.pfn, offset, image.elf.reader.slice(segment.offset, segment.fileSize));
  }
  const symbols = image.parameters.bsdSymtab ? bsdSymbols(image.elf) : undefined;
  if (symbols === undefined) return;
  memory.write(layout.kernel.pfn, image.virtKernelEnd - image.virtKernelStart - symbols.length, symbols);
}

function writeP2m(memory: DomainMemory, domain: Domain, layout: DomainLayout): void {
  const words = layout.geometry.frameBytes / 4;
  const list = new Int32Array(layout.pages * words);
  for (let pfn = 0; pfn < layout.pages; pfn++) list[pfn * words] = domain.p2m[pfn]!;
  memory.write(layout.p2m.pfn, 0, new Uint8Array(list.buffer));
}

function startInfo(
  domain: Domain,
  layout: DomainLayout,
  connections: XenbusConnections,
  options: BuildOptions,
): Uint8Array {
  const info = newStruct(START_INFO, domain.width);
  info.setText('magic', START_INFO_MAGIC[domain.abi === 'x86_64' ? 'x86_64' : 'x86_32p']);
  info.set('nr_pages', layout.pages);
  info.set('shared_info', domain.sharedInfoMfn * PAGE_SIZE);
  info.set('flags', SIF_VIRT_P2M_4TOOLS | (layout.ramdiskUnmapped ? SIF_MOD_START_PFN : 0));
  info.set('store_mfn', connections.xenstoreMfn);
  info.set('store_evtchn', connections.xenstorePort);
  info.set('console_mfn', connections.consoleMfn);
  info.set('console_evtchn', connections.consolePort);
  info.set('pt_base', layout.pageTables.virtualStart);
  info.set('nr_pt_frames', layout.mappings[0]!.tables);
  info.set('mfn_list', layout.p2mAddress);
  if (layout.ramdisk !== undefined) {
    const { pfn, pages, virtualStart, virtualEnd } = layout.ramdisk;
    info.set('mod_start', layout.ramdiskUnmapped ? pfn : virtualStart);
    info.set('mod_len', layout.ramdiskUnmapped ? pages * PAGE_SIZE : virtualEnd - virtualStart);
  }
  info.setText('cmd_line', options.commandLine);
  if (layout.p2mOutside) {
    info.set('first_p2m_pfn', layout.p2m.pfn);
    info.set('nr_p2m_frames', layout.p2m.pages);
  }
  return info.bytes;
}

function mustSucceed<T>(name: string, result: T | Refusal): T {
  if (isRefusal(result)) throw machineOutOfMemory(name, result.reason);
  return result;
}
