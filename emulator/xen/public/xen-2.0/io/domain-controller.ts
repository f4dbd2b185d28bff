import { type StructDefinition, struct } from '../../struct.ts';

/**
 * public/io/domain_controller.h of Xen 2.0: two rings of messages between a guest and the domain controller (xend), in
 * the second half of the shared-info page. Everything is packed there; `memory_t` is 4 bytes and 4 of padding.
 */

/** `control_if_t` begins here in the shared-info page (ctrl_if.c, get_ctrl_if). */
export const CONTROL_IF_OFFSET = 2048;
export const CONTROL_RING_SIZE = 8;
export const CONTROL_MSG_PAYLOAD = 60;
/** Identifier of a request whose sender does not care for the response (ctrl_if.c). */
export const CONTROL_ID_NONE = 0xff;

export const CMSG_CONSOLE = 0;
export const CMSG_BLKIF_BE = 1;
export const CMSG_BLKIF_FE = 2;
export const CMSG_NETIF_BE = 3;
export const CMSG_NETIF_FE = 4;
export const CMSG_SHUTDOWN = 6;
export const CMSG_MEM_REQUEST = 7;

export const CMSG_CONSOLE_DATA = 0;

/** The same numbers for block and network interfaces. */
export const CMSG_FE_INTERFACE_STATUS = 0;
export const CMSG_FE_DRIVER_STATUS = 32;
export const CMSG_FE_INTERFACE_CONNECT = 33;
export const CMSG_FE_INTERFACE_DISCONNECT = 34;
export const CMSG_FE_INTERFACE_QUERY = 35;

export const DRIVER_STATUS_DOWN = 0;
export const DRIVER_STATUS_UP = 1;

export const INTERFACE_STATUS_CLOSED = 0;
export const INTERFACE_STATUS_DISCONNECTED = 1;
export const INTERFACE_STATUS_CONNECTED = 2;
export const INTERFACE_STATUS_CHANGED = 3;
export type InterfaceStatus = 0 | 1 | 2 | 3;

export const CMSG_SHUTDOWN_POWEROFF = 0;
export const CMSG_SHUTDOWN_REBOOT = 1;
export const CMSG_SHUTDOWN_SUSPEND = 2;
export const CMSG_SHUTDOWN_SYSRQ = 3;

export const CMSG_MEM_REQUEST_SET = 0;

export const CONTROL_MSG = struct('control_msg', {
  type: { type: 'u8', format: { values: messageTypeNames() } },
  subtype: 'u8',
  id: 'u8',
  length: 'u8',
  msg: { type: 'u8', count: CONTROL_MSG_PAYLOAD },
});

export const CONTROL_IF = struct('control_if', {
  tx_ring: { type: CONTROL_MSG, count: CONTROL_RING_SIZE },
  rx_ring: { type: CONTROL_MSG, count: CONTROL_RING_SIZE },
  tx_req_prod: 'u32',
  tx_resp_prod: 'u32',
  rx_req_prod: 'u32',
  rx_resp_prod: 'u32',
});

const INTERFACE_STATUS = {
  type: 'u32',
  format: { values: { 0: 'CLOSED', 1: 'DISCONNECTED', 2: 'CONNECTED', 3: 'CHANGED' } },
} as const;
const DRIVER_STATUS = { type: 'u32', format: { values: { 0: 'DOWN', 1: 'UP' } } } as const;
const DOMID = { type: 'u16', format: 'domid' } as const;
const FRAME = { type: 'u32', format: 'hex' } as const;
const VDEVICE = { type: 'u16', format: 'hex' } as const;
const MAC = { type: 'u8', count: 6, format: 'hex' } as const;
const SECTORS = { type: 'u64', format: 'decimal' } as const;
const BLKIF_BE_STATUS = {
  type: 'u32',
  format: {
    values: {
      ...{ 0: 'OKAY', 1: 'ERROR', 2: 'INTERFACE_EXISTS', 3: 'INTERFACE_NOT_FOUND', 4: 'INTERFACE_CONNECTED' },
      ...{ 5: 'VBD_EXISTS', 6: 'VBD_NOT_FOUND', 7: 'OUT_OF_MEMORY', 8: 'EXTENT_NOT_FOUND', 9: 'MAPPING_ERROR' },
    },
  },
} as const;
const NETIF_BE_STATUS = {
  type: 'u32',
  format: {
    values: {
      ...{ 0: 'OKAY', 1: 'ERROR', 2: 'INTERFACE_EXISTS', 3: 'INTERFACE_NOT_FOUND', 4: 'INTERFACE_CONNECTED' },
      ...{ 5: 'OUT_OF_MEMORY', 6: 'MAPPING_ERROR' },
    },
  },
} as const;

