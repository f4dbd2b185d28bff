import { assert } from '../../base/assert.ts';
import type { Domid, MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import { TYPE_L1, TYPE_WRITABLE } from '../common/frame-table.ts';
import {
  acquireGrant,
  type GrantFailure,
  grantDomain,
  grantFailure,
  isGrantFailure,
  releaseGrant,
} from '../common/grant-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { StructView } from '../public/struct.ts';
import {
  GNTMAP_APPLICATION_MAP,
  GNTMAP_CONTAINS_PTE,
  GNTMAP_DEVICE_MAP,
  GNTMAP_HOST_MAP,
  GNTMAP_READONLY,
  GNTST_BAD_GNTREF,
  GNTST_BAD_HANDLE,
  GNTST_BAD_VIRT_ADDR,
  GNTST_GENERAL_ERROR,
  type GNTTAB_MAP_GRANT_REF,
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

export function mapGrant(xen: Hypervisor, vcpu: Vcpu, op: MapOp): GrantFailure | undefined {
  const flags = op.get('flags');
  if ((flags & (GNTMAP_HOST_MAP | GNTMAP_DEVICE_MAP)) === 0) {
    return grantFailure(GNTST_BAD_GNTREF, `map flags ${hex(flags)} ask for no mapping at all`);
  }
  const granter = grantDomain(xen, vcpu.domain, op.get('dom'));
  if (isGrantFailure(granter)) return granter;
  const write = (flags & GNTMAP_READONLY) === 0;
  const ref = op.get('ref');
  const active = acquireGrant(xen, granter, ref, vcpu.domain.domid, write);
  if (isGrantFailure(active)) return active;
  if ((flags & GNTMAP_HOST_MAP) !== 0) {
    const place = findEntry(xen, vcpu, op, flags);
    if (isGrantFailure(place)) {
      releaseGrant(xen, granter, ref, write);
      return place;
    }
    installEntry(xen, place, active.mfn, flags, write);
  }
  const mappings = vcpu.domain.grantTable.mappings;
  const free = mappings.indexOf(undefined);
  const handle = free < 0 ? mappings.length : free;
  mappings[handle] = { granter: granter.domid, ref, flags };
  op.set('handle', handle);
  op.set('dev_bus_addr', active.mfn * 4096);
  xen.trace.grant?.(vcpu.domain, `grant ${ref} of domain ${granter.domid} mapped, handle ${handle}`);
  return undefined;
}

export function unmapGrant(xen: Hypervisor, vcpu: Vcpu, op: UnmapOp): GrantFailure | undefined {
  const { mappings } = vcpu.domain.grantTable;
  const handle = op.get('handle');
  const mapping = mappings[handle];
  if (mapping === undefined) return grantFailure(GNTST_BAD_HANDLE, `there is no mapping with handle ${handle}`);
  const granter = xen.domains.get(mapping.granter);
  if (granter === undefined) return grantFailure(GNTST_BAD_HANDLE, `domain ${mapping.granter} is gone`);
  const active = granter.grantTable.active.get(mapping.ref);
  if (active === undefined) return grantFailure(GNTST_BAD_HANDLE, `grant ${mapping.ref} is not in use`);
  if ((mapping.flags & GNTMAP_HOST_MAP) !== 0) {
    const place = findEntry(xen, vcpu, op, mapping.flags);
    if (isGrantFailure(place)) return place;
    const at = (xen.ram.offset(place.table) >>> 2) + place.slot * 2;
    const mapped = entryFrame(xen.ram.i32[at] as number, xen.ram.i32[at + 1] as number);
    if (((xen.ram.i32[at] as number) & PAGE_PRESENT) === 0 || mapped !== active.mfn) {
      return grantFailure(GNTST_GENERAL_ERROR, `the entry maps ${hex(mapped)}, the grant is ${hex(active.mfn)}`);
    }
    xen.validator.store(place.table, place.slot, 0, 0);
    if ((mapping.flags & GNTMAP_READONLY) === 0) xen.references.putWithType(active.mfn);
    else xen.references.put(active.mfn);
  }
  mappings[handle] = undefined;
  releaseGrant(xen, granter, mapping.ref, (mapping.flags & GNTMAP_READONLY) === 0);
  xen.trace.grant?.(vcpu.domain, `grant ${mapping.ref} of domain ${granter.domid} unmapped, handle ${handle}`);
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
    return grantFailure(GNTST_BAD_VIRT_ADDR, `no L1 table covers ${hex(address)}`);
  }
  return found;
}

function isL1Of(xen: Hypervisor, frame: number, domid: Domid): boolean {
  return xen.frames.owns(domid, frame) && xen.references.type(frame) === TYPE_L1 && xen.references.typeCount(frame) > 0;
}

/** Stores the entry with references of its own, and lets go of what the old one mapped. */
function installEntry(xen: Hypervisor, place: EntryPlace, mfn: Mfn, flags: number, write: boolean): void {
  let bits = PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | (write ? PAGE_RW : 0);
  if ((flags & GNTMAP_APPLICATION_MAP) !== 0) bits |= PAGE_USER;
  const low = entryLow(mfn, bits);
  const high = entryHigh(mfn);
  holdFrame(xen, mfn, write);
  const at = (xen.ram.offset(place.table) >>> 2) + place.slot * 2;
  const oldLow = xen.ram.i32[at] as number;
  const oldHigh = xen.ram.i32[at + 1] as number;
  xen.validator.store(place.table, place.slot, adjustedLow(1, low, high), adjustedHigh(1, low, high));
  xen.validator.putEntry(1, oldLow, oldHigh, place.table);
}

/** The active grant holds the frame already, as the same use, so that neither step can fail. */
function holdFrame(xen: Hypervisor, mfn: Mfn, write: boolean): void {
  const owner = xen.frames.owner(mfn);
  assert(owner !== undefined && xen.references.get(mfn, owner), `granted frame ${hex(mfn)} has no owner`);
  if (write)
    assert(xen.references.getType(mfn, TYPE_WRITABLE) === undefined, `granted frame ${hex(mfn)} is not writable`);
}
