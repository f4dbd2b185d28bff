import type { Domid, Mfn } from '../../../../emulator/base/numbers.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import {
  FRAME_ALLOCATED,
  FRAME_PAE_XEN_L2,
  FRAME_PINNED,
  FRAME_VALIDATED,
  FRAME_XEN_HEAP,
  TYPE_L1,
  TYPE_L3,
  TYPE_L4,
  TYPE_LDT,
  TYPE_SEGMENT_DESCRIPTORS,
  TYPE_WRITABLE,
} from '../../../../emulator/xen/common/frame-table.ts';
import type { Hypervisor } from '../../../../emulator/xen/common/hypervisor.ts';
import { isGuestL4Slot } from '../../../../emulator/xen/pv/mm-validate.ts';
import { entryFrame, PAGE_PRESENT, PAGE_RW } from '../../../../emulator/xen/pv/page-table-entry.ts';

/**
 * Recomputes, from nothing but what is stored, how often every frame is referenced and as what, and compares with the
 * frame table. Also the rule that all of it is for: no page table or descriptor page has a writable mapping. Answers
 * what is wrong, in words.
 */
export function findViolations(xen: Hypervisor): string[] {
  const found: string[] = [];
  const { first, owners, types, flags, typeCounts, counts } = xen.frames;
  const expected = { counts: new Int32Array(owners.length), types: new Int32Array(owners.length) };
  const taken = new Set<number>();
  const use = (mfn: number, type: number | undefined, what: string): void => {
    const index = mfn - first;
    if (owners[index] === undefined || (owners[index] as number) < 0) {
      found.push(`${what} refers to mfn ${mfn.toString(16)}, which is free`);
      return;
    }
    expected.counts[index] = (expected.counts[index] as number) + 1;
    if (type === undefined) return;
    expected.types[index] = (expected.types[index] as number) + 1;
    if (types[index] !== type)
      found.push(`${what} uses mfn ${mfn.toString(16)} as type ${type}, it is ${types[index]}`);
  };
  for (let index = 0; index < owners.length; index++) {
    const mfn = index + first;
    const own = flags[index] as number;
    if ((own & FRAME_ALLOCATED) !== 0) use(mfn, undefined, 'allocation');
    if ((own & FRAME_XEN_HEAP) !== 0) use(mfn, TYPE_WRITABLE, 'Xen');
    if ((own & FRAME_XEN_HEAP) !== 0 && (own & FRAME_ALLOCATED) === 0)
      found.push(`mfn ${mfn.toString(16)} of Xen is given back`);
    if ((own & FRAME_PINNED) !== 0) use(mfn, types[index], 'pin');
    const isTable = (types[index] as number) >= TYPE_L1 && (types[index] as number) <= TYPE_L4;
    if (isTable && (own & FRAME_VALIDATED) !== 0 && (typeCounts[index] as number) > 0) {
      walkTable(xen, mfn as Mfn, types[index] as number, use, found, taken);
    }
  }
  for (const domain of xen.domains.values()) useOfDomain(domain, use);
  for (const domain of xen.domains.values())
    found.push(...pins(xen, domain), ...channels(xen, domain), ...pages(xen, domain));
  for (let index = 0; index < owners.length; index++) {
    if (counts[index] === expected.counts[index] && typeCounts[index] === expected.types[index]) continue;
    found.push(
      `mfn ${(index + first).toString(16)} (type ${types[index]}): count ${counts[index]}, expected ${expected.counts[index]}; ` +
        `type count ${typeCounts[index]}, expected ${expected.types[index]}`,
    );
  }
  return found;
}

type Use = (mfn: number, type: number | undefined, what: string) => void;

