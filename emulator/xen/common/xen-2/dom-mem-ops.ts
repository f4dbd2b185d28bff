import type { Domid, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import type { Domain } from '../domain.ts';
import { DOMID_SELF } from '../frame-table.ts';
import { writeWord } from '../guest-access.ts';
import { hex, isRefusal, type Refusal, refuse } from '../refusal.ts';

/** dom_mem_op (common/dom_mem_ops.c of Xen 2.0): extents that a domain gets, and gives back. */

/** Bits of the operation behind these are Xen's own, where it goes on later. */
const START_EXTENT_SHIFT = 4;

/** dom_mem_op(op, extents, count, order, domid): how many extents were done; fewer than asked for is no error. */
function check({ xen, domain, args }: HypercallContext): Domain | Refusal {
  const count = args.u32(2);
  const start = args.u32(0) >>> START_EXTENT_SHIFT;
  if (start > count || count > 0xffffffff >>> START_EXTENT_SHIFT)
    return refuse('EINVAL', `${count} extents from number ${start} on`);
  const domid = args.u32(4) & 0xffff;
  if (domid === DOMID_SELF) return domain;
  if (!domain.privileged) return refuse('EPERM', `domain ${domain.domid} may not change domain ${domid}'s memory`);
  return xen.domains.get(domid as Domid) ?? refuse('ESRCH', `there is no domain ${domid}`);
}

/** Of an unknown operation: the arguments are looked at first. */
export function unknownMemOp(call: HypercallContext): Refusal | undefined {
  const target = check(call);
  return isRefusal(target) ? target : undefined;
}

/** MEMOP_increase_reservation: frame numbers of new extents are stored in the list. */
export function doIncreaseReservation2(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const target = check(call);
  if (isRefusal(target)) return target;
  const order = args.u32(3);
  const count = args.u32(2);
  let index = args.u32(0) >>> START_EXTENT_SHIFT;
  // Only domains with devices may have contiguous memory.
  if (order !== 0 && !domain.privileged) return index;
  for (; index < count; index++) {
    const first = order > 18 ? refuse('ENOMEM', `an extent of 2^${order} pages`) : xen.allocateExtent(target, order);
    if (isRefusal(first)) {
      xen.notice(domain, 'dom_mem_op', first);
      break;
    }
    if (!writeWord(xen, (args.u32(1) + index * 4) as VirtualAddress, first, 4)) break;
  }
  return index;
}

/** MEMOP_decrease_reservation: a page is free once nothing maps it any more. */
export function doDecreaseReservation2(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const target = check(call);
  if (isRefusal(target)) return target;
  const pages = 2 ** Math.min(args.u32(3) & 31, 20);
  const count = args.u32(2);
  let index = args.u32(0) >>> START_EXTENT_SHIFT;
  for (; index < count; index++) {
    const bytes = xen.processor.readVirtual((args.u32(1) + index * 4) as VirtualAddress, 4);
    if (bytes === undefined) break;
    const first = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
    let page = 0;
    while (page < pages && giveBack(call, target, first + page)) page++;
    if (page === pages) continue;
    xen.notice(domain, 'dom_mem_op', refuse('EINVAL', `mfn ${hex(first + page)} is not domain ${target.domid}'s`));
    break;
  }
  return index;
}

function giveBack({ xen }: HypercallContext, owner: Domain, frame: number): boolean {
  // The reference keeps the frame while the others go.
  if (!xen.references.get(frame, owner.domid)) return false;
  const mfn = frame as Mfn;
  if (xen.references.isPinned(mfn)) {
    xen.references.setPinned(mfn, false);
    xen.references.putWithType(mfn);
  }
  // A frame of Xen's own (the shared info page) is lent, not given.
  if (!xen.isXenHeap(mfn)) xen.references.deallocate(mfn);
  xen.references.put(mfn);
  return true;
}
