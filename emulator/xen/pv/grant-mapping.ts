import { assert } from '../../base/assert.ts';
import type { Domid, MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import { TYPE_L1, TYPE_WRITABLE } from '../common/frame-table.ts';
import {
  acquireGrant,
  type GrantFailure,
  type GrantMapping,
  granterOf,
  grantFailure,
  isGrantFailure,
  releaseFrame,
  releaseGrant,
} from '../common/grant-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, hex64 } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { StructView } from '../public/struct.ts';
import {
  GNTMAP_APPLICATION_MAP,
  GNTMAP_CONTAINS_PTE,
  GNTMAP_DEVICE_MAP,
  GNTMAP_HOST_MAP,
  GNTMAP_READONLY,
  GNTST_BAD_DEV_ADDR,
  GNTST_BAD_GNTREF,
  GNTST_BAD_HANDLE,
  GNTST_GENERAL_ERROR,
  type GNTTAB_MAP_GRANT_REF,
  type GNTTAB_UNMAP_AND_REPLACE,
  type GNTTAB_UNMAP_GRANT_REF,
} from '../public/xen-4/grant-table.ts';
import { findL1Entry } from './mm-update.ts';
import {
  adjustedHigh,
  adjustedLow,
  entryFrame,
  entryHigh,
  entryLow,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_PRESENT,
  PAGE_RW,
  PAGE_USER,
} from './page-table-entry.ts';

/** Mapping of grants into a PV guest's own page tables (pv/grant_table.c). */

type MapOp = StructView<keyof (typeof GNTTAB_MAP_GRANT_REF)[64]['offset']>;
type UnmapOp = StructView<keyof (typeof GNTTAB_UNMAP_GRANT_REF)[64]['offset']>;
type ReplaceOp = StructView<keyof (typeof GNTTAB_UNMAP_AND_REPLACE)[64]['offset']>;

/** How many uses of the grant the flags ask for: host and device mappings count apart. */
function usesOf(flags: number): number {
  return ((flags & GNTMAP_HOST_MAP) === 0 ? 0 : 1) + ((flags & GNTMAP_DEVICE_MAP) === 0 ? 0 : 1);
}

export function mapGrant(xen: Hypervisor, vcpu: Vcpu, op: MapOp): GrantFailure | undefined {
  const flags = op.get('flags');
  const uses = usesOf(flags);
  if (uses === 0) return grantFailure(GNTST_BAD_GNTREF, `map flags ${hex(flags)} ask for no mapping at all`);
  const ref = op.get('ref');
  const granter = granterOf(xen, op.get('dom'), ref);
  if (isGrantFailure(granter)) return granter;
  const write = (flags & GNTMAP_READONLY) === 0;
  const active = acquireGrant(xen, granter, ref, vcpu.domain.domid, write);
  if (isGrantFailure(active)) {
    xen.trace.grant?.({ granter, ref, user: vcpu.domain.domid, write, action: 'fail', text: active.reason });
    return active;
  }
  const { mfn } = active;
  let held = 1;
  const giveUp = (failure: GrantFailure): GrantFailure => {
    for (; held > 0; held--) releaseGrant(xen, granter, ref, write);
    return failure;
  };
  if (uses === 2) {
    const second = acquireGrant(xen, granter, ref, vcpu.domain.domid, write);
    if (isGrantFailure(second)) return giveUp(second);
    held = 2;
  }
  if ((flags & GNTMAP_HOST_MAP) !== 0) {
    const place = findEntry(xen, vcpu, op, flags);
    if (isGrantFailure(place)) return giveUp(place);
    installEntry(xen, vcpu, place, mfn, flags, write);
  }
  const mappings = vcpu.domain.grantTable.mappings;
  const free = mappings.indexOf(undefined);
  const handle = free < 0 ? mappings.length : free;
  mappings[handle] = { granter: granter.domid, ref, mfn, flags, orphan: false };
  op.set('handle', handle);
  op.set('dev_bus_addr', mfn * 4096);
  xen.trace.grant?.({
    ...{ granter, ref, user: vcpu.domain.domid, write, action: 'map' },
    text: `grant ${ref} of domain ${granter.domid} mapped, handle ${handle}`,
  });
  return undefined;
}

const NOTHING = new Int32Array(2);

export function unmapGrant(xen: Hypervisor, vcpu: Vcpu, op: UnmapOp): GrantFailure | undefined {
  const device = Int32Array.of(op.low('dev_bus_addr'), op.high('dev_bus_addr'));
  return unmap(xen, vcpu, op, op.get('handle'), device, NOTHING);
}

/** As unmap, with the entry that maps another address moved into the place. */
export function unmapAndReplace(xen: Hypervisor, vcpu: Vcpu, op: ReplaceOp): GrantFailure | undefined {
  const replacement = Int32Array.of(op.low('new_addr'), op.high('new_addr'));
  return unmap(xen, vcpu, op, op.get('handle'), NOTHING, replacement);
}

/** Ends the halves of a mapping whose address is given (not 0); the handle goes with the last. */
function unmap(
  xen: Hypervisor,
  vcpu: Vcpu,
  op: StructView<'host_addr'>,
  handle: number,
  device: Int32Array,
  replacement: Int32Array,
): GrantFailure | undefined {
  const { mappings } = vcpu.domain.grantTable;
  const mapping = mappings[handle];
  if (mapping === undefined) return grantFailure(GNTST_BAD_HANDLE, `there is no mapping with handle ${handle}`);
  const [deviceLow, deviceHigh] = device as unknown as readonly [number, number];
  const endsDevice = (mapping.flags & GNTMAP_DEVICE_MAP) !== 0 && (deviceLow | deviceHigh) !== 0;
  if (endsDevice && (deviceHigh >>> 0) * 4294967296 + (deviceLow >>> 0) !== mapping.mfn * 4096) {
    return grantFailure(GNTST_BAD_DEV_ADDR, `the bus address of handle ${handle} is ${hex(mapping.mfn * 4096)}`);
  }
  if ((mapping.flags & GNTMAP_HOST_MAP) !== 0 && (op.low('host_addr') | op.high('host_addr')) !== 0) {
    const failure = replaceEntry(xen, vcpu, op, mapping, replacement);
    if (failure !== undefined) return failure;
    mapping.flags &= ~GNTMAP_HOST_MAP;
    releaseMapping(xen, mapping);
  }
  if (endsDevice) {
    mapping.flags &= ~GNTMAP_DEVICE_MAP;
    releaseMapping(xen, mapping);
  }
  if (usesOf(mapping.flags) !== 0) return undefined;
  mappings[handle] = undefined;
  xen.trace.grant?.({
    ...{ granter: xen.domains.get(mapping.granter) ?? vcpu.domain, ref: mapping.ref, action: 'unmap' },
    ...{ user: vcpu.domain.domid, write: (mapping.flags & GNTMAP_READONLY) === 0 },
    text: `grant ${mapping.ref} of domain ${mapping.granter} unmapped, handle ${handle}`,
  });
  return undefined;
}

/** One use less. The granter's table may be gone; its frame is not. */
function releaseMapping(xen: Hypervisor, mapping: GrantMapping): void {
  const write = (mapping.flags & GNTMAP_READONLY) === 0;
  const granter = mapping.orphan ? undefined : xen.domains.get(mapping.granter);
  if (granter === undefined) releaseFrame(xen, mapping.mfn, write);
  else releaseGrant(xen, granter, mapping.ref, write);
}

/** What a domain that is destroyed still had mapped; its page tables let go of their own share. */
export function releaseAllMappings(xen: Hypervisor, domain: Domain): void {
  for (const mapping of domain.grantTable.mappings) {
    if (mapping === undefined) continue;
    for (let uses = usesOf(mapping.flags); uses > 0; uses--) releaseMapping(xen, mapping);
  }
  domain.grantTable.mappings.length = 0;
}

/** The domain and its table go: whoever maps its grants keeps the frames, by themselves. */
export function orphanMappings(xen: Hypervisor, granter: Domain): void {
  for (const domain of xen.domains.values()) {
    for (const mapping of domain.grantTable.mappings) {
      if (mapping?.granter === granter.domid) mapping.orphan = true;
    }
  }
}

/** replace_grant_pv_mapping: the entry must still map the granted frame with the granted rights. */
function replaceEntry(
  xen: Hypervisor,
  vcpu: Vcpu,
  op: StructView<'host_addr'>,
  mapping: GrantMapping,
  replacement: Int32Array,
): GrantFailure | undefined {
  const [newLow, newHigh] = replacement as unknown as readonly [number, number];
  const moves = (newLow | newHigh) !== 0;
  if (moves && (mapping.flags & GNTMAP_CONTAINS_PTE) !== 0) {
    return grantFailure(GNTST_GENERAL_ERROR, 'a mapping by entry cannot be replaced by address');
  }
  const moved = moves ? stealEntry(xen, vcpu, newHigh * 4294967296 + (newLow >>> 0)) : NO_ENTRY;
  if (isGrantFailure(moved)) return moved;
  const place = findEntry(xen, vcpu, op, mapping.flags);
  const failure = isGrantFailure(place) ? place : exchange(xen, place, mapping, moved);
  // An entry that found no place is gone with what it held.
  if (failure !== undefined && moves) xen.validator.putEntry(1, moved.low, moved.high, moved.table);
  return failure;
}

interface Entry {
  readonly low: number;
  readonly high: number;
  readonly table: Mfn;
}

const NO_ENTRY: Entry = { low: 0, high: 0, table: 0 as Mfn };

function readEntry(xen: Hypervisor, { table, slot }: EntryPlace): Entry {
  const at = (xen.ram.offset(table) >>> 2) + slot * 2;
  return { low: xen.ram.i32[at] as number, high: xen.ram.i32[at + 1] as number, table };
}

function stealEntry(xen: Hypervisor, vcpu: Vcpu, address: number): Entry | GrantFailure {
  const place = findL1Entry(xen, vcpu, address as VirtualAddress);
  if (place === undefined || !isL1Of(xen, place.table, vcpu.domain.domid)) {
    return grantFailure(GNTST_GENERAL_ERROR, `no L1 table covers ${hex(address)}`);
  }
  const entry = readEntry(xen, place);
  xen.validator.store(place.table, place.slot, 0, 0);
  return entry;
}

function exchange(
  xen: Hypervisor,
  place: EntryPlace,
  mapping: GrantMapping,
  { low, high }: Entry,
): GrantFailure | undefined {
  const old = readEntry(xen, place);
  const rights = PAGE_PRESENT | ((mapping.flags & GNTMAP_READONLY) === 0 ? PAGE_RW : 0);
  const mapped = entryFrame(old.low, old.high);
  if (mapped !== mapping.mfn || (old.low & (PAGE_PRESENT | PAGE_RW)) !== rights) {
    return grantFailure(
      GNTST_GENERAL_ERROR,
      `the entry ${hex64(old.low, old.high)} does not map the granted ${hex(mapping.mfn)}`,
    );
  }
  xen.validator.store(place.table, place.slot, low, high);
  xen.validator.putEntry(1, old.low, old.high, place.table);
  return undefined;
}

interface EntryPlace {
  readonly table: Mfn;
  readonly slot: number;
}

/** The L1 entry by its machine address (contains_pte) or by the virtual address that it maps. */
function findEntry(xen: Hypervisor, vcpu: Vcpu, op: StructView<'host_addr'>, flags: number): EntryPlace | GrantFailure {
  const low = op.low('host_addr');
  const high = op.high('host_addr');
  if ((flags & GNTMAP_CONTAINS_PTE) !== 0) {
    const address = ((high >>> 0) * 4294967296 + (low >>> 0)) as MachineAddress;
    const frame = Math.floor(address / 4096);
    if (address % 8 !== 0 || !isL1Of(xen, frame, vcpu.domain.domid)) {
      return grantFailure(GNTST_GENERAL_ERROR, `${hex(address)} is no entry of an L1 table of this domain`);
    }
    return { table: frame as Mfn, slot: (address % 4096) / 8 };
  }
  const address = (high * 4294967296 + (low >>> 0)) as VirtualAddress;
  const found = findL1Entry(xen, vcpu, address);
  if (found === undefined || !isL1Of(xen, found.table, vcpu.domain.domid)) {
    return grantFailure(GNTST_GENERAL_ERROR, `no L1 table covers ${hex(address)}`);
  }
  return found;
}

function isL1Of(xen: Hypervisor, frame: number, domid: Domid): boolean {
  return xen.frames.owns(domid, frame) && xen.references.type(frame) === TYPE_L1 && xen.references.typeCount(frame) > 0;
}

const GUEST_AVAIL_SHIFT = 16;
/** Bit 63: granted pages hold no code (grant_to_pte_flags). */
const NO_EXECUTE_HIGH = 1 << 31;

/** Stores the entry with references of its own, and lets go of what the old one mapped. */
function installEntry(xen: Hypervisor, vcpu: Vcpu, place: EntryPlace, mfn: Mfn, flags: number, write: boolean): void {
  const { width } = vcpu.domain;
  let bits = PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | (write ? PAGE_RW : 0);
  if ((flags & GNTMAP_APPLICATION_MAP) !== 0) bits |= PAGE_USER;
  // GNTMAP_guest_avail0: three bits that the guest wants among the entry's available ones.
  bits |= ((flags >>> GUEST_AVAIL_SHIFT) & 7) << 9;
  const low = entryLow(mfn, bits);
  const high = entryHigh(mfn) | NO_EXECUTE_HIGH;
  holdFrame(xen, mfn, write);
  const at = (xen.ram.offset(place.table) >>> 2) + place.slot * 2;
  const oldLow = xen.ram.i32[at] as number;
  const oldHigh = xen.ram.i32[at + 1] as number;
  xen.validator.store(place.table, place.slot, adjustedLow(1, low, high, width), adjustedHigh(1, low, high, width));
  xen.validator.putEntry(1, oldLow, oldHigh, place.table);
}

/** The active grant holds the frame already, as the same use, so that neither step can fail. */
function holdFrame(xen: Hypervisor, mfn: Mfn, write: boolean): void {
  const owner = xen.frames.owner(mfn);
  assert(owner !== undefined && xen.references.get(mfn, owner), `granted frame ${hex(mfn)} has no owner`);
  if (write)
    assert(xen.references.getType(mfn, TYPE_WRITABLE) === undefined, `granted frame ${hex(mfn)} is not writable`);
}
