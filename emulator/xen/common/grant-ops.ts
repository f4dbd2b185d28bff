import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructDefinition, StructView } from '../public/struct.ts';
import {
  GNTST_BAD_GNTREF,
  GNTST_BAD_VIRT_ADDR,
  GNTST_EAGAIN,
  GNTST_GENERAL_ERROR,
  GNTST_OKAY,
  GNTST_PERMISSION_DENIED,
  GNTTAB_CACHE_CLEAN,
  GNTTAB_CACHE_FLUSH,
  GNTTAB_CACHE_INVAL,
  GNTTAB_GET_STATUS_FRAMES,
  GNTTAB_GET_VERSION,
  GNTTAB_MAP_GRANT_REF,
  GNTTAB_QUERY_SIZE,
  GNTTAB_SET_VERSION,
  GNTTAB_SETUP_TABLE,
  GNTTAB_SWAP_GRANT_REF,
  GNTTAB_UNMAP_AND_REPLACE,
  GNTTAB_UNMAP_GRANT_REF,
} from '../public/xen-4/grant-table.ts';
import { mapGrant, unmapAndReplace, unmapGrant } from '../pv/grant-mapping.ts';
import type { Domain } from './domain.ts';
import {
  anyDomain,
  type GrantFailure,
  grantEntryAddress,
  grantFailure,
  grantStatusAddress,
  growGrantTable,
  isGrantFailure,
  setGrantVersion,
} from './grant-table.ts';
import { faultAt, isGuestHandle, readStruct, writeStruct, writeWord } from './guest-access.ts';
import { hex, isRefusal, type Refusal, refuse } from './refusal.ts';

const PAGE_BYTES = 4096;

/** The operations of grant_table_op, each on an array of structures with a status in every element. */

/**
 * Runs one operation on each element: the element's status says how it went, the hypercall itself fails only when
 * memory cannot be accessed. Failures are remembered with their reasons.
 */
export function forEachGrantOperation<Names extends string>(
  { xen, domain, args }: HypercallContext,
  definition: StructDefinition<Names | 'status'>,
  run: (op: StructView<Names | 'status'>) => GrantFailure | undefined,
): HypercallResult {
  const array = args.address(1);
  const count = args.u32(2);
  if (count > 0x7fffffff) return refuse('EINVAL', `${count} operations`);
  if (!isGuestHandle(domain, array)) return faultAt(definition.name, array);
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
  return forEachGrantOperation(call, GNTTAB_MAP_GRANT_REF, (op) => mapGrant(call.xen, call.vcpu, op));
}

export function doUnmapGrantRef(call: HypercallContext): HypercallResult {
  const result = forEachGrantOperation(call, GNTTAB_UNMAP_GRANT_REF, (op) => unmapGrant(call.xen, call.vcpu, op));
  call.xen.tlb.flushAll();
  return result;
}

export function doUnmapAndReplace(call: HypercallContext): HypercallResult {
  const { xen, vcpu } = call;
  const result = forEachGrantOperation(call, GNTTAB_UNMAP_AND_REPLACE, (op) => unmapAndReplace(xen, vcpu, op));
  xen.tlb.flushAll();
  return result;
}

export function doSetupTable(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  if (args.u32(2) !== 1) return refuse('EINVAL', 'setup_table takes exactly one operation');
  const bad = checkFrameList(call, GNTTAB_SETUP_TABLE);
  if (bad !== undefined) return bad;
  return forEachGrantOperation(call, GNTTAB_SETUP_TABLE, (op) => {
    const target = ownDomain(call, op.get('dom'));
    if (isGrantFailure(target)) return target;
    const count = op.get('nr_frames');
    const failure = growGrantTable(xen, target, count);
    if (failure !== undefined) return failure;
    const list = op.get('frame_list');
    return storeFrames(call, target.grantTable.frames.slice(0, count), list, domain.width === 64 ? 8 : 4);
  });
}

export function doGetStatusFrames(call: HypercallContext): HypercallResult {
  if (call.args.u32(2) !== 1) return refuse('EINVAL', 'get_status_frames takes exactly one operation');
  const bad = checkFrameList(call, GNTTAB_GET_STATUS_FRAMES);
  if (bad !== undefined) return bad;
  return forEachGrantOperation(call, GNTTAB_GET_STATUS_FRAMES, (op) => {
    const target = ownDomain(call, op.get('dom'));
    if (isGrantFailure(target)) return target;
    const count = op.get('nr_frames');
    const { statusFrames } = target.grantTable;
    if (count > statusFrames.length)
      return grantFailure(GNTST_GENERAL_ERROR, `${count} status frames asked for, there are ${statusFrames.length}`);
    return storeFrames(call, statusFrames.slice(0, count), op.get('frame_list'), 8);
  });
}

/** A list in Xen's own area fails the call; one that is merely not mapped is the operation's status. */
function checkFrameList(
  { xen, domain, args }: HypercallContext,
  definition: StructDefinition<'frame_list'>,
): Refusal | undefined {
  const op = readStruct(xen, domain, args.address(1), definition);
  if (isRefusal(op)) return op;
  const list = op.get('frame_list');
  return isGuestHandle(domain, list) ? undefined : faultAt('frame list', list);
}

