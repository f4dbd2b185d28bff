/** What a front end says about its rings before it connects. */
import { isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import type { Width } from '../../public/struct.ts';
import { type FrontendLink, printable } from '../xenbus/frontend-link.ts';

/** blkback's default (xen_blkif_max_ring_order). */
export const MAX_RING_PAGE_ORDER = 4;

/** Layout of requests: by name, or that of the guest itself where it names none (blkif.h, `protocol`). */
export function protocolWidth(link: FrontendLink, native: Width): Width | Refusal {
  const protocol = link.read('protocol');
  if (protocol === undefined) return native;
  if (protocol === 'x86_64-abi') return 64;
  if (protocol === 'x86_32-abi') return 32;
  return refuse('EINVAL', `the front end's protocol "${printable(protocol)}" is unknown`);
}

/** "ring-ref" of a ring of one page; "ring-ref0" and so on where `ring-page-order` says that there are more. */
export function ringReferences(link: FrontendLink, prefix: string): readonly number[] | Refusal {
  const ordered = link.read('ring-page-order') !== undefined;
  const order = ordered ? link.number('ring-page-order') : 0;
  if (isRefusal(order)) return order;
  if (order > MAX_RING_PAGE_ORDER) {
    return refuse('EINVAL', `ring-page-order ${order} is more than the ${MAX_RING_PAGE_ORDER} that was offered`);
  }
  const single = order === 0 && (!ordered || link.read(`${prefix}ring-ref0`) === undefined);
  const names = single ? ['ring-ref'] : Array.from({ length: 2 ** order }, (_, index) => `ring-ref${index}`);
  const refs: number[] = [];
  for (const name of names) {
    const ref = link.number(`${prefix}${name}`);
    if (isRefusal(ref)) return ref;
    refs.push(ref);
  }
  return refs;
}