/** `taken`: L2 tables with Xen's slots that have been met. */
function walkTable(xen: Hypervisor, table: Mfn, level: number, use: Use, found: string[], taken: Set<number>): void {
  const domain = xen.domains.get(xen.frames.owner(table) as Domid);
  if (domain?.paging === '2-level') {
    walkNarrowTable(xen, table, level, use, found);
    return;
  }
  const base = xen.ram.offset(table) >>> 2;
  const narrow = xen.domains.get(xen.frames.owner(table) as Domid)?.width === 32;
  const flags = xen.frames.flags[table - xen.frames.first] as number;
  if (narrow && level === 4) found.push(`L4 ${table.toString(16)} in a 32-bit domain`);
  for (let slot = 0; slot < 512; slot++) {
    const low = xen.ram.i32[base + slot * 2] as number;
    const high = xen.ram.i32[base + slot * 2 + 1] as number;
    if (narrow && level === 3) {
      // The fourth entry is there and leads to an L2 with Xen's slots that nobody else uses; nothing stands behind it.
      const index = entryFrame(low, high) - xen.frames.first;
      const present = (low & PAGE_PRESENT) !== 0;
      const xens = present && ((xen.frames.flags[index] as number) & FRAME_PAE_XEN_L2) !== 0;
      const right = slot < 3 ? !xens : slot === 3 ? xens && !taken.has(index) : (low | high) === 0;
      if (xens) taken.add(index);
      if (!right) found.push(`L3 ${table.toString(16)} slot ${slot} of a 32-bit domain is wrong`);
    }
    // From 0xF5800000 on (public/arch-x86/xen-x86_32.h), that L2 holds what Xen put there.
    if (narrow && level === 2 && (flags & FRAME_PAE_XEN_L2) !== 0 && slot >= 428) {
      const at = (xen.ram.offset(xen.m2p.compatL2 as Mfn) >>> 2) + (slot - 428) * 2;
      if (xen.ram.i32[at] !== low || xen.ram.i32[at + 1] !== high)
        found.push(`L2 ${table.toString(16)} slot ${slot} of Xen holds a guest's entry`);
      continue;
    }
    if (level === TYPE_L4 && !isGuestL4Slot(slot)) {
      const shown = slot === 256 && entryFrame(low, high) === xen.m2p.l3;
      if (low !== 0 && !shown) found.push(`L4 ${table.toString(16)} slot ${slot} of Xen holds a guest's entry`);
      continue;
    }
    if ((low & PAGE_PRESENT) === 0) continue;
    const what = `L${level} ${table.toString(16)} slot ${slot}`;
    // Sheet §6: PWT, PCD, PSE (PAT in L1) nowhere, GLOBAL in L1 only, bit 62 not in L1.
    const forbidden = level === TYPE_L1 ? (low & 0x098) !== 0 || (high & 0x40000000) !== 0 : (low & 0x198) !== 0;
    if (narrow && level === 3 && ((high & 0xfff00000) !== 0 || (low & (PAGE_RW | 4)) !== (PAGE_RW | 4)))
      found.push(`${what} of a 32-bit domain has wrong rights`);
    if (forbidden) found.push(`${what} has forbidden bits`);
    const frame = entryFrame(low, high);
    if (level === TYPE_L1 && !mayMap(xen, table, frame as Mfn)) found.push(`${what} maps another domain's frame`);
    if (level === TYPE_L1) use(frame, (low & PAGE_RW) !== 0 ? TYPE_WRITABLE : undefined, what);
    else if (xen.ram.hasFrame(frame) && xen.references.type(frame) === level) {
      if ((low & PAGE_RW) !== 0) found.push(`${what} is a writable linear mapping`);
      // A table that maps itself holds no reference on itself.
      if (frame !== table) use(frame, level, what);
    } else use(frame, level - 1, what);
  }
}

/** Tables of 32-bit entries, by the rules of Xen 2.0: slots from 1008 on are Xen's. */
function walkNarrowTable(xen: Hypervisor, table: Mfn, level: number, use: Use, found: string[]): void {
  const base = xen.ram.offset(table) >>> 2;
  if (level > 2) found.push(`L${level} ${table.toString(16)} in a domain of two levels`);
  for (let slot = 0; slot < 1024; slot++) {
    const entry = xen.ram.i32[base + slot] as number;
    const what = `L${level} ${table.toString(16)} slot ${slot}`;
    const frame = entry >>> 12;
    if (level === 2 && slot >= 1008) {
      // The machine-to-physical table, and the directory itself, for nobody in ring 3.
      const own = slot === 1008 ? xen.m2p.twoLevelL1 : slot === 1019 ? table : 0;
      if (frame !== own || (entry & 4) !== 0) found.push(`${what} of Xen holds a guest's entry`);
      continue;
    }
    if ((entry & PAGE_PRESENT) === 0) continue;
    if (level === 1) {
      if (xen.frames.owner(frame) !== xen.frames.owner(table)) found.push(`${what} maps another domain's frame`);
      use(frame, (entry & PAGE_RW) !== 0 ? TYPE_WRITABLE : undefined, what);
    } else if (xen.references.type(frame as Mfn) === 2) {
      if ((entry & PAGE_RW) !== 0) found.push(`${what} is a writable linear mapping`);
      if (frame !== table) use(frame, 2, what);
    } else {
      use(frame, 1, what);
      // GLOBAL comes in with a change of flags alone, which Xen 2.0 does not look at.
      if ((entry & 0x80) !== 0) found.push(`${what} has forbidden bits`);
    }
  }
}

function rootTypeOf(domain: Domain): number {
  return domain.paging === '2-level' ? 2 : domain.width === 64 ? TYPE_L4 : TYPE_L3;
}

