import { struct } from '../../struct.ts';

/** public/io/netif.h: the rings of network interfaces. The layouts are the same for all guests. */

export const XEN_NETTXF_csum_blank = 1;
export const XEN_NETTXF_data_validated = 2;
export const XEN_NETTXF_more_data = 4;
export const XEN_NETTXF_extra_info = 8;

/** Not in the order of the transmit flags. */
export const XEN_NETRXF_data_validated = 1;
export const XEN_NETRXF_csum_blank = 2;
export const XEN_NETRXF_more_data = 4;
export const XEN_NETRXF_extra_info = 8;

export const XEN_NETIF_RSP_DROPPED = -2;
export const XEN_NETIF_RSP_ERROR = -1;
export const XEN_NETIF_RSP_OKAY = 0;
/** Answer to a slot that held an extra_info. */
export const XEN_NETIF_RSP_NULL = 1;

export const XEN_NETIF_EXTRA_TYPE_GSO = 1;
export const XEN_NETIF_EXTRA_TYPE_MCAST_ADD = 2;
export const XEN_NETIF_EXTRA_TYPE_MCAST_DEL = 3;
export const XEN_NETIF_EXTRA_TYPE_MAX = 6;
export const XEN_NETIF_EXTRA_FLAG_MORE = 1;

export const XEN_NETIF_GSO_TYPE_TCPV4 = 1;
export const XEN_NETIF_GSO_TYPE_TCPV6 = 2;

/** Slots of one packet that every back end must take. */
export const XEN_NETIF_NR_SLOTS_MIN = 18;

const STATUS = {
  type: 's16',
  format: { values: { [-2]: 'DROPPED', [-1]: 'ERROR', 0: 'OKAY', 1: 'NULL' } },
} as const;

export const NETIF_TX_REQUEST = struct('netif_tx_request', {
  gref: { type: 'u32', format: 'decimal' },
  offset: 'u16',
  flags: { type: 'u16', format: { flags: { 1: 'csum_blank', 2: 'data_validated', 4: 'more_data', 8: 'extra_info' } } },
  id: 'u16',
  /** Of the whole packet in its first request; of the piece in the others. */
  size: 'u16',
});

export const NETIF_TX_RESPONSE = struct('netif_tx_response', { id: 'u16', status: STATUS });

export const NETIF_RX_REQUEST = struct('netif_rx_request', {
  id: 'u16',
  pad: 'u16',
  gref: { type: 'u32', format: 'decimal' },
});

export const NETIF_RX_RESPONSE = struct('netif_rx_response', {
  id: 'u16',
  offset: 'u16',
  flags: { type: 'u16', format: { flags: { 1: 'data_validated', 2: 'csum_blank', 4: 'more_data', 8: 'extra_info' } } },
  /** Bytes, or a negative XEN_NETIF_RSP_…. */
  status: { type: 's16', format: 'decimal' },
});

/** Takes the place of a request (transmit) or response (receive) behind the first one of a packet. */
export const NETIF_EXTRA_INFO = struct('netif_extra_info', {
  type: { type: 'u8', format: { values: { 1: 'GSO', 2: 'MCAST_ADD', 3: 'MCAST_DEL', 4: 'HASH', 5: 'XDP' } } },
  flags: { type: 'u8', format: { flags: { 1: 'more' } } },
  gso_size: 'u16',
  gso_type: { type: 'u8', format: { values: { 1: 'TCPV4', 2: 'TCPV6' } } },
  gso_pad: 'u8',
  gso_features: 'u16',
  mcast_addr: { type: 'u8', count: 6, overlaps: 'gso_size' },
});
