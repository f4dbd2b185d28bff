import { decodeFields } from '../hypercall/decode.ts';
import { StructView } from '../public/struct.ts';
import type { RingDescription, RingDirectionDescription } from './describe-ring.ts';
import type { RequestHistory } from './request-history.ts';
import type { RequestRing } from './request-ring.ts';

type Message = RingDirectionDescription['messages'][number];

/** A ring of requests and responses for a view: plain data, no side effects on the ring. `device`: "vbd 51712". */
export function describeRequestRing(
  ring: RequestRing,
  device: string,
  port: number,
  history: RequestHistory,
): RingDescription {
  const requestConsumer = ring.requestConsumer;
  // What the guest has consumed it keeps to itself; but it asks to be told of the response behind that.
  const responseConsumer = (ring.read('rsp_event') - 1) >>> 0;
  const waiting = ring.sound ? ring.waiting : 0;
  const past = (direction: 'toHost' | 'toGuest', consumer: number): Message[] =>
    history.entries
      .filter((entry) => entry.direction === direction)
      .map(({ bytes, end, instructions }) =>
        decode(ring, direction, bytes, instructions, ((consumer - end) | 0) >= 0 ? 'consumed' : 'pending'),
      );
  return {
    name: `${device} ${ring.declaration.name}`,
    unit: 'entries',
    mfn: ring.mfns.map((mfn) => `0x${mfn.toString(16)}`).join(' '),
    port,
    indices: [
      ...(['req_prod', 'req_event', 'rsp_prod', 'rsp_event'] as const).map((name) => ({
        name,
        value: ring.read(name),
      })),
      { name: 'req_cons (private)', value: requestConsumer },
      { name: 'rsp_prod_pvt (private)', value: ring.responseProducer },
    ],
    directions: [
      {
        name: 'requests',
        size: ring.size,
        producer: ring.read('req_prod'),
        consumer: requestConsumer,
        pending: ring.sound ? '' : 'the guest broke its request index',
        messages: [
          ...past('toHost', requestConsumer),
          ...Array.from({ length: waiting }, (_, index) =>
            decode(ring, 'toHost', ring.entry((requestConsumer + index) >>> 0, ring.declaration.request), 0, 'pending'),
          ),
        ],
      },
      {
        name: 'responses',
        size: ring.size,
        producer: ring.responseProducer,
        consumer: responseConsumer,
        pending: '',
        messages: past('toGuest', responseConsumer),
      },
    ],
  };
}

function decode(
  ring: RequestRing,
  direction: 'toHost' | 'toGuest',
  bytes: Uint8Array,
  instructions: number,
  state: Message['state'],
): Message {
  const { declaration, width } = ring;
  const toHost = direction === 'toHost';
  const definition = toHost ? declaration.request : declaration.response;
  return {
    instructions,
    summary: (toHost ? declaration.summarizeRequest : declaration.summarizeResponse)(bytes, width),
    fields:
      toHost && declaration.requestFields !== undefined
        ? declaration.requestFields(bytes, width)
        : decodeFields(new StructView(definition, width, bytes), width),
    state,
  };
}
