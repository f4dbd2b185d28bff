import { struct } from '../../struct.ts';

/** public/io/xs_wire.h: the xenstore ring page and the head of each message. */
export const XENSTORE_DOMAIN_INTERFACE = struct('xenstore_domain_interface', {
  req: { type: 'char', count: 1024 },
  rsp: { type: 'char', count: 1024 },
  req_cons: { type: 'u32', format: 'decimal' },
  req_prod: { type: 'u32', format: 'decimal' },
  rsp_cons: { type: 'u32', format: 'decimal' },
  rsp_prod: { type: 'u32', format: 'decimal' },
  server_features: 'u32',
  connection: 'u32',
  error: 'u32',
});

export const XS_TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'CONTROL',
  1: 'DIRECTORY',
  2: 'READ',
  3: 'GET_PERMS',
  4: 'WATCH',
  5: 'UNWATCH',
  6: 'TRANSACTION_START',
  7: 'TRANSACTION_END',
  8: 'INTRODUCE',
  9: 'RELEASE',
  10: 'GET_DOMAIN_PATH',
  11: 'WRITE',
  12: 'MKDIR',
  13: 'RM',
  14: 'SET_PERMS',
  15: 'WATCH_EVENT',
  16: 'ERROR',
  17: 'IS_DOMAIN_INTRODUCED',
  18: 'RESUME',
  19: 'SET_TARGET',
  21: 'RESET_WATCHES',
  22: 'DIRECTORY_PART',
};

export const XSD_SOCKMSG = struct('xsd_sockmsg', {
  type: { type: 'u32', format: { values: XS_TYPE_NAMES } },
  req_id: { type: 'u32', format: 'decimal' },
  tx_id: { type: 'u32', format: 'decimal' },
  len: { type: 'u32', format: 'decimal' },
});
