import { XENCONS_INTERFACE } from '../public/xen-4/io/console.ts';
import type { ByteRingDeclaration } from './byte-ring.ts';

/** public/io/console.h: `out` is what the guest prints, `in` what is typed. */
export const CONSOLE_RING: ByteRingDeclaration<'in' | 'out' | 'in_cons' | 'in_prod' | 'out_cons' | 'out_prod'> = {
  name: 'console',
  page: XENCONS_INTERFACE,
  toHost: { name: 'out', array: 'out', producer: 'out_prod', consumer: 'out_cons' },
  toGuest: { name: 'in', array: 'in', producer: 'in_prod', consumer: 'in_cons' },
};
