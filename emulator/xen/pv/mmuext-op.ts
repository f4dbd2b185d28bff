import type { Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import {
  FRAME_TYPE_NAMES,
  type FrameType,
  TYPE_L1,
  TYPE_L2,
  TYPE_L3,
  TYPE_L4,
  TYPE_WRITABLE,
} from '../common/frame-table.ts';
import { faultAt, readStruct, writeWord } from '../common/guest-access.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import { MMUEXT_OP } from '../public/xen-4/xen.ts';
import { setLdt } from './descriptor-tables.ts';
import { resolvePageOwner, setKernelRoot, setUserRoot } from './mm.ts';
import type { PageOwner } from './mm-validate.ts';

/** One operation on whose behalf; the answer is a refusal or undefined. */
interface Operation {
  readonly xen: Hypervisor;
  readonly vcpu: Vcpu;
  readonly owner: Domain | PageOwner;
  readonly op: StructView<'cmd' | 'arg1' | 'arg2'>;
}

/** One row per mmuext command. `own`: only for the caller's own frames (EPERM otherwise). */
interface MmuextRow {
  readonly own?: boolean;
  readonly run: (operation: Operation) => Refusal | undefined;
}

const ROWS: Readonly<Record<number, MmuextRow>> = {
  0: { run: (operation) => pin(operation, TYPE_L1) },
  1: { run: (operation) => pin(operation, TYPE_L2) },
  2: { run: (operation) => pin(operation, TYPE_L3) },
  3: { run: (operation) => pin(operation, TYPE_L4) },
  4: { run: unpin },
  5: { own: true, run: ({ xen, vcpu, op }) => setKernelRoot(xen, vcpu, op.get('arg1')) },
  6: { own: true, run: flushAll },
  7: { own: true, run: flushPage },
  8: { own: true, run: (operation) => checkMask(operation) ?? flushAll(operation) },
  9: { own: true, run: (operation) => checkMask(operation) ?? flushPage(operation) },
  10: { own: true, run: flushAll },
  11: { own: true, run: flushPage },
  12: { own: true, run: () => refuse('EACCES', 'cache flushes are for domains with device memory') },
  13: { own: true, run: setLdtFromOp },
  15: { own: true, run: setUserRootFromOp },
  16: { run: clearPage },
  17: { run: copyPage },
  18: { own: true, run: () => refuse('EINVAL', 'cache flushes are for domains with device memory') },
  19: { run: () => refuse('EOPNOTSUPP', 'superpages are not supported') },
  20: { run: () => refuse('EOPNOTSUPP', 'superpages are not supported') },
};

/** HYPERVISOR_mmuext_op(operations, count, done, domid). Stops at the first refusal; `done` counts those before it. */
export function doMmuextOp({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const operations = args.address(0);
  const count = args.u32(1);
  const done = args.address(2);
  const owner = resolvePageOwner(xen, domain, args.u32(3) & 0xffff);
  if (isRefusal(owner)) return owner;
  const size = MMUEXT_OP[domain.width].size;
  let refusal: Refusal | undefined;
  let index = 0;
  for (; index < count; index++) {
    const address = (operations + index * size) as VirtualAddress;
    const op = readStruct(xen, domain, address, MMUEXT_OP);
    if (isRefusal(op)) {
      refusal = faultAt(`mmuext_op ${index}`, address);
      break;
    }
    const row = ROWS[op.get('cmd')];
    if (row === undefined) refusal = refuse('ENOSYS', `mmuext command ${op.get('cmd')}`);
    else if (row.own === true && owner !== domain) refusal = refuse('EPERM', 'only for the calling domain itself');
    else refusal = row.run({ xen, vcpu, owner, op });
    if (refusal !== undefined) {
      if (count > 1) refusal = { errno: refusal.errno, reason: `operation ${index}: ${refusal.reason}` };
      break;
    }
  }
  if (done !== 0) writeWord(xen, done, index, 4);
  return refusal ?? 0;
}

/** Rings 1 and 3 of a 32-bit guest share one root. */
function setUserRootFromOp({ xen, vcpu, op }: Operation): Refusal | undefined {
  if (vcpu.domain.width === 32) return refuse('EINVAL', 'a 32-bit guest has no page-table root of its own for users');
  return setUserRoot(xen, vcpu, op.get('arg1'));
}

function pin({ xen, vcpu, owner, op }: Operation, type: FrameType): Refusal | undefined {
  // As in Xen, levels that the guest does not have are pinned in word only.
  if (type === TYPE_L4 && vcpu.domain.width === 32) return undefined;
  return pinTable(xen, owner, op.get('arg1'), type);
}

/** MMUEXT_PIN_Ln_TABLE; the toolstack pins a new domain's root with it. */
export function pinTable(xen: Hypervisor, owner: PageOwner, frame: number, type: FrameType): Refusal | undefined {
  const refusal = xen.references.getWithType(frame, type, owner.domid);
  if (refusal !== undefined) return { errno: refusal.errno, reason: `pinning: ${refusal.reason}` };
  const mfn = frame as Mfn;
  if (xen.references.isPinned(mfn)) {
    xen.references.putWithType(mfn);
    return refuse('EINVAL', `mfn ${hex(mfn)} is pinned already, as ${FRAME_TYPE_NAMES[type]}`);
  }
  xen.references.setPinned(mfn, true);
  return undefined;
}

function unpin({ xen, owner, op }: Operation): Refusal | undefined {
  const frame = op.get('arg1');
  if (!xen.frames.owns(owner.domid, frame)) return xen.references.notOwned(frame, owner.domid);
  if (!xen.references.isPinned(frame)) return refuse('EINVAL', `mfn ${hex(frame)} is not pinned`);
  xen.references.setPinned(frame, false);
  xen.references.putWithType(frame);
  return undefined;
}

function flushAll({ xen }: Operation): undefined {
  xen.tlb.flushAll();
}

function flushPage({ xen, op }: Operation): undefined {
  xen.tlb.flushPage(linearAddress(op));
}

/** arg1 is declared unsigned, for frames; as an address it is signed. */
function linearAddress(op: Operation['op']): VirtualAddress {
  return (op.high('arg1') * 4294967296 + (op.low('arg1') >>> 0)) as VirtualAddress;
}

/** The vCPU mask of the MULTI flushes must be readable; one processor serves all vCPUs, so that it decides nothing. */
function checkMask({ xen, op }: Operation): Refusal | undefined {
  const mask = (op.high('arg2') * 4294967296 + (op.low('arg2') >>> 0)) as VirtualAddress;
  return xen.processor.readVirtual(mask, 8) === undefined
    ? refuse('EINVAL', `the vCPU mask at ${hex(mask)} cannot be read`)
    : undefined;
}

function setLdtFromOp({ xen, vcpu, op }: Operation): Refusal | undefined {
  return setLdt(xen, vcpu, linearAddress(op), op.low('arg2') >>> 0);
}

function clearPage({ xen, owner, op }: Operation): Refusal | undefined {
  const frame = op.get('arg1');
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, owner.domid);
  if (refusal !== undefined) return refusal;
  xen.ram.clearFrame(frame as Mfn);
  xen.references.putWithType(frame as Mfn);
  return undefined;
}

function copyPage({ xen, owner, op }: Operation): Refusal | undefined {
  const to = op.get('arg1');
  const from = op.get('arg2');
  if (!xen.frames.owns(owner.domid, from)) return xen.references.notOwned(from, owner.domid);
  const refusal = xen.references.getWithType(to, TYPE_WRITABLE, owner.domid);
  if (refusal !== undefined) return refusal;
  xen.ram.writeBytes((to * 4096) as never, xen.ram.frame(from));
  xen.references.putWithType(to as Mfn);
  return undefined;
}
