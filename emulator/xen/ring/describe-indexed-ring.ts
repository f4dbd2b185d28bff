import { decodeFields } from '../hypercall/decode.ts';
import { StructView } from '../public/struct.ts';
import type { RingDescription, RingDirectionDescription } from './describe-ring.ts';
import type { IndexedRing, RingIndex } from './indexed-ring.ts';
import type { RequestHistory } from './request-history.ts';

type Message = RingDirectionDescription['messages'][number];

/** A ring of Xen 2.0 or 1.2 for a view: plain data, no side effects. `device`: "blkif 0", "vif 0". */
export function describeIndexedRing(
  ring: IndexedRing,
  device: string,
  port: number,
  history: RequestHistory,
): RingDescription {
  const { declaration, requestConsumer, responseProducer, size } = ring;
  const waiting = ring.sound ? ring.waiting : 0;
  const past = (direction: 'toHost' | 'toGuest', done: number): Message[] =>
    history.entries
      .filter((entry) => entry.direction === direction)
      .map(({ bytes, end, instructions }) => decode(ring, direction, bytes, instructions, ((done - end) | 0) >= 0));
  const coming = Array.from({ length: waiting }, (_, index) => {
    const bytes = ring.entry((requestConsumer + index) >>> 0, declaration.request);
    return decode(ring, 'toHost', bytes, 0, false);
  });
  return {
    name: `${device} ${declaration.name}`,
    unit: 'entries',
    mfn: `0x${ring.mfn.toString(16)}`,
    port,
    indices: [
      ...(Object.keys(declaration.indexes) as RingIndex[]).map((name) => ({ name, value: ring.read(name) })),
      { name: 'req_cons (private)', value: requestConsumer },
      { name: 'resp_prod (private)', value: responseProducer },
    ],
    directions: [
      {
        name: 'requests',
        size,
        producer: ring.read('req_prod'),
        consumer: requestConsumer,
        pending: ring.sound ? '' : 'the guest broke its request index',
        // Answered in order, so that what has no answer yet is what somebody waits for.
        messages: [...past('toHost', responseProducer), ...coming],
      },
      {
        name: 'responses',
        size,
        producer: responseProducer,
        // How far the guest has read it keeps to itself.
        consumer: responseProducer,
        pending: '',
        messages: past('toGuest', responseProducer),
      },
    ],
  };
}

function decode(
  ring: IndexedRing,
  direction: 'toHost' | 'toGuest',
  bytes: Uint8Array,
  instructions: number,
  done: boolean,
): Message {
  const { declaration } = ring;
  const toHost = direction === 'toHost';
  const view = new StructView(toHost ? declaration.request : declaration.response, 32, bytes);
  return {
    instructions,
    summary: (toHost ? declaration.summarizeRequest : declaration.summarizeResponse)(bytes),
    fields: (toHost ? declaration.requestFields?.(bytes) : undefined) ?? decodeFields(view, 32),
    state: done ? 'consumed' : 'pending',
  };
}