export const BLKIF_FE_INTERFACE_STATUS = struct(
  'blkif_fe_interface_status',
  { handle: 'u32', status: INTERFACE_STATUS, evtchn: 'u16', domid: DOMID },
  1,
);

export const FE_DRIVER_STATUS = struct('fe_driver_status', { status: DRIVER_STATUS, max_handle: 'u32' }, 1);

export const BLKIF_FE_INTERFACE_CONNECT = struct(
  'blkif_fe_interface_connect',
  { handle: 'u32', pad: 'u32', shmem_frame: FRAME, pad2: 'u32' },
  1,
);

/** Also what a NETIF_FE one looks like. */
export const FE_INTERFACE_DISCONNECT = struct('fe_interface_disconnect', { handle: 'u32' }, 1);

export const NETIF_FE_INTERFACE_STATUS = struct(
  'netif_fe_interface_status',
  { handle: 'u32', status: INTERFACE_STATUS, evtchn: 'u16', mac: MAC, domid: DOMID },
  1,
);

export const NETIF_FE_INTERFACE_CONNECT = struct(
  'netif_fe_interface_connect',
  { handle: 'u32', pad: 'u32', tx_shmem_frame: FRAME, pad2: 'u32', rx_shmem_frame: FRAME, pad3: 'u32' },
  1,
);

const BLKIF_BE_INTERFACE = struct(
  'blkif_be_interface',
  { domid: DOMID, pad: 'u16', blkif_handle: 'u32', status: BLKIF_BE_STATUS },
  1,
);
const BLKIF_BE_CONNECT = struct(
  'blkif_be_connect',
  {
    ...{ domid: DOMID, pad: 'u16', blkif_handle: 'u32', shmem_frame: FRAME, pad2: 'u32' },
    ...{ evtchn: 'u32', status: BLKIF_BE_STATUS },
  } as const,
  1,
);
const BLKIF_BE_VBD_CREATE = struct(
  'blkif_be_vbd_create',
  { domid: DOMID, pad: 'u16', blkif_handle: 'u32', vdevice: VDEVICE, readonly: 'u16', status: BLKIF_BE_STATUS },
  1,
);
const BLKIF_BE_VBD = struct(
  'blkif_be_vbd',
  { domid: DOMID, pad: 'u16', blkif_handle: 'u32', vdevice: VDEVICE, pad2: 'u16', status: BLKIF_BE_STATUS },
  1,
);
const BLKIF_BE_VBD_GROW = struct(
  'blkif_be_vbd_grow',
  {
    ...{ domid: DOMID, pad: 'u16', blkif_handle: 'u32', sector_start: SECTORS, sector_length: SECTORS },
    ...{ device: { type: 'u32', format: 'hex' }, vdevice: VDEVICE, pad2: 'u16', status: BLKIF_BE_STATUS },
  } as const,
  1,
);
const NETIF_BE_CREATE = struct(
  'netif_be_create',
  { domid: DOMID, pad: 'u16', netif_handle: 'u32', mac: MAC, pad2: 'u16', status: NETIF_BE_STATUS },
  1,
);
const NETIF_BE_INTERFACE = struct(
  'netif_be_interface',
  { domid: DOMID, pad: 'u16', netif_handle: 'u32', status: NETIF_BE_STATUS },
  1,
);
const NETIF_BE_CONNECT = struct(
  'netif_be_connect',
  {
    ...{ domid: DOMID, pad: 'u16', netif_handle: 'u32', tx_shmem_frame: FRAME, pad2: 'u32' },
    ...{ rx_shmem_frame: FRAME, pad3: 'u32', evtchn: 'u16', pad4: 'u16', status: NETIF_BE_STATUS },
  } as const,
  1,
);
const BE_DRIVER_STATUS = struct('be_driver_status', { status: DRIVER_STATUS }, 1);

