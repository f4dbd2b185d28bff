/**
 * Builds a domain of Xen 2.0, as its xc_linux_build does: memory contents, page tables, start info, the event channel of
 * the domain controller, registers.
 */
import { type Domid, PAGE_SIZE, type Port, type VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal } from '../common/refusal.ts';
import { newStruct } from '../public/struct.ts';
import { START_INFO, VMASST_TYPE_WRITABLE_PAGETABLES } from '../public/xen-2.0/xen.ts';
import type { BuildOptions, BuiltDomain } from './build-options.ts';
import { DomainMemory } from './domain-memory.ts';
import { builtTablesRefused, machineOutOfMemory, oneVcpuOnly } from './errors.ts';
import { bsdSymbols2 } from './image/bsd-symbols.ts';
import { planXen2Domain, type Xen2Layout } from './xen-2-layout.ts';

const HOST = 0 as Domid;
/** Of pages, page tables' own, and the page directory (L1_PROT and L2_PROT of tools/libxc). */
const PAGE_FLAGS = 0x023;
const TABLE_FLAGS = 0x021;
const DIRECTORY_FLAGS = 0x067;

/** The domain stays paused. @throws UserError `domain.*` */
export function buildXen2Domain(hypervisor: Hypervisor, options: BuildOptions): BuiltDomain {
  const { image, ramdisk } = options;
  const layout = planXen2Domain(image, options.pages, ramdisk?.length);
  const { name, pages, vcpus, uuid } = options;
  if (vcpus > 1) throw oneVcpuOnly(name, '2.0', vcpus);
  const domain = hypervisor.createDomain({ name, pages, vcpus, uuid, abi: 'xen-2.0' });
  if (isRefusal(domain)) throw machineOutOfMemory(name, domain.reason);
  const memory = new DomainMemory(hypervisor.ram, domain);
  const pfn = (address: number): number => (address - layout.start) / PAGE_SIZE;
  for (const segment of image.segments) {
    const bytes = image.elf.reader.slice(segment.offset, segment.fileSize);
    memory.write(0, (segment.virtualAddress >>> 0) - layout.start, bytes);
  }
  const symbols = image.parameters.bsdSymtab ? bsdSymbols2(image.elf) : undefined;
  if (symbols !== undefined) memory.write(0, layout.kernelEnd - symbols.length - layout.start, symbols);
  if (layout.ramdisk !== undefined && ramdisk !== undefined) memory.write(pfn(layout.ramdisk), 0, ramdisk);
  memory.write(pfn(layout.p2m), 0, new Uint8Array(domain.p2m.slice(0, layout.pages).buffer));
  writePageTables(memory, layout);
  if (image.parameters.writablePageTables) domain.assists |= 1 << VMASST_TYPE_WRITABLE_PAGETABLES;
  const controllerPort = hypervisor.allocateUnbound(domain, HOST);
  if (isRefusal(controllerPort)) throw machineOutOfMemory(name, controllerPort.reason);
  memory.write(pfn(layout.startInfo), 0, startInfo(domain, layout, controllerPort, options.commandLine));
  const refusal = hypervisor.setVcpuContext(domain, 0, {
    rip: (image.virtEntry >>> 0) as VirtualAddress,
    rsp: (layout.bootStack + PAGE_SIZE) as VirtualAddress,
    rsi: layout.startInfo as VirtualAddress,
    rootMfn: memory.mfn(pfn(layout.pageTables)),
  });
  if (refusal === undefined) return { domain, layout, connections: { kind: 'controller', controllerPort } };
  hypervisor.destroy(domain);
  throw builtTablesRefused(refusal.reason);
}

/** The whole region, and nothing else, in order from `start`; pages of tables are read-only. */
function writePageTables(memory: DomainMemory, layout: Xen2Layout): void {
  const directory = (layout.pageTables - layout.start) / PAGE_SIZE;
  let table = directory;
  for (let address = layout.start; address < layout.end; address += PAGE_SIZE) {
    const slot = Math.floor(address / PAGE_SIZE) % 1024;
    const page = (address - layout.start) / PAGE_SIZE;
    if (slot === 0 || page === 0)
      memory.writeEntry32(directory, Math.floor(address / 2 ** 22), ++table, DIRECTORY_FLAGS);
    const isTable = page >= directory && page < directory + layout.tables;
    memory.writeEntry32(table, slot, page, isTable ? TABLE_FLAGS : PAGE_FLAGS);
  }
}

function startInfo(domain: Domain, layout: Xen2Layout, port: Port, commandLine: string): Uint8Array {
  const info = newStruct(START_INFO, 32);
  info.set('nr_pages', layout.pages);
  info.set('shared_info', domain.sharedInfoMfn * PAGE_SIZE);
  info.set('flags', 0);
  info.set('domain_controller_evtchn', port);
  info.set('pt_base', layout.pageTables);
  info.set('nr_pt_frames', layout.tables);
  info.set('mfn_list', layout.p2m);
  if (layout.ramdisk !== undefined) {
    info.set('mod_start', layout.ramdisk);
    info.set('mod_len', layout.ramdiskBytes);
  }
  // strncpy of MAX_CMDLINE, the last byte of which is a NUL.
  info.setText('cmd_line', commandLine.slice(0, 255));
  return info.bytes;
}
