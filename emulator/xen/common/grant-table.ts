import type { Domid, MachineAddress, Mfn } from '../../base/numbers.ts';
import {
  GNTST_BAD_DOMAIN,
  GNTST_BAD_GNTREF,
  GNTST_BAD_PAGE,
  GNTST_GENERAL_ERROR,
  GRANT_ENTRY_V1_BYTES,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_READONLY,
  GTF_TYPE_MASK,
  GTF_WRITING,
} from '../public/xen-4/grant-table.ts';
import type { Domain } from './domain.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hex } from './refusal.ts';

/**
 * Grant tables, version 1 (common/grant_table.c): the guest's entries in shared frames, and who uses which of them.
 * NOT IMPLEMENTED: version 2 entries (set_version answers ENOSYS, as with max_grant_version=1).
 */

/** A grant that somebody uses: how often, reading and writing, and the frame it was when first used. */
export interface ActiveGrant {
  readonly domid: Domid;
  readonly mfn: Mfn;
  readers: number;
  writers: number;
}

/** A use by `map_grant_ref`, known to the mapper by a handle. */
export interface GrantMapping {
  readonly granter: Domid;
  readonly ref: number;
  flags: number;
}

const ENTRIES_PER_FRAME = 4096 / GRANT_ENTRY_V1_BYTES;

/** One domain's grants to others, and its mappings of theirs. */
export class GrantTable {
  version = 1;
  /** Frames shared with the guest. */
  readonly frames: Mfn[] = [];
  maxFrames = 64;
  readonly active: Map<number, ActiveGrant> = new Map();
  /** By handle. */
  readonly mappings: (GrantMapping | undefined)[] = [];

  get entries(): number {
    return this.frames.length * ENTRIES_PER_FRAME;
  }
}

/** A grant operation's negative status, with the reason. */
export interface GrantFailure {
  readonly status: number;
  readonly reason: string;
}

export function grantFailure(status: number, reason: string): GrantFailure {
  return { status, reason };
}

export function isGrantFailure(result: unknown): result is GrantFailure {
  return typeof result === 'object' && result !== null && 'status' in result;
}

/** Machine address of a v1 entry; the entry must exist. */
export function grantEntryAddress(table: GrantTable, ref: number): MachineAddress {
  const frame = table.frames[Math.floor(ref / ENTRIES_PER_FRAME)] as Mfn;
  return (frame * 4096 + (ref % ENTRIES_PER_FRAME) * GRANT_ENTRY_V1_BYTES) as MachineAddress;
}

/** Makes the table at least `count` frames long, if its limit and the machine's memory allow. */
export function growGrantTable(xen: Hypervisor, domain: Domain, count: number): GrantFailure | undefined {
  const table = domain.grantTable;
  if (count > table.maxFrames) {
    return grantFailure(GNTST_GENERAL_ERROR, `${count} grant frames asked for, at most ${table.maxFrames} allowed`);
  }
  while (table.frames.length < count) {
    const mfn = xen.allocateSharedFrame(domain);
    if (mfn === undefined) return grantFailure(GNTST_GENERAL_ERROR, 'the machine has no free frame');
    table.frames.push(mfn);
  }
  return undefined;
}

/**
 * Uses a grant (acquire_grant): checks the entry, marks it read or written, holds the frame. Every success needs one
 * `releaseGrant`.
 */
export function acquireGrant(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  write: boolean,
): ActiveGrant | GrantFailure {
  const table = granter.grantTable;
  if (ref >= table.entries) {
    return grantFailure(GNTST_BAD_GNTREF, `grant ${ref}: domain ${granter.domid} has ${table.entries} entries`);
  }
  const address = grantEntryAddress(table, ref);
  const word = xen.ram.read32(address);
  const flags = word & 0xffff;
  const domid = word >>> 16;
  const who = `grant ${ref} of domain ${granter.domid}`;
  const existing = table.active.get(ref);
  if (existing === undefined) {
    if ((flags & GTF_TYPE_MASK) !== GTF_PERMIT_ACCESS) {
      return grantFailure(GNTST_GENERAL_ERROR, `${who} has flags ${hex(flags)}: it permits no access`);
    }
    if (domid !== user) return grantFailure(GNTST_GENERAL_ERROR, `${who} is for domain ${domid}, not ${user}`);
  } else if (existing.domid !== user) {
    return grantFailure(GNTST_GENERAL_ERROR, `${who} is in use by domain ${existing.domid}`);
  }
  if (write && (flags & GTF_READONLY) !== 0) return grantFailure(GNTST_GENERAL_ERROR, `${who} is read-only`);
  const frame = existing?.mfn ?? xen.ram.read32((address + 4) as MachineAddress);
  const held = holdFrame(xen, granter, frame, write);
  if (held !== undefined) return held;
  const active = existing ?? { domid: user, mfn: frame as Mfn, readers: 0, writers: 0 };
  if (write) active.writers++;
  else active.readers++;
  table.active.set(ref, active);
  xen.ram.write16(address, flags | GTF_READING | (write ? GTF_WRITING : 0));
  return active;
}

export function releaseGrant(xen: Hypervisor, granter: Domain, ref: number, write: boolean): void {
  const table = granter.grantTable;
  const active = table.active.get(ref);
  if (active === undefined) return;
  if (write) {
    active.writers--;
    xen.references.putWithType(active.mfn);
  } else {
    active.readers--;
    xen.references.put(active.mfn);
  }
  const address = grantEntryAddress(table, ref);
  let flags = xen.ram.read32(address) & 0xffff;
  if (active.writers === 0) flags &= ~GTF_WRITING;
  if (active.writers + active.readers === 0) {
    flags &= ~GTF_READING;
    table.active.delete(ref);
  }
  xen.ram.write16(address, flags);
}

function holdFrame(xen: Hypervisor, granter: Domain, frame: number, write: boolean): GrantFailure | undefined {
  if (!write) {
    if (xen.references.get(frame, granter.domid)) return undefined;
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(frame, granter.domid).reason);
  }
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, granter.domid);
  return refusal === undefined ? undefined : grantFailure(GNTST_BAD_PAGE, refusal.reason);
}

/** Resolves the domid of a grant operation. */
export function grantDomain(xen: Hypervisor, caller: Domain, domid: number): Domain | GrantFailure {
  if (domid === 0x7ff0 || domid === caller.domid) return caller;
  const found = xen.domains.get(domid as Domid);
  return found ?? grantFailure(GNTST_BAD_DOMAIN, `there is no domain ${domid}`);
}
