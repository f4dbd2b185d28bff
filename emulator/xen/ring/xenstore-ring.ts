import { XENSTORE_DOMAIN_INTERFACE } from '../public/xen-4/io/xs-wire.ts';
import type { ByteRingDeclaration } from './byte-ring.ts';

export type XenstoreRingField =
  | 'req'
  | 'rsp'
  | 'req_cons'
  | 'req_prod'
  | 'rsp_cons'
  | 'rsp_prod'
  | 'server_features'
  | 'connection'
  | 'error';

/** public/io/xs_wire.h: requests of the guest, replies and watch events of the store. */
export const XENSTORE_RING: ByteRingDeclaration<XenstoreRingField> = {
  name: 'xenstore',
  page: XENSTORE_DOMAIN_INTERFACE,
  toHost: { name: 'requests', array: 'req', producer: 'req_prod', consumer: 'req_cons' },
  toGuest: { name: 'replies', array: 'rsp', producer: 'rsp_prod', consumer: 'rsp_cons' },
};
