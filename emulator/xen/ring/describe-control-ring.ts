import type { DecodedArgument } from '../common/trace.ts';
import { decodeFields } from '../hypercall/decode.ts';
import { StructView } from '../public/struct.ts';
import {
  CMSG_CONSOLE,
  CONTROL_ID_NONE,
  CONTROL_MESSAGES,
  CONTROL_MSG_PAYLOAD,
  CONTROL_RING_SIZE,
} from '../public/xen-2.0/io/domain-controller.ts';
import type { ControlMessage, ControlRing } from './control-ring.ts';
import { escapeBytes, type RingDescription, type RingDirectionDescription } from './describe-ring.ts';

/** A message that went through the control interface. Plain data. */
export interface ControlRecord {
  readonly message: ControlMessage;
  /** Whose request it is. */
  readonly from: 'guest' | 'controller';
  readonly instructions: number;
  /** Free-running index just behind it. */
  readonly end: number;
}

const MAX_RECORDS = 128;

/** The latest requests of both sides, oldest first. */
export class ControlHistory {
  records: ControlRecord[] = [];

  add(record: ControlRecord): void {
    this.records.push(record);
    if (this.records.length > MAX_RECORDS) this.records.shift();
  }
}

/** The control interface for a view: plain data, no side effects on the rings. */
export function describeControlRing(
  ring: ControlRing,
  mfn: number,
  port: number,
  history: ControlHistory,
): RingDescription {
  const { answered, sent, responses } = ring.state;
  const waiting = ring.broken === 'tx_req_prod' ? 0 : ring.waiting;
  const past = (from: ControlRecord['from'], done: number): RingDirectionDescription['messages'] =>
    history.records
      .filter((record) => record.from === from)
      .map(({ message, instructions, end }) => ({
        instructions,
        summary: summarizeControlMessage(message),
        fields: controlMessageFields(message),
        state: ((done - end) | 0) >= 0 ? ('consumed' as const) : ('pending' as const),
      }));
  const coming = Array.from({ length: waiting }, (_, index) => {
    const message = ring.message('tx_ring', (answered + index) >>> 0);
    const [summary, fields] = [summarizeControlMessage(message), controlMessageFields(message)];
    return { instructions: 0, summary, fields, state: 'pending' as const };
  });
  return {
    name: 'control interface',
    unit: 'entries',
    mfn: `0x${mfn.toString(16)}`,
    port,
    indices: [
      ...(['tx_req_prod', 'tx_resp_prod', 'rx_req_prod', 'rx_resp_prod'] as const).map((name) => ({
        name,
        value: ring.read(name),
      })),
      { name: 'rx_resp_cons (private)', value: responses },
    ],
    directions: [
      {
        name: "guest's requests",
        size: CONTROL_RING_SIZE,
        producer: ring.read('tx_req_prod'),
        consumer: answered,
        pending: ring.broken === 'tx_req_prod' ? 'the guest broke its request index' : '',
        messages: [...past('guest', answered), ...coming],
      },
      {
        name: "controller's requests",
        size: CONTROL_RING_SIZE,
        producer: sent,
        consumer: responses,
        pending: ring.broken === 'rx_resp_prod' ? 'the guest broke its response index' : '',
        messages: past('controller', responses),
      },
    ],
  };
}

/** "BLKIF_FE_INTERFACE_STATUS handle=0 status=CONNECTED (2) evtchn=3 domid=0": one line, for traces as well. */
export function summarizeControlMessage(message: ControlMessage): string {
  const { type, subtype, payload } = message;
  const name = CONTROL_MESSAGES[type]?.[subtype]?.name ?? `type ${type} subtype ${subtype}`;
  if (type === CMSG_CONSOLE) return `${name} "${escapeBytes(payload)}"`;
  const fields = payloadFields(message);
  if (fields === undefined) return payload.length === 0 ? name : `${name}, ${payload.length} bytes`;
  return [name, ...fields.map((field) => `${field.name}=${field.value}`)].join(' ');
}

export function controlMessageFields(message: ControlMessage): readonly DecodedArgument[] {
  const { id, payload } = message;
  const header = [
    { name: 'id', value: id === CONTROL_ID_NONE ? '255 (no answer wanted)' : String(id), children: [] },
    { name: 'length', value: String(payload.length), children: [] },
  ];
  return [...header, ...(payloadFields(message) ?? [])];
}

/** Undefined where the message has no fields, or is shorter than they are. */
function payloadFields({ type, subtype, payload }: ControlMessage): readonly DecodedArgument[] | undefined {
  const definition = CONTROL_MESSAGES[type]?.[subtype]?.payload;
  if (definition === undefined || payload.length < definition[32].size) return undefined;
  const whole = new Uint8Array(CONTROL_MSG_PAYLOAD);
  whole.set(payload);
  return decodeFields(new StructView(definition, 32, whole), 32);
}
