import { struct } from '../../struct.ts';

/** hypervisor-ifs/network.h of Xen 1.2: the rings of a VIF, which lie in a page of Xen's own. */

export const NETOP_PUSH_BUFFERS = 0;
export const NETOP_FLUSH_BUFFERS = 1;
export const NETOP_RESET_RINGS = 2;
export const NETOP_GET_VIF_INFO = 3;

export const NETOP_NAMES: Readonly<Record<number, string>> = {
  0: 'PUSH_BUFFERS',
  1: 'FLUSH_BUFFERS',
  2: 'RESET_RINGS',
  3: 'GET_VIF_INFO',
};

export const MAX_DOMAIN_VIFS = 8;
export const TX_RING_SIZE = 256;
export const RX_RING_SIZE = 256;

export const RING_STATUS_OK = 0;
export const RING_STATUS_BAD_PAGE = 1;
export const RING_STATUS_DROPPED = 2;

const STATUS = { type: 'u8', format: { values: { 0: 'OK', 1: 'BAD_PAGE', 2: 'DROPPED' } } } as const;
const ADDRESS = { type: 'u32', format: 'hex' } as const;

export const NETOP = struct('netop', {
  cmd: { type: 'u32', format: { values: NETOP_NAMES } },
  vif: 'u32',
  ring_mfn: { type: 'u32', format: 'hex', out: true },
  vmac: { type: 'u8', count: 6, format: 'hex', out: true },
});

export const TX_REQ_ENTRY = struct('tx_req_entry', { id: 'u16', size: 'u16', addr: ADDRESS });
export const TX_RESP_ENTRY = struct('tx_resp_entry', { id: 'u16', status: STATUS });
/** `addr`: machine address of the page-table entry that maps the buffer. */
export const RX_REQ_ENTRY = struct('rx_req_entry', { id: 'u16', addr: ADDRESS });
export const RX_RESP_ENTRY = struct('rx_resp_entry', { id: 'u16', size: 'u16', status: STATUS, offset: 'u8' });

export const NET_RING = struct('net_ring', {
  tx_ring: { type: TX_REQ_ENTRY, count: TX_RING_SIZE },
  rx_ring: { type: RX_REQ_ENTRY, count: RX_RING_SIZE },
});

/** Of each VIF, in the shared-info page; all modulo the rings' sizes. */
export const NET_IDX = struct('net_idx', {
  tx_req_prod: 'u32',
  tx_resp_prod: 'u32',
  tx_event: 'u32',
  rx_req_prod: 'u32',
  rx_resp_prod: 'u32',
  rx_event: 'u32',
});

/** Of the first `net_idx` in the shared-info page (hypervisor-if.h). */
export const SHARED_INFO_NET_IDX = 336;
