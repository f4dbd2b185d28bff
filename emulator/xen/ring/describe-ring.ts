import type { DecodedArgument } from '../common/trace.ts';
import type { ByteRing, Direction } from './byte-ring.ts';
import type { MessageHistory } from './message-history.ts';

/** A ring for a view: plain data, no side effects on the ring. */
export interface RingDescription {
  /** "console", "xenstore", "vbd 51712 blkif". */
  readonly name: string;
  /** What sizes and indexes count. */
  readonly unit: 'bytes' | 'entries';
  /** Several, apart by spaces, for a ring of several pages. */
  readonly mfn: string;
  readonly port: number;
  readonly indices: readonly { readonly name: string; readonly value: number }[];
  readonly directions: readonly RingDirectionDescription[];
}

export interface RingDirectionDescription {
  readonly name: string;
  readonly size: number;
  readonly producer: number;
  readonly consumer: number;
  /** Bytes that wait, as text with escapes. */
  readonly pending: string;
  readonly messages: readonly {
    readonly instructions: number;
    readonly summary: string;
    readonly fields: readonly DecodedArgument[];
    readonly state: 'pending' | 'consumed';
  }[];
}

export function describeRing<Names extends string>(
  ring: ByteRing<Names>,
  port: number,
  history: MessageHistory,
): RingDescription {
  const { toHost, toGuest } = ring.declaration;
  const indexFields = [toHost.consumer, toHost.producer, toGuest.consumer, toGuest.producer];
  return {
    name: ring.declaration.name,
    unit: 'bytes',
    mfn: `0x${ring.mfn.toString(16)}`,
    port,
    indices: indexFields.map((name) => ({ name, value: ring.read32(name) })),
    directions: [describeDirection(ring, 'toHost', history), describeDirection(ring, 'toGuest', history)],
  };
}

function describeDirection<Names extends string>(
  ring: ByteRing<Names>,
  direction: Direction,
  history: MessageHistory,
): RingDirectionDescription {
  const consumer = ring.consumer(direction);
  return {
    name: ring.declaration[direction].name,
    size: ring.size(direction),
    producer: ring.producer(direction),
    consumer,
    pending: escapeBytes(ring.peek(direction)),
    messages: history.records
      .filter((record) => record.direction === direction)
      .map(({ instructions, summary, fields, end }) => ({
        instructions,
        summary,
        fields,
        // Free-running 32-bit indexes: the sign of the difference says which is ahead.
        state: ((consumer - end) | 0) >= 0 ? ('consumed' as const) : ('pending' as const),
      })),
  };
}

/** Printable ASCII as it is, the rest escaped as in C. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x0a) text += '\\n';
    else if (byte === 0x0d) text += '\\r';
    else if (byte === 0x09) text += '\\t';
    else if (byte === 0x5c) text += '\\\\';
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
