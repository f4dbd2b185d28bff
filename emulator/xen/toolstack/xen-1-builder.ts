/**
 * Builds a domain of Xen 1.2, as its xc_linux_build does. All memory is mapped from the load address on: the kernel with
 * the ramdisk behind it at the bottom; at the top the page directory, below it the page tables, an unused page, and
 * start info, below which the stack grows.
 */
import { PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal } from '../common/refusal.ts';
import { newStruct } from '../public/struct.ts';
import { START_INFO } from '../public/xen-1.2/xen.ts';
import type { BuildOptions, BuiltDomain } from './build-options.ts';
import { DomainMemory } from './domain-memory.ts';
import { builtTablesRefused, machineOutOfMemory } from './errors.ts';
import { planXen1Domain, type Xen1Layout } from './xen-1-layout.ts';

const PAGE_FLAGS = 0x023;
const TABLE_FLAGS = 0x021;
const DIRECTORY_FLAGS = 0x067;

/** The domain stays paused. @throws UserError `domain.*` */
export function buildXen1Domain(hypervisor: Hypervisor, options: BuildOptions): BuiltDomain {
  const { image, ramdisk, name, pages, vcpus, uuid } = options;
  const layout = planXen1Domain(image, pages, ramdisk?.length);
  const domain = hypervisor.createDomain({ name, pages, vcpus, uuid, abi: 'xen-1.2' });
  if (isRefusal(domain)) throw machineOutOfMemory(name, domain.reason);
  const memory = new DomainMemory(hypervisor.ram, domain);
  const pfn = (address: number): number => (address - layout.start) / PAGE_SIZE;
  for (const segment of image.segments) {
    const bytes = image.elf.reader.slice(segment.offset, segment.fileSize);
    memory.write(0, (segment.virtualAddress >>> 0) - layout.start, bytes);
  }
  if (layout.ramdisk !== undefined && ramdisk !== undefined) memory.write(pfn(layout.ramdisk), 0, ramdisk);
  writePageTables(memory, layout);
  memory.write(pfn(layout.startInfo), 0, startInfo(domain, layout, options.commandLine));
  const refusal = hypervisor.setVcpuContext(domain, 0, {
    rip: (image.virtEntry >>> 0) as VirtualAddress,
    rsp: layout.startInfo as VirtualAddress,
    rsi: layout.startInfo as VirtualAddress,
    rootMfn: memory.mfn(pfn(layout.directory)),
  });
  if (refusal === undefined) return { domain, layout, connections: { kind: 'xen-devices' } };
  hypervisor.destroy(domain);
  throw builtTablesRefused(refusal.reason);
}

function writePageTables(memory: DomainMemory, layout: Xen1Layout): void {
  const directory = layout.pages - 1;
  const firstTable = (layout.pageTables - layout.start) / PAGE_SIZE;
  let table = directory;
  for (let page = 0; page < layout.pages; page++) {
    const address = layout.start / PAGE_SIZE + page;
    const slot = address % 1024;
    if (slot === 0 || page === 0) memory.writeEntry32(directory, Math.floor(address / 1024), --table, DIRECTORY_FLAGS);
    memory.writeEntry32(table, slot, page, page >= firstTable ? TABLE_FLAGS : PAGE_FLAGS);
  }
}

function startInfo(domain: Domain, layout: Xen1Layout, commandLine: string): Uint8Array {
  const info = newStruct(START_INFO, 32);
  info.set('nr_pages', layout.pages);
  info.set('shared_info', domain.sharedInfoMfn * PAGE_SIZE);
  info.set('dom_id', domain.domid);
  info.set('flags', 0);
  info.set('pt_base', layout.directory);
  if (layout.ramdisk !== undefined) {
    info.set('mod_start', layout.ramdisk);
    info.set('mod_len', layout.ramdiskBytes);
  }
  info.setText('cmd_line', commandLine.slice(0, 255));
  return info.bytes;
}
