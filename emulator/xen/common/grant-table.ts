import type { Domid, MachineAddress, Mfn } from '../../base/numbers.ts';
import {
  GNTST_BAD_DOMAIN,
  GNTST_BAD_GNTREF,
  GNTST_BAD_PAGE,
  GNTST_GENERAL_ERROR,
  GNTTAB_NR_RESERVED_ENTRIES,
  GRANT_ENTRY_V1_BYTES,
  GRANT_ENTRY_V2_BYTES,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_READONLY,
  GTF_SUB_PAGE,
  GTF_TRANSITIVE,
  GTF_TYPE_MASK,
  GTF_WRITING,
} from '../public/xen-4/grant-table.ts';
import type { Domain } from './domain.ts';
import { DOMID_SELF, TYPE_WRITABLE } from './frame-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hex, type Refusal, refuse } from './refusal.ts';

/**
 * Grant tables, versions 1 and 2 (common/grant_table.c): the guest's entries in shared frames, and who uses which of
 * them. NOT IMPLEMENTED: cache attributes in grant flags (they matter for device memory only).
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
  readonly mfn: Mfn;
  /** GNTMAP_*; host_map and device_map go as their halves are unmapped. */
  flags: number;
  /** The granter was destroyed; its table is gone, the frame stays until the mapper lets go of it. */
  orphan: boolean;
}

/** Xen counts uses of one grant in bytes and refuses the one that could overflow (GNTPIN_incr2oflow_mask). */
const MAX_PINS = 128;
/** Words of 16 bits in a status frame (version 2). */
const STATUS_PER_FRAME = 2048;

/** One domain's grants to others, and its mappings of theirs. */
export class GrantTable {
  version: 1 | 2 = 1;
  /** Frames shared with the guest. */
  readonly frames: Mfn[] = [];
  /** Version 2: frames with a status word for each entry. */
  readonly statusFrames: Mfn[] = [];
  maxFrames = 64;
  readonly active: Map<number, ActiveGrant> = new Map();
  /** By handle. */
  readonly mappings: (GrantMapping | undefined)[] = [];

  get entries(): number {
    return (this.frames.length * 4096) / this.entryBytes;
  }

