import { struct } from '../../struct.ts';

/** public/io/ring.h: the head of a ring of requests and responses; its entries follow. Indexes run freely. */
export const SRING = struct('sring', {
  req_prod: { type: 'u32', format: 'decimal' },
  req_event: { type: 'u32', format: 'decimal' },
  rsp_prod: { type: 'u32', format: 'decimal' },
  rsp_event: { type: 'u32', format: 'decimal' },
  pad: { type: 'u8', count: 48 },
});
export const SRING_HEADER_BYTES = SRING[64].size;
