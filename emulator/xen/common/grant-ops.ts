import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructDefinition, StructView } from '../public/struct.ts';
import {
  GNTST_BAD_COPY_ARG,
  GNTST_BAD_DOMAIN,
  GNTST_BAD_GNTREF,
  GNTST_BAD_PAGE,
  GNTST_GENERAL_ERROR,
  GNTST_OKAY,
  GNTST_PERMISSION_DENIED,
  GNTTAB_COPY,
  GNTTAB_GET_VERSION,
  GNTTAB_MAP_GRANT_REF,
  GNTTAB_QUERY_SIZE,
  GNTTAB_SET_VERSION,
  GNTTAB_SETUP_TABLE,
  GNTTAB_SWAP_GRANT_REF,
  GNTTAB_TRANSFER,
  GNTTAB_UNMAP_GRANT_REF,
  GTF_ACCEPT_TRANSFER,
  GTF_TRANSFER_COMMITTED,
  GTF_TRANSFER_COMPLETED,
} from '../public/xen-4/grant-table.ts';
import { mapGrant, unmapGrant } from '../pv/grant-mapping.ts';
import type { Domain } from './domain.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import {
  acquireGrant,
  type GrantFailure,
  grantDomain,
  grantEntryAddress,
  grantFailure,
  growGrantTable,
  isGrantFailure,
  releaseGrant,
} from './grant-table.ts';
import { faultAt, readStruct, writeStruct, writeWord } from './guest-access.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';

/** The operations of grant_table_op, each on an array of structures with a status in every element. */

/**
 * Runs one operation on each element: the element's status says how it went, the hypercall itself fails only when
 * memory cannot be accessed. Failures are remembered with their reasons.
 */
function forEach<Names extends string>(
  { xen, domain, args }: HypercallContext,
  definition: StructDefinition<Names | 'status'>,
  run: (op: StructView<Names | 'status'>) => GrantFailure | undefined,
): HypercallResult {
  const array = args.address(1);
  const count = args.u32(2);
  if (count > 0x7fffffff) return refuse('EINVAL', `${count} operations`);
  const size = definition[domain.width].size;
  for (let index = 0; index < count; index++) {
    const address = (array + index * size) as VirtualAddress;
    const op = readStruct(xen, domain, address, definition);
    if (isRefusal(op)) return op;
    const failure = run(op);
    op.set('status', failure?.status ?? GNTST_OKAY);
    if (failure !== undefined) {
      xen.notice(domain, 'grant_table_op', { errno: 22, reason: `${definition.name} ${index}: ${failure.reason}` });
    }
    const written = writeStruct(xen, address, op);
    if (written !== undefined) return written;
  }
  return 0;
}

export function doMapGrantRef(call: HypercallContext): HypercallResult {
  return forEach(call, GNTTAB_MAP_GRANT_REF, (op) => mapGrant(call.xen, call.vcpu, op));
}

export function doUnmapGrantRef(call: HypercallContext): HypercallResult {
  const result = forEach(call, GNTTAB_UNMAP_GRANT_REF, (op) => unmapGrant(call.xen, call.vcpu, op));
  call.xen.tlb.flushAll();
  return result;
}

export function doSetupTable(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  if (args.u32(2) !== 1) return refuse('EINVAL', 'setup_table takes exactly one operation');
  return forEach(call, GNTTAB_SETUP_TABLE, (op) => {
    const target = ownDomain(call, op.get('dom'));
    if (isGrantFailure(target)) return target;
    const count = op.get('nr_frames');
    const failure = growGrantTable(xen, target, count);
    if (failure !== undefined) return failure;
    const list = op.get('frame_list');
    const step = domain.width === 64 ? 8 : 4;
    for (let index = 0; index < count; index++) {
      const at = (list + index * step) as VirtualAddress;
      if (!writeWord(xen, at, target.grantTable.frames[index] as Mfn, step)) {
        return grantFailure(GNTST_GENERAL_ERROR, faultAt('frame list', at).reason);
      }
    }
    return undefined;
  });
}

