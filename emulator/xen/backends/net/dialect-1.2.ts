/** The two rings of a VIF of Xen 1.2, read and answered as its net/dev.c does. */
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { PlainObject } from '../../../machine/plain-data.ts';
import { isRefusal, refuse } from '../../common/refusal.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  NET_IDX,
  NET_RING,
  RING_STATUS_BAD_PAGE,
  RING_STATUS_DROPPED,
  RING_STATUS_OK,
  RX_REQ_ENTRY,
  RX_RESP_ENTRY,
  RX_RING_SIZE,
  TX_REQ_ENTRY,
  TX_RESP_ENTRY,
  TX_RING_SIZE,
} from '../../public/xen-1.2/io/network.ts';
import { givePageByEntry, type TakenPage, takePageByEntry } from '../../pv/xen-1/page-flip.ts';
import type { IndexedRingDeclaration } from '../../ring/indexed-ring.ts';
import { FramePages } from '../guest-pages.ts';
import { MAX_FRAME_BYTES, type NetDialect, type Outcome } from './net-interface.ts';

/** Ethernet and the beginning of IP: what Xen looks at, and so the least there must be more than (PKT_PROT_LEN). */
const PKT_PROT_LEN = 34;
/** Where a frame begins in its page, so that its IP header is aligned. */
const RECEIVE_OFFSET = 18;

const IDX = NET_IDX[32].offset;
const STATUS: Readonly<Record<Outcome, number>> = {
  done: RING_STATUS_OK,
  refused: RING_STATUS_BAD_PAGE,
  unused: RING_STATUS_DROPPED,
};

export const TX_RING_1_2: IndexedRingDeclaration = {
  name: 'net 1.2 tx',
  request: TX_REQ_ENTRY,
  response: TX_RESP_ENTRY,
  size: TX_RING_SIZE,
  entries: NET_RING[32].offset.tx_ring,
  entryBytes: TX_REQ_ENTRY[32].size,
  indexes: { req_prod: IDX.tx_req_prod, resp_prod: IDX.tx_resp_prod, event: IDX.tx_event },
  modulo: true,
  summarizeRequest(entry) {
    const request = new StructView(TX_REQ_ENTRY, 32, entry);
    return `#${request.get('id')}: ${request.get('size')} bytes at 0x${request.get('addr').toString(16)}`;
  },
  summarizeResponse(entry) {
    const response = new StructView(TX_RESP_ENTRY, 32, entry);
    return `#${response.get('id')}: status ${response.get('status')}`;
  },
};

export const RX_RING_1_2: IndexedRingDeclaration = {
  name: 'net 1.2 rx',
  request: RX_REQ_ENTRY,
  response: RX_RESP_ENTRY,
  size: RX_RING_SIZE,
  entries: NET_RING[32].offset.rx_ring,
  entryBytes: RX_REQ_ENTRY[32].size,
  indexes: { req_prod: IDX.rx_req_prod, resp_prod: IDX.rx_resp_prod, event: IDX.rx_event },
  modulo: true,
  summarizeRequest(entry) {
    const request = new StructView(RX_REQ_ENTRY, 32, entry);
    return `#${request.get('id')}: the page of the entry at 0x${request.get('addr').toString(16)}`;
  },
  summarizeResponse(entry) {
    const response = new StructView(RX_RESP_ENTRY, 32, entry);
    return `#${response.get('id')}: ${response.get('size')} bytes, status ${response.get('status')}`;
  },
};

export const NET_DIALECT_1_2: NetDialect = {
  fetch(xen, domain, bytes) {
    const request = new StructView(TX_REQ_ENTRY, 32, bytes);
    const [addr, size] = [request.get('addr'), request.get('size')];
    if (size <= PKT_PROT_LEN || size > MAX_FRAME_BYTES) {
      return refuse('EINVAL', `a frame of ${size} bytes (${PKT_PROT_LEN + 1} to ${MAX_FRAME_BYTES})`);
    }
    const offset = addr % PAGE_SIZE;
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
    const response = newStruct(TX_RESP_ENTRY, 32);
    response.set('id', new StructView(TX_REQ_ENTRY, 32, request).get('id'));
    response.set('status', STATUS[outcome]);
    return response.bytes;
  },

  take(xen, domain, request) {
    const taken = takePageByEntry(xen, domain, new StructView(RX_REQ_ENTRY, 32, request).get('addr'));
    return taken as unknown as PlainObject;
  },

  give(xen, domain, { request, taken }, frame) {
    const problem = givePageByEntry(xen, domain, taken as unknown as TakenPage, frame, RECEIVE_OFFSET);
    return problem ?? receiveResponse(request, 'done', frame.length);
  },

  receiveFailure(request, outcome) {
    return receiveResponse(request, outcome, 0);
  },
};

function receiveResponse(request: Uint8Array, outcome: Outcome, size: number): Uint8Array {
  const response = newStruct(RX_RESP_ENTRY, 32);
  response.set('id', new StructView(RX_REQ_ENTRY, 32, request).get('id'));
  response.set('size', size);
  response.set('status', STATUS[outcome]);
  response.set('offset', outcome === 'done' ? RECEIVE_OFFSET : 0);
  return response.bytes;
}
