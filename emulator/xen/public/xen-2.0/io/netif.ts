import { struct } from '../../struct.ts';

/** public/io/netif.h of Xen 2.0: two pages of a network interface. `memory_t` is 4 bytes. */

export const NETIF_TX_RING_SIZE = 256;
export const NETIF_RX_RING_SIZE = 256;

export const NETIF_RSP_DROPPED = -2;
export const NETIF_RSP_ERROR = -1;
export const NETIF_RSP_OKAY = 0;

/** Machine address of a packet. */
const ADDRESS = { type: 'u32', format: 'hex' } as const;

export const NETIF_TX_REQUEST = struct('netif_tx_request', { addr: ADDRESS, pad: 'u32', id: 'u16', size: 'u16' }, 1);

export const NETIF_TX_RESPONSE = struct(
  'netif_tx_response',
  {
    id: 'u16',
    status: { type: 's8', format: { values: { [-2]: 'DROPPED', [-1]: 'ERROR', 0: 'OKAY' } } },
    pad: 'u8',
  },
  1,
);

export const NETIF_RX_REQUEST = struct('netif_rx_request', { id: 'u16' }, 1);

export const NETIF_RX_RESPONSE = struct(
  'netif_rx_response',
  {
    addr: ADDRESS,
    pad: 'u32',
    id: 'u16',
    /** Bytes, or a negative NETIF_RSP_…. */
    status: 's16',
  },
  1,
);

export const NETIF_TX_INTERFACE = struct(
  'netif_tx_interface',
  {
    req_prod: 'u32',
    /** The back end's own consumer index, shown to the front end. */
    req_cons: 'u32',
    resp_prod: 'u32',
    /** The front end is told when `resp_prod` gets here. */
    event: 'u32',
    ring: { type: NETIF_TX_REQUEST, count: NETIF_TX_RING_SIZE },
  },
  1,
);

export const NETIF_RX_INTERFACE = struct(
  'netif_rx_interface',
  {
    req_prod: 'u32',
    resp_prod: 'u32',
    event: 'u32',
    ring: { type: NETIF_RX_RESPONSE, count: NETIF_RX_RING_SIZE },
  },
  1,
);