export function doQuerySize(call: HypercallContext): HypercallResult {
  if (call.args.u32(2) !== 1) return refuse('EINVAL', 'query_size takes exactly one operation');
  return forEach(call, GNTTAB_QUERY_SIZE, (op) => {
    const target = ownDomain(call, op.get('dom'));
    if (isGrantFailure(target)) return target;
    op.set('nr_frames', target.grantTable.frames.length);
    op.set('max_nr_frames', target.grantTable.maxFrames);
    return undefined;
  });
}

/** An unprivileged domain may ask about itself only. */
function ownDomain({ xen, domain }: HypercallContext, domid: number): Domain | GrantFailure {
  const target = grantDomain(xen, domain, domid);
  if (isGrantFailure(target) || target === domain || domain.privileged) return target;
  return grantFailure(
    GNTST_PERMISSION_DENIED,
    `domain ${domain.domid} may not ask about domain ${domid}'s grant table`,
  );
}

export function doSetVersion({ xen, domain, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), GNTTAB_SET_VERSION);
  if (isRefusal(op)) return op;
  const version = op.get('version');
  if (version !== 1 && version !== 2) return refuse('EINVAL', `there is no grant table version ${version}`);
  if (version === 2) return refuse('ENOSYS', 'grant table version 2 is not available (max_grant_version=1)');
  op.set('version', domain.grantTable.version);
  return writeStruct(xen, args.address(1), op) ?? 0;
}

export function doGetVersion(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const op = readStruct(xen, domain, args.address(1), GNTTAB_GET_VERSION);
  if (isRefusal(op)) return op;
  const target = grantDomain(xen, domain, op.get('dom'));
  if (isGrantFailure(target)) return refuse('ESRCH', target.reason);
  if (target !== domain && !domain.privileged)
    return refuse('EPERM', 'only the own grant table version may be asked for');
  op.set('version', target.grantTable.version);
  return writeStruct(xen, args.address(1), op) ?? 0;
}

export function doSwapGrantRef(call: HypercallContext): HypercallResult {
  const { xen, domain } = call;
  return forEach(call, GNTTAB_SWAP_GRANT_REF, (op) => {
    const a = op.get('ref_a');
    const b = op.get('ref_b');
    const table = domain.grantTable;
    if (a >= table.entries || b >= table.entries)
      return grantFailure(GNTST_BAD_GNTREF, `grant ${Math.max(a, b)}: no such entry`);
    if (a === b) return undefined;
    if (table.active.has(a) || table.active.has(b))
      return grantFailure(-12, `grant ${table.active.has(a) ? a : b} is in use`);
    const addressA = grantEntryAddress(table, a);
    const addressB = grantEntryAddress(table, b);
    const lowA = xen.ram.read32(addressA);
    const highA = xen.ram.read32((addressA + 4) as MachineAddress);
    xen.ram.write64(addressA, xen.ram.read32(addressB), xen.ram.read32((addressB + 4) as MachineAddress));
    xen.ram.write64(addressB, lowA, highA);
    return undefined;
  });
}

const COPY_SOURCE_GREF = 1;
const COPY_DEST_GREF = 2;

type CopyOp = StructView<keyof (typeof GNTTAB_COPY)[64]['offset']>;

export function doCopy(call: HypercallContext): HypercallResult {
  return forEach(call, GNTTAB_COPY, (op) => copyOne(call, op));
}

function copyOne(call: HypercallContext, op: CopyOp): GrantFailure | undefined {
  const length = op.get('len');
  const sourceOffset = op.get('source_offset');
  const destOffset = op.get('dest_offset');
  if (sourceOffset + length > 4096 || destOffset + length > 4096) {
    return grantFailure(
      GNTST_BAD_COPY_ARG,
      `${length} bytes from offset ${sourceOffset} to ${destOffset} cross a page`,
    );
  }
  const flags = op.get('flags');
  const source = openCopyEnd(
    call,
    op.get('source_domid'),
    op.get('source_ref'),
    (flags & COPY_SOURCE_GREF) !== 0,
    false,
  );
  if (isGrantFailure(source)) return source;
  const dest = openCopyEnd(call, op.get('dest_domid'), op.get('dest_ref'), (flags & COPY_DEST_GREF) !== 0, true);
  if (isGrantFailure(dest)) {
    source.close();
    return dest;
  }
  const bytes = call.xen.ram.frame(source.mfn).slice(sourceOffset, sourceOffset + length);
  call.xen.ram.writeBytes((dest.mfn * 4096 + destOffset) as MachineAddress, bytes);
  dest.close();
  source.close();
  return undefined;
}

