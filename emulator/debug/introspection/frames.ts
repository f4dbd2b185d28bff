import type { Domid, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { Domain } from '../../xen/common/domain.ts';
import { TYPE_L1, TYPE_L4 } from '../../xen/common/frame-table.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import { hex } from '../../xen/common/refusal.ts';
import type { Vcpu } from '../../xen/common/vcpu.ts';
import { entryFrame, PAGE_PRESENT } from '../../xen/pv/page-table-entry.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';

/** What Xen keeps of a machine frame, and who maps it. */

/** Entries that are listed; the rest is counted. */
const MAX_MAPPINGS = 64;

/** How the entries of page tables lie, and what they cover. */
export interface EntryShape {
  readonly bytes: 4 | 8;
  readonly entries: number;
  /** Of an address, for each level. */
  readonly bits: 9 | 10;
  /** Level of the root. */
  readonly root: 2 | 3 | 4;
}

const LONG_MODE: EntryShape = { bytes: 8, entries: 512, bits: 9, root: 4 };
const PAE: EntryShape = { bytes: 8, entries: 512, bits: 9, root: 3 };
const TWO_LEVELS: EntryShape = { bytes: 4, entries: 1024, bits: 10, root: 2 };

export function shapeOf({ paging, width }: Domain): EntryShape {
  if (paging === '2-level') return TWO_LEVELS;
  return width === 64 ? LONG_MODE : PAE;
}

/** Low and high half of an entry; entries of 32 bits have no high half. */
export function entryOf(ram: Ram, table: Mfn, index: number, { bytes }: EntryShape): readonly [number, number] {
  const at = (ram.offset(table) + index * bytes) >>> 2;
  return [ram.i32[at] as number, bytes === 8 ? (ram.i32[at + 1] as number) : 0];
}

export function findDomain({ hypervisor }: Machine, domid: number): Domain | undefined {
  return hypervisor.domains.get(domid as Domid);
}

export function findVcpu(domain: Domain, index: number | undefined): Vcpu | undefined {
  return domain.vcpus[index ?? 0];
}

/** Numbers of frames hexadecimal; pfn where its owner's machine-to-physical entry leads back to it. */
export function frameFacts(xen: Hypervisor, mfn: number) {
  if (!xen.ram.hasFrame(mfn)) return undefined;
  const { owner, type, typeCount, count, pinned, validated } = xen.frames.describe(mfn as Mfn);
  const domain = owner === undefined ? undefined : xen.domains.get(owner);
  const pfn = xen.m2p.get(mfn as Mfn);
  return {
    mfn: hex(mfn),
    pfn: domain !== undefined && pfn >= 0 && domain.mfnOf(pfn) === mfn ? hex(pfn) : undefined,
    owner: owner as number | undefined,
    type: type as string,
    typeCount,
    count,
    pinned,
    validated,
    xenHeap: owner !== undefined && xen.isXenHeap(mfn as Mfn),
  };
}

/** Everything about one frame. Undefined: no such domain. */
export function frame(
  machine: Machine,
  args: { readonly domain: number; readonly vcpu?: number | undefined; readonly mfn: string },
) {
  const domain = findDomain(machine, args.domain);
  const vcpu = domain === undefined ? undefined : findVcpu(domain, args.vcpu);
  if (domain === undefined || vcpu === undefined) return undefined;
  const { hypervisor } = machine;
  const mfn = Number(args.mfn);
  const mappings = mappingsOf(hypervisor, vcpu, mfn);
  return {
    frame: frameFacts(hypervisor, mfn),
    mappings: mappings.slice(0, MAX_MAPPINGS),
    moreMappings: Math.max(0, mappings.length - MAX_MAPPINGS),
    grants: grantsOf(hypervisor, mfn),
  };
}

/** Page-table entries of any domain that name the frame; with the address where the vCPU's tables reach it. */
export function mappingsOf(xen: Hypervisor, vcpu: Vcpu, mfn: number) {
  const { frames, ram } = xen;
  const bases = tableAddresses(xen, vcpu);
  const found: {
    readonly table: string;
    readonly level: number;
    readonly index: number;
    readonly domain: number;
    readonly virtual: string | undefined;
    readonly writable: boolean;
  }[] = [];
  for (let at = 0; at < frames.types.length; at++) {
    const level = frames.types[at] as number;
    if (level < TYPE_L1 || level > TYPE_L4 || frames.typeCounts[at] === 0) continue;
    const table = (frames.first + at) as Mfn;
    const owner = xen.domains.get(frames.owners[at] as Domid);
    if (owner === undefined) continue;
    const shape = shapeOf(owner);
    for (let index = 0; index < shape.entries; index++) {
      const [low, high] = entryOf(ram, table, index, shape);
      if ((low & PAGE_PRESENT) === 0 || entryFrame(low, high) !== mfn) continue;
      const base = bases.get(table);
      found.push({
        ...{ table: hex(table), level, index, domain: frames.owners[at] as number, writable: (low & 2) !== 0 },
        virtual: base === undefined || level > 1 ? undefined : address(addressIn(base, level, index, shape)),
      });
    }
  }
  return found;
}

/** For each page table that a vCPU's kernel root reaches: the first address that it covers, as a double's 48 bits. */
export function tableAddresses(xen: Hypervisor, vcpu: Vcpu): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const { ram } = xen;
  const shape = shapeOf(vcpu.domain);
  const visit = (table: number, level: number, base: number): void => {
    if (found.has(table) || !ram.hasFrame(table)) return;
    found.set(table, base);
    if (level === 1) return;
    for (let index = 0; index < shape.entries; index++) {
      const [low, high] = entryOf(ram, table as Mfn, index, shape);
      if ((low & PAGE_PRESENT) === 0 || (low & 0x80) !== 0) continue;
      visit(entryFrame(low, high), level - 1, addressIn(base, level, index, shape));
    }
  };
  if (vcpu.kernelRoot !== undefined) visit(vcpu.kernelRoot, shape.root, 0);
  return found;
}

/** Of the 48 bits that are walked; not yet sign-extended. */
export function addressIn(base: number, level: number, index: number, { bits }: EntryShape): number {
  return base + index * 2 ** (12 + bits * (level - 1));
}

/** Canonical, hexadecimal. */
export function address(bits48: number): string {
  const value = BigInt(bits48);
  return `0x${(bits48 >= 2 ** 47 ? value | 0xffff000000000000n : value).toString(16)}`;
}

export function toVirtual(text: string): VirtualAddress {
  return Number(BigInt.asIntN(64, BigInt(text))) as VirtualAddress;
}

/** Grants in use that lead to the frame. */
function grantsOf(xen: Hypervisor, mfn: number) {
  const found: { readonly domain: number; readonly ref: number; readonly user: number }[] = [];
  for (const { domid, grantTable } of xen.domains.values()) {
    for (const [ref, active] of grantTable.active) {
      if (active.mfn === mfn) found.push({ domain: domid, ref, user: active.domid });
    }
  }
  return found;
}