export const SHUTDOWN_SYSRQ = struct('shutdown_sysrq', { key: 'char', pad: { type: 'u8', count: 3 } }, 1);
export const MEM_REQUEST = struct('mem_request', { target: 'u32', status: 'u32' }, 1);

export interface ControlMessageRow {
  /** As in the header, without CMSG_: "BLKIF_FE_INTERFACE_STATUS". */
  readonly name: string;
  /** Layout of the payload; undefined where there is none, or where it is bytes. */
  readonly payload: StructDefinition<string> | undefined;
}

type Subtypes = Readonly<Record<number, ControlMessageRow>>;

function row(name: string, payload?: StructDefinition<string>): ControlMessageRow {
  return { name, payload };
}

/** Every message there is, by type and subtype. */
export const CONTROL_MESSAGES: Readonly<Record<number, Subtypes>> = {
  [CMSG_CONSOLE]: { 0: row('CONSOLE_DATA') },
  [CMSG_BLKIF_BE]: {
    0: row('BLKIF_BE_CREATE', BLKIF_BE_INTERFACE),
    1: row('BLKIF_BE_DESTROY', BLKIF_BE_INTERFACE),
    2: row('BLKIF_BE_CONNECT', BLKIF_BE_CONNECT),
    3: row('BLKIF_BE_DISCONNECT', BLKIF_BE_INTERFACE),
    4: row('BLKIF_BE_VBD_CREATE', BLKIF_BE_VBD_CREATE),
    5: row('BLKIF_BE_VBD_DESTROY', BLKIF_BE_VBD),
    6: row('BLKIF_BE_VBD_GROW', BLKIF_BE_VBD_GROW),
    7: row('BLKIF_BE_VBD_SHRINK', BLKIF_BE_VBD),
    32: row('BLKIF_BE_DRIVER_STATUS', BE_DRIVER_STATUS),
  },
  [CMSG_BLKIF_FE]: {
    0: row('BLKIF_FE_INTERFACE_STATUS', BLKIF_FE_INTERFACE_STATUS),
    32: row('BLKIF_FE_DRIVER_STATUS', FE_DRIVER_STATUS),
    33: row('BLKIF_FE_INTERFACE_CONNECT', BLKIF_FE_INTERFACE_CONNECT),
    34: row('BLKIF_FE_INTERFACE_DISCONNECT', FE_INTERFACE_DISCONNECT),
    35: row('BLKIF_FE_INTERFACE_QUERY', BLKIF_FE_INTERFACE_STATUS),
  },
  [CMSG_NETIF_BE]: {
    0: row('NETIF_BE_CREATE', NETIF_BE_CREATE),
    1: row('NETIF_BE_DESTROY', NETIF_BE_INTERFACE),
    2: row('NETIF_BE_CONNECT', NETIF_BE_CONNECT),
    3: row('NETIF_BE_DISCONNECT', NETIF_BE_INTERFACE),
    32: row('NETIF_BE_DRIVER_STATUS', BE_DRIVER_STATUS),
  },
  [CMSG_NETIF_FE]: {
    0: row('NETIF_FE_INTERFACE_STATUS', NETIF_FE_INTERFACE_STATUS),
    32: row('NETIF_FE_DRIVER_STATUS', FE_DRIVER_STATUS),
    33: row('NETIF_FE_INTERFACE_CONNECT', NETIF_FE_INTERFACE_CONNECT),
    34: row('NETIF_FE_INTERFACE_DISCONNECT', FE_INTERFACE_DISCONNECT),
    35: row('NETIF_FE_INTERFACE_QUERY', NETIF_FE_INTERFACE_STATUS),
  },
  [CMSG_SHUTDOWN]: {
    0: row('SHUTDOWN_POWEROFF'),
    1: row('SHUTDOWN_REBOOT'),
    2: row('SHUTDOWN_SUSPEND'),
    3: row('SHUTDOWN_SYSRQ', SHUTDOWN_SYSRQ),
  },
  [CMSG_MEM_REQUEST]: { 0: row('MEM_REQUEST_SET', MEM_REQUEST) },
};

function messageTypeNames(): Readonly<Record<number, string>> {
  return {
    ...{ 0: 'CONSOLE', 1: 'BLKIF_BE', 2: 'BLKIF_FE', 3: 'NETIF_BE', 4: 'NETIF_FE' },
    ...{ 6: 'SHUTDOWN', 7: 'MEM_REQUEST' },
  };
}
