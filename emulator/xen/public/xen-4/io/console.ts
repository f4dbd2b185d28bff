import { struct } from '../../struct.ts';

/** public/io/console.h: the console page. Indexes run freely; take them modulo the array size. */
export const XENCONS_INTERFACE = struct('xencons_interface', {
  in: { type: 'char', count: 1024 },
  out: { type: 'char', count: 2048 },
  in_cons: { type: 'u32', format: 'decimal' },
  in_prod: { type: 'u32', format: 'decimal' },
  out_cons: { type: 'u32', format: 'decimal' },
  out_prod: { type: 'u32', format: 'decimal' },
});