  get entryBytes(): number {
    return this.version === 1 ? GRANT_ENTRY_V1_BYTES : GRANT_ENTRY_V2_BYTES;
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

/** Machine address of an entry; it must exist. */
export function grantEntryAddress(table: GrantTable, ref: number): MachineAddress {
  const at = ref * table.entryBytes;
  return ((table.frames[Math.floor(at / 4096)] as Mfn) * 4096 + (at % 4096)) as MachineAddress;
}

/** Machine address of the word with GTF_reading and GTF_writing: the flags themselves, or version 2's status word. */
export function grantStatusAddress(table: GrantTable, ref: number): MachineAddress {
  if (table.version === 1) return grantEntryAddress(table, ref);
  const frame = table.statusFrames[Math.floor(ref / STATUS_PER_FRAME)] as Mfn;
  return (frame * 4096 + (ref % STATUS_PER_FRAME) * 2) as MachineAddress;
}

/** The status word; in version 2 it is aligned to 2 bytes only. */
export function readGrantStatus({ ram }: Hypervisor, table: GrantTable, ref: number): number {
  const at = ram.offsetOf(grantStatusAddress(table, ref));
  return (ram.u8[at] as number) | ((ram.u8[at + 1] as number) << 8);
}

/** The head that both versions share. */
export function readGrantHeader(xen: Hypervisor, table: GrantTable, ref: number): { flags: number; domid: number } {
  const word = xen.ram.read32(grantEntryAddress(table, ref));
  return { flags: word & 0xffff, domid: word >>> 16 };
}

/** Frame of an entry that permits access: 32 bits in version 1, 64 in version 2 (there also with GTF_sub_page). */
export function grantEntryFrame(xen: Hypervisor, table: GrantTable, ref: number): number {
  const address = grantEntryAddress(table, ref);
  if (table.version === 1) return xen.ram.read32((address + 4) as MachineAddress) >>> 0;
  const low = xen.ram.read32((address + 8) as MachineAddress) >>> 0;
  return (xen.ram.read32((address + 12) as MachineAddress) >>> 0) * 4294967296 + low;
}

/** Makes the table at least `count` frames long, if its limit and the machine's memory allow. */
export function growGrantTable(xen: Hypervisor, domain: Domain, count: number): GrantFailure | undefined {
  const table = domain.grantTable;
  if (count > table.maxFrames) {
    return grantFailure(GNTST_GENERAL_ERROR, `${count} grant frames asked for, at most ${table.maxFrames} allowed`);
  }
  if (!extend(xen, domain, table.frames, count)) return noFrame();
  if (table.version === 2 && !extend(xen, domain, table.statusFrames, statusFramesFor(table.frames.length)))
    return noFrame();
  return undefined;
}

function noFrame(): GrantFailure {
  return grantFailure(GNTST_GENERAL_ERROR, 'the machine has no free frame');
}

function statusFramesFor(frames: number): number {
  return Math.ceil((frames * (4096 / GRANT_ENTRY_V2_BYTES)) / STATUS_PER_FRAME);
}

function extend(xen: Hypervisor, domain: Domain, frames: Mfn[], count: number): boolean {
  while (frames.length < count) {
    const mfn = xen.allocateSharedFrame(domain);
    if (mfn === undefined) return false;
    frames.push(mfn);
  }
  return true;
}

/** References that a shared frame has by itself: the allocation's and Xen's. */
const SHARED_FRAME_REFERENCES = 2;

/** GNTTABOP_set_version: entries are cleared but for the toolstack's first eight, which are translated. */
export function setGrantVersion(xen: Hypervisor, domain: Domain, version: 1 | 2): Refusal | undefined {
  const table = domain.grantTable;
  if (table.version === version) return undefined;
  for (const ref of table.active.keys()) {
    if (ref >= GNTTAB_NR_RESERVED_ENTRIES) return refuse('EBUSY', `grant ${ref} is in use`);
  }
  const reserved = readReserved(xen, table);
  if (version === 1) {
    const wide = reserved.find(({ flags, frame }) => frame >= 4294967296 || (flags & GTF_TYPE_MASK) === GTF_TRANSITIVE);
    if (wide !== undefined) return refuse('ERANGE', 'a reserved entry cannot be written as a version 1 entry');
    const busy = table.statusFrames.find((mfn) => xen.frames.describe(mfn).count > SHARED_FRAME_REFERENCES);
    if (busy !== undefined) return refuse('EBUSY', `status frame ${hex(busy)} is still mapped`);
    for (const mfn of table.statusFrames.splice(0)) xen.freeSharedFrame(mfn);
  } else if (!extend(xen, domain, table.statusFrames, statusFramesFor(table.frames.length))) {
    for (const mfn of table.statusFrames.splice(0)) xen.freeSharedFrame(mfn);
    return refuse('ENOMEM', 'the machine has no free frame for grant status words');
  }
  for (const mfn of table.frames) xen.ram.clearFrame(mfn);
  table.version = version;
  reserved.forEach((entry, ref) => {
    writeReserved(xen, table, ref, entry);
  });
  return undefined;
}

interface ReservedEntry {
  readonly flags: number;
  readonly domid: number;
  readonly frame: number;
}

/** The first entries as version 1 has them, reading and writing bits among the flags; others than permits are dropped. */
function readReserved(xen: Hypervisor, table: GrantTable): ReservedEntry[] {
  return Array.from({ length: GNTTAB_NR_RESERVED_ENTRIES }, (_, ref) => {
    const { flags, domid } = readGrantHeader(xen, table, ref);
    const frame = grantEntryFrame(xen, table, ref);
    if (table.version === 1) return { flags, domid, frame };
    const type = flags & GTF_TYPE_MASK;
    if (type === GTF_TRANSITIVE) return { flags, domid, frame: 0 };
    if (type !== GTF_PERMIT_ACCESS) return { flags: 0, domid: 0, frame: 0 };
    return { flags: flags | readGrantStatus(xen, table, ref), domid, frame };
  });
}

function writeReserved(xen: Hypervisor, table: GrantTable, ref: number, { flags, domid, frame }: ReservedEntry): void {
  const address = grantEntryAddress(table, ref);
  if (table.version === 1) {
    xen.ram.write64(address, flags | (domid << 16), frame);
    return;
  }
  const inUse = GTF_READING | GTF_WRITING;
  xen.ram.write16(grantStatusAddress(table, ref), flags & inUse);
  xen.ram.write64(address, (flags & ~inUse) | (domid << 16), 0);
  xen.ram.write64((address + 8) as MachineAddress, frame, 0);
}

/**
 * Uses a grant for a mapping (map_grant_ref's half of it): checks the entry, marks it read or written, holds the
 * frame. Every success needs one `releaseGrant`.
 */
export function acquireGrant(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  write: boolean,
): ActiveGrant | GrantFailure {
  const bad = checkPin(granter, ref, user);
  if (bad !== undefined) return bad;
  const table = granter.grantTable;
  const existing = table.active.get(ref);
  if (existing === undefined || (write && existing.writers === 0)) {
    const refusal = setStatus(xen, granter, ref, user, write, true);
    if (refusal !== undefined) return refusal;
  }
  return pin(xen, granter, ref, user, existing?.mfn ?? grantEntryFrame(xen, table, ref), write);
}

/** What holds for every use: the entry exists, and nobody else uses it. */
export function checkPin(granter: Domain, ref: number, user: Domid): GrantFailure | undefined {
  const table = granter.grantTable;
  if (ref >= table.entries) {
    return grantFailure(GNTST_BAD_GNTREF, `grant ${ref}: domain ${granter.domid} has ${table.entries} entries`);
  }
  const existing = table.active.get(ref);
  if (existing === undefined) return undefined;
  const who = `grant ${ref} of domain ${granter.domid}`;
  if (existing.domid !== user) return grantFailure(GNTST_GENERAL_ERROR, `${who} is in use by domain ${existing.domid}`);
  if (Math.max(existing.readers, existing.writers) >= MAX_PINS)
    return grantFailure(GNTST_GENERAL_ERROR, `${who} is in use ${MAX_PINS} times`);
  return undefined;
}

/** _set_status: type, domain and read-only flag of an entry are looked at when its use begins or becomes writing. */
export function setStatus(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  write: boolean,
  mapping: boolean,
): GrantFailure | undefined {
  const table = granter.grantTable;
  const { flags, domid } = readGrantHeader(xen, table, ref);
  const who = `grant ${ref} of domain ${granter.domid}`;
  if (!table.active.has(ref)) {
    const type = flags & (mapping ? GTF_TYPE_MASK | GTF_SUB_PAGE : GTF_TYPE_MASK);
    const transitive = table.version === 2 && !mapping && type === GTF_TRANSITIVE;
    if (type !== GTF_PERMIT_ACCESS && !transitive) {
      return grantFailure(GNTST_GENERAL_ERROR, `${who} has flags ${hex(flags)}: it permits no such access`);
    }
    if (domid !== user) return grantFailure(GNTST_GENERAL_ERROR, `${who} is for domain ${domid}, not ${user}`);
  }
  if (write && (flags & GTF_READONLY) !== 0) return grantFailure(GNTST_GENERAL_ERROR, `${who} is read-only`);
  const old = readGrantStatus(xen, table, ref);
  xen.ram.write16(grantStatusAddress(table, ref), old | GTF_READING | (write ? GTF_WRITING : 0));
  return undefined;
}

/** reduce_status_for_pin: takes back what no use needs any more. */
export function reduceStatus(xen: Hypervisor, granter: Domain, ref: number, write: boolean): void {
  const table = granter.grantTable;
  if (ref >= table.entries) return;
  const active = table.active.get(ref);
  let flags = readGrantStatus(xen, table, ref);
  if (active === undefined) flags &= ~GTF_READING;
  if (write && (active?.writers ?? 0) === 0) flags &= ~GTF_WRITING;
  xen.ram.write16(grantStatusAddress(table, ref), flags);
}

/** Holds a frame for one more use of a grant whose status is set; on failure the status is as before. */
export function pin(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  frame: number,
  write: boolean,
): ActiveGrant | GrantFailure {
  const table = granter.grantTable;
  const held = holdFrame(xen, granter, frame, write);
  if (held !== undefined) {
    reduceStatus(xen, granter, ref, write);
    return held;
  }
  const active = table.active.get(ref) ?? { domid: user, mfn: frame as Mfn, readers: 0, writers: 0 };
  if (write) active.writers++;
  else active.readers++;
  table.active.set(ref, active);
  return active;
}

export function releaseGrant(xen: Hypervisor, granter: Domain, ref: number, write: boolean): void {
  const table = granter.grantTable;
  const active = table.active.get(ref);
  if (active === undefined) return;
  releaseFrame(xen, active.mfn, write);
  if (write) active.writers--;
  else active.readers--;
  if (active.writers + active.readers === 0) table.active.delete(ref);
  reduceStatus(xen, granter, ref, write);
}

/** Lets go of a frame that one use of a grant held. */
export function releaseFrame(xen: Hypervisor, mfn: Mfn, write: boolean): void {
  if (write) xen.references.putWithType(mfn);
  else xen.references.put(mfn);
}

function holdFrame(xen: Hypervisor, granter: Domain, frame: number, write: boolean): GrantFailure | undefined {
  if (!xen.references.get(frame, granter.domid)) {
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(frame, granter.domid).reason);
  }
  if (!write) return undefined;
  const refusal = xen.references.getType(frame as Mfn, TYPE_WRITABLE);
  if (refusal === undefined) return undefined;
  xen.references.put(frame as Mfn);
  return grantFailure(GNTST_GENERAL_ERROR, refusal.reason);
}

/** The host's table, as domain 0's would be: of the first size, and granting nothing. */
const HOST_ENTRIES = 4096 / GRANT_ENTRY_V1_BYTES;

/** Who grants: a domain by its number, its own included, but not DOMID_SELF (rcu_lock_domain_by_id). */
export function granterOf(xen: Hypervisor, domid: number, ref: number): Domain | GrantFailure {
  const found = xen.domains.get(domid as Domid);
  if (found !== undefined) return found;
  if (domid !== 0) return grantFailure(GNTST_BAD_DOMAIN, `there is no domain ${domid}`);
  return grantFailure(
    ref < HOST_ENTRIES ? GNTST_GENERAL_ERROR : GNTST_BAD_GNTREF,
    `grant ${ref} of domain 0: the host grants nothing`,
  );
}

/** The domain an operation is about: DOMID_SELF, or a number (rcu_lock_domain_by_any_id). */
export function anyDomain(xen: Hypervisor, caller: Domain, domid: number): Domain | GrantFailure {
  if (domid === DOMID_SELF) return caller;
  const found = xen.domains.get(domid as Domid);
  return found ?? grantFailure(GNTST_BAD_DOMAIN, `there is no domain ${domid}`);
}
