import type { Domid, MachineAddress, Mfn } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import {
  GNTST_BAD_COPY_ARG,
  GNTST_BAD_DOMAIN,
  GNTST_BAD_PAGE,
  GNTST_GENERAL_ERROR,
  GNTST_PERMISSION_DENIED,
  GNTTAB_COPY,
  GNTTAB_TRANSFER,
  GTF_ACCEPT_TRANSFER,
  GTF_SUB_PAGE,
  GTF_TRANSFER_COMMITTED,
  GTF_TRANSFER_COMPLETED,
  GTF_TRANSITIVE,
  GTF_TYPE_MASK,
} from '../public/xen-4/grant-table.ts';
import type { Domain } from './domain.ts';
import { DOMID_SELF, TYPE_WRITABLE } from './frame-table.ts';
import { forEachGrantOperation } from './grant-ops.ts';
import {
  checkPin,
  type GrantFailure,
  grantEntryAddress,
  grantEntryFrame,
  granterOf,
  grantFailure,
  isGrantFailure,
  pin,
  readGrantHeader,
  reduceStatus,
  releaseGrant,
  setStatus,
} from './grant-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hex } from './refusal.ts';

/** GNTTABOP_copy and GNTTABOP_transfer (common/grant_table.c). */

const COPY_SOURCE_GREF = 1;
const COPY_DEST_GREF = 2;

type CopyOp = StructView<keyof (typeof GNTTAB_COPY)[64]['offset']>;

export function doCopy(call: HypercallContext): HypercallResult {
  return forEachGrantOperation(call, GNTTAB_COPY, (op) => copyOne(call, op));
}

/** One side of a copy: the part of a frame that it may touch, held until `close`. */
interface CopyEnd {
  readonly mfn: Mfn;
  readonly start: number;
  readonly length: number;
  readonly close: () => void;
}

function copyOne(call: HypercallContext, op: CopyOp): GrantFailure | undefined {
  const flags = op.get('flags');
  const sourceGrant = (flags & COPY_SOURCE_GREF) !== 0;
  const destGrant = (flags & COPY_DEST_GREF) !== 0;
  // Who the domains are is looked at before any frame.
  const bad =
    namedByGrant(op.get('source_domid'), sourceGrant) ??
    domainExists(call, op.get('source_domid')) ??
    namedByGrant(op.get('dest_domid'), destGrant) ??
    domainExists(call, op.get('dest_domid'));
  if (bad !== undefined) return bad;
  const source = openCopyEnd(call, op.get('source_domid'), op.get('source_ref'), sourceGrant, false);
  if (isGrantFailure(source)) return source;
  const dest = openCopyEnd(call, op.get('dest_domid'), op.get('dest_ref'), destGrant, true);
  if (isGrantFailure(dest)) {
    source.close();
    return dest;
  }
  const failure = copyBytes(call.xen, op, source, dest);
  dest.close();
  source.close();
  return failure;
}

function namedByGrant(domid: number, isGrant: boolean): GrantFailure | undefined {
  if (isGrant || domid === DOMID_SELF) return undefined;
  return grantFailure(GNTST_PERMISSION_DENIED, `a frame can be named of DOMID_SELF only, not of domain ${domid}`);
}

function domainExists({ xen }: HypercallContext, domid: number): GrantFailure | undefined {
  if (domid === DOMID_SELF || domid === 0 || xen.domains.has(domid as Domid)) return undefined;
  return grantFailure(GNTST_BAD_DOMAIN, `there is no domain ${domid}`);
}

function copyBytes(xen: Hypervisor, op: CopyOp, source: CopyEnd, dest: CopyEnd): GrantFailure | undefined {
  const length = op.get('len');
  const from = op.get('source_offset');
  const to = op.get('dest_offset');
  if (from + length > 4096 || to + length > 4096) {
    return grantFailure(GNTST_BAD_COPY_ARG, `${length} bytes from offset ${from} to ${to} cross a page`);
  }
  if (!isInside(source, from, length) || !isInside(dest, to, length)) {
    return grantFailure(GNTST_GENERAL_ERROR, `${length} bytes from offset ${from} to ${to} leave the granted part`);
  }
  const bytes = xen.ram.frame(source.mfn).slice(from, from + length);
  xen.ram.writeBytes((dest.mfn * 4096 + to) as MachineAddress, bytes);
  return undefined;
}

