/** The two rings of a vif, declared for the back end's half and for views. */
import { StructView, type Width } from '../../public/struct.ts';
import {
  NETIF_RX_REQUEST,
  NETIF_RX_RESPONSE,
  NETIF_TX_REQUEST,
  NETIF_TX_RESPONSE,
  XEN_NETTXF_more_data,
} from '../../public/xen-4/io/netif.ts';
import type { RequestRingDeclaration } from '../../ring/request-ring.ts';

function txRequestText(bytes: Uint8Array, width: Width): string {
  const request = new StructView(NETIF_TX_REQUEST, width, bytes);
  const more = (request.get('flags') & XEN_NETTXF_more_data) === 0 ? '' : ', more follows';
  return `#${request.get('id')}: ${request.get('size')} bytes in grant ${request.get('gref')}${more}`;
}

function txResponseText(bytes: Uint8Array, width: Width): string {
  const response = new StructView(NETIF_TX_RESPONSE, width, bytes);
  return `#${response.get('id')}: status ${response.get('status')}`;
}

function rxRequestText(bytes: Uint8Array, width: Width): string {
  const request = new StructView(NETIF_RX_REQUEST, width, bytes);
  return `#${request.get('id')}: buffer in grant ${request.get('gref')}`;
}

function rxResponseText(bytes: Uint8Array, width: Width): string {
  const response = new StructView(NETIF_RX_RESPONSE, width, bytes);
  return `#${response.get('id')}: ${response.get('status')} bytes`;
}

export const NETIF_TX_RING: RequestRingDeclaration = {
  name: 'netif tx',
  request: NETIF_TX_REQUEST,
  response: NETIF_TX_RESPONSE,
  summarizeRequest: txRequestText,
  summarizeResponse: txResponseText,
};

export const NETIF_RX_RING: RequestRingDeclaration = {
  name: 'netif rx',
  request: NETIF_RX_REQUEST,
  response: NETIF_RX_RESPONSE,
  summarizeRequest: rxRequestText,
  summarizeResponse: rxResponseText,
};