function storeFrames(
  { xen }: HypercallContext,
  frames: readonly Mfn[],
  list: number,
  step: 4 | 8,
): GrantFailure | undefined {
  for (const [index, mfn] of frames.entries()) {
    const at = (list + index * step) as VirtualAddress;
    if (!writeWord(xen, at, mfn, step)) return grantFailure(GNTST_BAD_VIRT_ADDR, faultAt('frame list', at).reason);
  }
  return undefined;
}

export function doQuerySize(call: HypercallContext): HypercallResult {
  if (call.args.u32(2) !== 1) return refuse('EINVAL', 'query_size takes exactly one operation');
  return forEachGrantOperation(call, GNTTAB_QUERY_SIZE, (op) => {
    const target = ownDomain(call, op.get('dom'));
    if (isGrantFailure(target)) return target;
    op.set('nr_frames', target.grantTable.frames.length);
    op.set('max_nr_frames', target.grantTable.maxFrames);
    return undefined;
  });
}

/** An unprivileged domain may ask about itself only. */
function ownDomain({ xen, domain }: HypercallContext, domid: number): Domain | GrantFailure {
  const target = domid === 0 ? undefined : anyDomain(xen, domain, domid);
  if (target === domain || isGrantFailure(target)) return target;
  return grantFailure(
    GNTST_PERMISSION_DENIED,
    `domain ${domain.domid} may not ask about domain ${domid}'s grant table`,
  );
}

/** Also when refused, the version that holds is told. */
export function doSetVersion({ xen, domain, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), GNTTAB_SET_VERSION);
  if (isRefusal(op)) return op;
  const version = op.get('version');
  const refusal =
    version === 1 || version === 2
      ? setGrantVersion(xen, domain, version)
      : refuse('EINVAL', `there is no grant table version ${version}`);
  op.set('version', domain.grantTable.version);
  return writeStruct(xen, args.address(1), op) ?? refusal ?? 0;
}

export function doGetVersion(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const op = readStruct(xen, domain, args.address(1), GNTTAB_GET_VERSION);
  if (isRefusal(op)) return op;
  const target = ownDomain(call, op.get('dom'));
  if (isGrantFailure(target))
    return refuse(target.status === GNTST_PERMISSION_DENIED ? 'EPERM' : 'ESRCH', target.reason);
  op.set('version', target.grantTable.version);
  return writeStruct(xen, args.address(1), op) ?? 0;
}

export function doSwapGrantRef(call: HypercallContext): HypercallResult {
  const { xen, domain } = call;
  return forEachGrantOperation(call, GNTTAB_SWAP_GRANT_REF, (op) => {
    const a = op.get('ref_a');
    const b = op.get('ref_b');
    const table = domain.grantTable;
    if (a >= table.entries || b >= table.entries)
      return grantFailure(GNTST_BAD_GNTREF, `grant ${Math.max(a, b)}: no such entry`);
    if (a === b) return undefined;
    if (table.active.has(a) || table.active.has(b))
      return grantFailure(GNTST_EAGAIN, `grant ${table.active.has(a) ? a : b} is in use`);
    swapBytes(xen, grantEntryAddress(table, a), grantEntryAddress(table, b), table.entryBytes);
    if (table.version === 2) swapBytes(xen, grantStatusAddress(table, a), grantStatusAddress(table, b), 2);
    return undefined;
  });
}

function swapBytes({ ram }: HypercallContext['xen'], a: MachineAddress, b: MachineAddress, length: number): void {
  const bytesOf = (at: MachineAddress): Uint8Array => ram.u8.slice(ram.offsetOf(at), ram.offsetOf(at) + length);
  const first = bytesOf(a);
  ram.writeBytes(a, bytesOf(b));
  ram.writeBytes(b, first);
}

/** Caches are coherent on x86, so that only the checks are left. Elements carry no status: the first refusal ends it. */
export function doCacheFlush({ xen, domain, args }: HypercallContext): HypercallResult {
  const array = args.address(1);
  const count = args.u32(2);
  if (count > 0x7fffffff) return refuse('EINVAL', `${count} operations`);
  const { size } = GNTTAB_CACHE_FLUSH[domain.width];
  for (let index = 0; index < count; index++) {
    const op = readStruct(xen, domain, (array + index * size) as VirtualAddress, GNTTAB_CACHE_FLUSH);
    if (isRefusal(op)) return op;
    const refusal = checkCacheFlush(domain, xen.frames, op);
    if (refusal !== undefined) return refusal;
  }
  return 0;
}

function checkCacheFlush(
  domain: Domain,
  frames: HypercallContext['xen']['frames'],
  op: StructView<keyof (typeof GNTTAB_CACHE_FLUSH)[64]['offset'] & string>,
): Refusal | undefined {
  const offset = op.get('offset');
  const length = op.get('length');
  const flags = op.get('op');
  if (offset >= PAGE_BYTES || offset + length > PAGE_BYTES)
    return refuse('EINVAL', `bytes ${offset} to ${offset + length} of a page`);
  if ((flags & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) !== 0) return refuse('EINVAL', `operation ${hex(flags)}`);
  if (length === 0 || flags === 0) return undefined;
  const mfn = Math.floor(op.get('a') / PAGE_BYTES);
  const mapped = domain.grantTable.mappings.some((mapping) => mapping?.mfn === mfn);
  if (!frames.owns(domain.domid, mfn) && !mapped) return refuse('EINVAL', `mfn ${hex(mfn)} is not the domain's`);
  return flags === GNTTAB_CACHE_INVAL ? refuse('EOPNOTSUPP', 'x86 cannot invalidate caches alone') : undefined;
}