function isInside(end: CopyEnd, offset: number, length: number): boolean {
  return offset >= end.start && offset + length <= end.start + end.length;
}

function openCopyEnd(
  { xen, domain }: HypercallContext,
  domid: number,
  ref: number,
  isGrant: boolean,
  write: boolean,
): CopyEnd | GrantFailure {
  if (isGrant) {
    const granter = domid === DOMID_SELF ? domain : granterOf(xen, domid, ref);
    if (isGrantFailure(granter)) return granter;
    const end = acquireForCopy(xen, granter, ref, domain.domid, write, true);
    const failed = isGrantFailure(end);
    xen.trace.grant?.({
      ...{ granter, ref, user: domain.domid, write, action: failed ? 'fail' : 'copy' },
      text: failed ? end.reason : `grant ${ref} of domain ${granter.domid} copied ${write ? 'to' : 'from'}`,
    });
    return end;
  }
  if (!xen.references.get(ref, domain.domid)) {
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(ref, domain.domid).reason);
  }
  const mfn = ref as Mfn;
  const whole = { mfn, start: 0, length: 4096 };
  if (!write) return { ...whole, close: () => xen.references.put(mfn) };
  const refusal = xen.references.getType(mfn, TYPE_WRITABLE);
  if (refusal !== undefined) {
    xen.references.put(mfn);
    return grantFailure(GNTST_GENERAL_ERROR, refusal.reason);
  }
  return { ...whole, close: () => xen.references.putWithType(mfn) };
}

/**
 * acquire_grant_for_copy. A transitive entry (version 2) leads to one of another domain's entries, but no further; a
 * sub-page entry gives a part of its frame.
 */
function acquireForCopy(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  write: boolean,
  mayBeTransitive: boolean,
): CopyEnd | GrantFailure {
  const bad = checkPin(granter, ref, user);
  if (bad !== undefined) return bad;
  const table = granter.grantTable;
  const existing = table.active.get(ref);
  const { flags } = readGrantHeader(xen, table, ref);
  if (table.version === 2 && (flags & GTF_TYPE_MASK) === GTF_TRANSITIVE) {
    return acquireTransitive(xen, granter, ref, user, write, mayBeTransitive);
  }
  let start = 0;
  let length = 4096;
  let frame = existing?.mfn as number;
  if (existing === undefined || (write && existing.writers === 0)) {
    const refusal = setStatus(xen, granter, ref, user, write, false);
    if (refusal !== undefined) return refusal;
    frame = grantEntryFrame(xen, table, ref);
    if (existing !== undefined && existing.mfn !== frame) {
      reduceStatus(xen, granter, ref, write);
      return grantFailure(GNTST_GENERAL_ERROR, `grant ${ref} is in use for frame ${hex(existing.mfn)}`);
    }
    if (existing === undefined && table.version === 2 && (flags & GTF_SUB_PAGE) !== 0) {
      const word = xen.ram.read32((grantEntryAddress(table, ref) + 4) as MachineAddress);
      start = word & 0xffff;
      length = word >>> 16;
    }
  }
  const active = pin(xen, granter, ref, user, frame, write);
  if (isGrantFailure(active)) return active;
  return { mfn: active.mfn, start, length, close: () => releaseGrant(xen, granter, ref, write) };
}