function useOfDomain(domain: Domain, use: Use): void {
  for (const vcpu of domain.vcpus) {
    if (vcpu.kernelRoot !== undefined) use(vcpu.kernelRoot, rootTypeOf(domain), 'kernel root');
    if (vcpu.userRoot !== undefined) use(vcpu.userRoot, TYPE_L4, 'user root');
    for (const mfn of vcpu.gdtFrames) use(mfn, TYPE_SEGMENT_DESCRIPTORS, 'GDT');
    for (const mfn of vcpu.ldtFrames.values())
      use(mfn, domain.paging === '2-level' ? TYPE_LDT : TYPE_SEGMENT_DESCRIPTORS, 'LDT');
    if (vcpu.vcpuInfoFrame !== undefined) use(vcpu.vcpuInfoFrame, TYPE_WRITABLE, 'vcpu_info');
  }
  const { fifo } = domain.eventChannels;
  for (const mfn of fifo?.arrayFrames ?? []) use(mfn, TYPE_WRITABLE, 'FIFO array');
  for (const mfn of fifo?.controlFrames ?? []) if (mfn !== undefined) use(mfn, TYPE_WRITABLE, 'FIFO control block');
  for (const mfn of domain.hostFrames) use(mfn, TYPE_WRITABLE, 'host');
  if (domain.pirqEoiFrame !== undefined) use(domain.pirqEoiFrame, TYPE_WRITABLE, 'PIRQ EOI page');
  for (const grant of domain.grantTable.active.values()) {
    for (let index = 0; index < grant.readers; index++) use(grant.mfn, undefined, 'grant reader');
    for (let index = 0; index < grant.writers; index++) use(grant.mfn, TYPE_WRITABLE, 'grant writer');
  }
}

/** Uses of a domain's grants: as many as other domains' mappings have; the host's are its own affair. */
function pins(xen: Hypervisor, granter: Domain): string[] {
  const expected = new Map<number, number>();
  for (const mapper of xen.domains.values()) {
    for (const mapping of mapper.grantTable.mappings) {
      if (mapping === undefined || mapping.orphan || mapping.granter !== granter.domid) continue;
      const uses = (mapping.flags & 1) + ((mapping.flags >> 1) & 1);
      expected.set(mapping.ref, (expected.get(mapping.ref) ?? 0) + uses);
    }
  }
  const wrong: string[] = [];
  for (const [ref, grant] of granter.grantTable.active) {
    const uses = expected.get(ref) ?? 0;
    expected.delete(ref);
    if (grant.domid !== 0 && grant.readers + grant.writers !== uses)
      wrong.push(`grant ${ref} of domain ${granter.domid}: ${grant.readers + grant.writers} uses, ${uses} mappings`);
  }
  return [
    ...wrong,
    ...Array.from(expected.keys(), (ref) => `grant ${ref} of ${granter.domid} is mapped, but not in use`),
  ];
}

/** Both ends of a channel name each other; each VIRQ's port is bound to it. */
function channels(xen: Hypervisor, domain: Domain): string[] {
  const wrong: string[] = [];
  for (const [port, channel] of domain.eventChannels.ports.entries()) {
    if (channel.state === 2 && !channel.host) {
      const far = xen.domains.get(channel.remoteDomid)?.eventChannels.ports[channel.remotePort];
      if (far?.state !== 2 || far.remotePort !== port || far.remoteDomid !== domain.domid)
        wrong.push(`port ${port} of domain ${domain.domid} has a far end that does not know it`);
    }
    if (
      channel.state === 4 &&
      domain.vcpus[channel.notifyVcpu]?.virqPorts[channel.virq] !== port &&
      channel.notifyVcpu === 0
    )
      wrong.push(`port ${port} of domain ${domain.domid}: VIRQ ${channel.virq} is bound elsewhere`);
  }
  return wrong;
}

/** Xen's tot_pages: the frames that are the domain's own, however they came to it. */
function pages(xen: Hypervisor, domain: Domain): string[] {
  const { owners, flags } = xen.frames;
  let own = 0;
  for (let index = 0; index < owners.length; index++)
    if (owners[index] === domain.domid && ((flags[index] as number) & FRAME_XEN_HEAP) === 0) own++;
  return own === domain.totalPages ? [] : [`domain ${domain.domid} counts ${domain.totalPages} pages and owns ${own}`];
}

/** A domain's tables map its own frames, and others' that it has mapped by grant. */
function mayMap(xen: Hypervisor, table: Mfn, frame: Mfn): boolean {
  const owner = xen.frames.owner(table);
  if (xen.frames.owner(frame) === owner) return true;
  const mappings = owner === undefined ? undefined : xen.domains.get(owner)?.grantTable.mappings;
  return mappings?.some((mapping) => mapping?.mfn === frame) === true;
}
