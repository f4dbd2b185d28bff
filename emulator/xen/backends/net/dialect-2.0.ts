/**
 * The two rings of Xen 2.0's netif.h, read and answered as that time's netback does (drivers/xen/netback/netback.c):
 * what is received comes in a page that changes its owner.
 */
import { type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import { ETHERNET_HEADER } from '../../../net/headers.ts';
import { isRefusal, refuse } from '../../common/refusal.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  NETIF_RSP_ERROR,
  NETIF_RSP_OKAY,
  NETIF_RX_INTERFACE,
  NETIF_RX_REQUEST,
  NETIF_RX_RESPONSE,
  NETIF_RX_RING_SIZE,
  NETIF_TX_INTERFACE,
  NETIF_TX_REQUEST,
  NETIF_TX_RESPONSE,
  NETIF_TX_RING_SIZE,
} from '../../public/xen-2.0/io/netif.ts';
import type { IndexedRingDeclaration } from '../../ring/indexed-ring.ts';
import { FramePages } from '../guest-pages.ts';
import { MAX_FRAME_BYTES, type NetDialect } from './net-interface.ts';

/** Where a frame begins in its page: netfront wants 16 bytes free before it, and IP headers aligned. */
const RECEIVE_OFFSET = 18;

const TX = NETIF_TX_INTERFACE[32].offset;
const RX = NETIF_RX_INTERFACE[32].offset;

export const NETIF_TX_RING_2_0: IndexedRingDeclaration = {
  name: 'netif 2.0 tx',
  request: NETIF_TX_REQUEST,
  response: NETIF_TX_RESPONSE,
  size: NETIF_TX_RING_SIZE,
  entries: TX.ring,
  entryBytes: NETIF_TX_REQUEST[32].size,
  indexes: { req_prod: TX.req_prod, req_cons: TX.req_cons, resp_prod: TX.resp_prod, event: TX.event },
  modulo: false,
  summarizeRequest(entry) {
    const request = new StructView(NETIF_TX_REQUEST, 32, entry);
    return `#${request.get('id')}: ${request.get('size')} bytes at 0x${request.get('addr').toString(16)}`;
  },
  summarizeResponse(entry) {
    const response = new StructView(NETIF_TX_RESPONSE, 32, entry);
    return `#${response.get('id')}: status ${response.get('status')}`;
  },
};

export const NETIF_RX_RING_2_0: IndexedRingDeclaration = {
  name: 'netif 2.0 rx',
  request: NETIF_RX_REQUEST,
  response: NETIF_RX_RESPONSE,
  size: NETIF_RX_RING_SIZE,
  entries: RX.ring,
  entryBytes: NETIF_RX_RESPONSE[32].size,
  indexes: { req_prod: RX.req_prod, resp_prod: RX.resp_prod, event: RX.event },
  modulo: false,
  summarizeRequest(entry) {
    return `#${new StructView(NETIF_RX_REQUEST, 32, entry).get('id')}: a page, given away`;
  },
  summarizeResponse(entry) {
    const response = new StructView(NETIF_RX_RESPONSE, 32, entry);
    const status = response.get('status');
    const where = status > 0 ? `${status} bytes at 0x${response.get('addr').toString(16)}` : `status ${status}`;
    return `#${response.get('id')}: ${where}`;
  },
};

export const NET_DIALECT_2_0: NetDialect = {
  fetch(xen, domain, bytes) {
    const request = new StructView(NETIF_TX_REQUEST, 32, bytes);
    const [addr, size] = [request.get('addr'), request.get('size')];
    if (size < ETHERNET_HEADER || size > MAX_FRAME_BYTES) {
      return refuse('EINVAL', `a frame of ${size} bytes (${ETHERNET_HEADER} to ${MAX_FRAME_BYTES})`);
    }
    const offset = addr % PAGE_SIZE;
    // netback refuses a frame that ends with its page, too.
    if (offset + size >= PAGE_SIZE) return refuse('EINVAL', `${size} bytes from offset ${offset} reach the page's end`);
    const pages = new FramePages(xen, domain.domid);
    const frame = addr >>> 12;
    const mfn = pages.use(frame, false);
    if (isRefusal(mfn)) return mfn;
    const copy = xen.ram.frame(mfn).slice(offset, offset + size);
    pages.end(frame, false);
    return copy;
  },

  transmitResponse(request, outcome) {
    const response = newStruct(NETIF_TX_RESPONSE, 32);
    response.set('id', new StructView(NETIF_TX_REQUEST, 32, request).get('id'));
    response.set('status', outcome === 'done' ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
    return response.bytes;
  },

  give(xen, domain, { request }, frame) {
    const mfn = xen.allocateExtent(domain, 0);
    if (isRefusal(mfn)) return mfn;
    const address = mfn * PAGE_SIZE + RECEIVE_OFFSET;
    xen.ram.writeBytes(address as MachineAddress, frame);
    return receiveResponse(request, frame.length, address);
  },

  receiveFailure(request) {
    return receiveResponse(request, NETIF_RSP_ERROR, 0);
  },
};

function receiveResponse(request: Uint8Array, status: number, address: number): Uint8Array {
  const response = newStruct(NETIF_RX_RESPONSE, 32);
  response.set('addr', address);
  response.set('id', new StructView(NETIF_RX_REQUEST, 32, request).get('id'));
  response.set('status', status);
  return response.bytes;
}