function acquireTransitive(
  xen: Hypervisor,
  granter: Domain,
  ref: number,
  user: Domid,
  write: boolean,
  allowed: boolean,
): CopyEnd | GrantFailure {
  const table = granter.grantTable;
  const who = `transitive grant ${ref} of domain ${granter.domid}`;
  const refusal = setStatus(xen, granter, ref, user, write, false);
  if (refusal !== undefined) return refusal;
  const give = (status: number, reason: string): GrantFailure => {
    reduceStatus(xen, granter, ref, write);
    return grantFailure(status, reason);
  };
  if (!allowed) return give(GNTST_GENERAL_ERROR, `${who} is reached by another one`);
  const address = grantEntryAddress(table, ref);
  const domid = xen.ram.read32((address + 4) as MachineAddress) & 0xffff;
  const further = xen.ram.read32((address + 8) as MachineAddress) >>> 0;
  if (domid === granter.domid) return give(GNTST_GENERAL_ERROR, `${who} leads to its own domain`);
  const origin = xen.domains.get(domid as Domid);
  if (origin === undefined) return give(GNTST_GENERAL_ERROR, `${who} leads to domain ${domid}`);
  const inner = acquireForCopy(xen, origin, further, granter.domid, write, false);
  if (isGrantFailure(inner)) return give(inner.status, `${who}: ${inner.reason}`);
  const close = (): void => {
    inner.close();
    reduceStatus(xen, granter, ref, write);
  };
  return { ...inner, close };
}

export function doTransfer(call: HypercallContext): HypercallResult {
  return forEachGrantOperation(call, GNTTAB_TRANSFER, (op) =>
    transferOne(call, op.get('mfn'), op.get('domid'), op.get('ref')),
  );
}

/** Gives a page away. Once it is the taker's turn the giver has lost it, even when the taker does not want it. */
function transferOne(
  { xen, domain }: HypercallContext,
  frame: number,
  domid: number,
  ref: number,
): GrantFailure | undefined {
  if (!xen.frames.owns(domain.domid, frame)) {
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(frame, domain.domid).reason);
  }
  const info = xen.frames.describe(frame);
  if (info.count !== 1 || xen.isXenHeap(frame)) {
    return grantFailure(GNTST_BAD_PAGE, `mfn ${hex(frame)} is in use: count ${info.count}`);
  }
  const failure = offer(xen, domain, frame, domid, ref);
  if (failure === undefined) return undefined;
  xen.references.deallocate(frame);
  return { ...failure, reason: `${failure.reason}; the page is lost` };
}

function offer(xen: Hypervisor, giver: Domain, frame: Mfn, domid: number, ref: number): GrantFailure | undefined {
  const taker = xen.domains.get(domid as Domid);
  if (taker === undefined && domid !== 0) return grantFailure(GNTST_BAD_DOMAIN, `there is no domain ${domid}`);
  if (taker === undefined || ref >= taker.grantTable.entries)
    return grantFailure(GNTST_GENERAL_ERROR, `domain ${domid} has no grant ${ref}`);
  if (taker !== giver && taker.totalPages >= taker.maxPages)
    return grantFailure(GNTST_GENERAL_ERROR, `domain ${domid} has its full memory`);
  const table = taker.grantTable;
  const entry = readGrantHeader(xen, table, ref);
  if (entry.flags !== GTF_ACCEPT_TRANSFER || entry.domid !== giver.domid) {
    return grantFailure(
      GNTST_GENERAL_ERROR,
      `grant ${ref} of domain ${domid} does not accept a transfer from ${giver.domid}`,
    );
  }
  // The entry's frame field says which pfn the taker wants the page at, until it says where the page is.
  const pfn = grantEntryFrame(xen, table, ref);
  const address = grantEntryAddress(table, ref);
  xen.moveFrame(frame, giver, taker);
  xen.setPfn(frame, pfn % 4294967296, Math.floor(pfn / 4294967296));
  if (table.version === 1) xen.ram.write32((address + 4) as MachineAddress, frame);
  else xen.ram.write64((address + 8) as MachineAddress, frame, 0);
  xen.ram.write16(address, GTF_ACCEPT_TRANSFER | GTF_TRANSFER_COMMITTED | GTF_TRANSFER_COMPLETED);
  return undefined;
}