interface CopyEnd {
  readonly mfn: Mfn;
  readonly close: () => void;
}

function openCopyEnd(
  { xen, domain }: HypercallContext,
  domid: number,
  ref: number,
  isGrant: boolean,
  write: boolean,
): CopyEnd | GrantFailure {
  const owner = grantDomain(xen, domain, domid);
  if (isGrantFailure(owner)) return owner;
  if (isGrant) {
    const active = acquireGrant(xen, owner, ref, domain.domid, write);
    if (isGrantFailure(active)) return active;
    return { mfn: active.mfn, close: () => releaseGrant(xen, owner, ref, write) };
  }
  if (owner !== domain) {
    return grantFailure(GNTST_PERMISSION_DENIED, `frames of domain ${domid} can be named by grant only`);
  }
  if (write) {
    const refusal = xen.references.getWithType(ref, TYPE_WRITABLE, domain.domid);
    if (refusal !== undefined) return grantFailure(GNTST_BAD_PAGE, refusal.reason);
    return { mfn: ref as Mfn, close: () => xen.references.putWithType(ref as Mfn) };
  }
  if (!xen.references.get(ref, domain.domid)) {
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(ref, domain.domid).reason);
  }
  return { mfn: ref as Mfn, close: () => xen.references.put(ref as Mfn) };
}

export function doTransfer(call: HypercallContext): HypercallResult {
  return forEach(call, GNTTAB_TRANSFER, (op) => transferOne(call, op.get('mfn'), op.get('domid'), op.get('ref')));
}

/** Gives a page away to a domain that offered to take one (GTF_accept_transfer). */
function transferOne(
  { xen, domain }: HypercallContext,
  frame: number,
  domid: number,
  ref: number,
): GrantFailure | undefined {
  const taker = grantDomain(xen, domain, domid);
  if (isGrantFailure(taker)) return taker;
  if (taker === domain) return grantFailure(GNTST_BAD_DOMAIN, 'a page cannot be transferred to its owner');
  if (!xen.frames.owns(domain.domid, frame)) {
    return grantFailure(GNTST_BAD_PAGE, xen.references.notOwned(frame, domain.domid).reason);
  }
  const info = xen.frames.describe(frame);
  if (info.count !== 1 || info.typeCount !== 0) {
    return grantFailure(GNTST_BAD_PAGE, `mfn ${frame} is in use: count ${info.count}, ${info.type} ${info.typeCount}`);
  }
  if (ref >= taker.grantTable.entries) return grantFailure(GNTST_BAD_GNTREF, `grant ${ref}: no such entry`);
  const address = grantEntryAddress(taker.grantTable, ref);
  const word = xen.ram.read32(address);
  if ((word & 0xffff) !== GTF_ACCEPT_TRANSFER || word >>> 16 !== domain.domid) {
    return grantFailure(
      GNTST_GENERAL_ERROR,
      `grant ${ref} of domain ${domid} does not accept a transfer from ${domain.domid}`,
    );
  }
  if (taker.totalPages >= taker.maxPages)
    return grantFailure(GNTST_GENERAL_ERROR, `domain ${domid} has its full memory`);
  xen.moveFrame(frame, domain, taker);
  xen.ram.write32((address + 4) as MachineAddress, frame);
  xen.ram.write16(address, GTF_ACCEPT_TRANSFER | GTF_TRANSFER_COMMITTED | GTF_TRANSFER_COMPLETED);
  return undefined;
}

/** Rows that a domU with version 1 tables gets no further with. */
export function notWithVersion1(): Refusal {
  return refuse('EOPNOTSUPP', 'status frames belong to grant table version 2');
}
