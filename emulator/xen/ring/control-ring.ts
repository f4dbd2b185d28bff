/**
 * The controller's half of the control interface of Xen 2.0 (public/io/domain_controller.h): two rings of eight
 * messages, one for each side's requests; a response takes the slot of its request. The guest's indexes are checked
 * before anything is believed.
 */
import type { MachineAddress } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import {
  CONTROL_IF,
  CONTROL_MSG,
  CONTROL_MSG_PAYLOAD,
  CONTROL_RING_SIZE,
} from '../public/xen-2.0/io/domain-controller.ts';

/** Plain data. */
export interface ControlMessage {
  readonly type: number;
  readonly subtype: number;
  readonly id: number;
  /** At most 60 bytes. */
  readonly payload: Uint8Array;
}

/** The controller's own indexes, which the guest cannot change; free-running. */
export interface ControlRingState {
  /** Of the guest's requests: taken, and so answered, since every one is answered before the next is taken. */
  answered: number;
  sent: number;
  /** Of our requests: responses that were taken. */
  responses: number;
}

export type ControlIndex = 'tx_req_prod' | 'tx_resp_prod' | 'rx_req_prod' | 'rx_resp_prod';
const MESSAGE_BYTES = CONTROL_MSG[32].size;

export class ControlRing {
  readonly state: ControlRingState = { answered: 0, sent: 0, responses: 0 };

  constructor(
    private readonly ram: Ram,
    /** Of the `control_if`. */
    private readonly address: MachineAddress,
  ) {}

  /** The guest's requests that wait; more than the ring holds when it has broken its index. */
  get waiting(): number {
    return (this.read('tx_req_prod') - this.state.answered) >>> 0;
  }

  /** Our requests that the guest has not answered. */
  get unanswered(): number {
    return (this.state.sent - this.state.responses) >>> 0;
  }

  /** Which index cannot be believed. */
  get broken(): ControlIndex | undefined {
    if (this.waiting > CONTROL_RING_SIZE) return 'tx_req_prod';
    const answers = (this.read('rx_resp_prod') - this.state.responses) >>> 0;
    return answers > this.unanswered ? 'rx_resp_prod' : undefined;
  }

  get hasRoom(): boolean {
    return this.unanswered < CONTROL_RING_SIZE;
  }

  /** The guest's next request, which is to be answered before the next; `waiting` must not be 0. */
  peekRequest(): ControlMessage {
    return this.message('tx_ring', this.state.answered);
  }

  answer(response: ControlMessage): void {
    this.store('tx_ring', this.state.answered, response);
    this.state.answered = (this.state.answered + 1) >>> 0;
    this.write('tx_resp_prod', this.state.answered);
  }

  /** Puts a request of ours in; there must be room. */
  send(request: ControlMessage): void {
    this.store('rx_ring', this.state.sent, request);
    this.state.sent = (this.state.sent + 1) >>> 0;
    this.write('rx_req_prod', this.state.sent);
  }

  /** The guest's next response, if there is one. */
  takeResponse(): ControlMessage | undefined {
    const { responses } = this.state;
    if (this.read('rx_resp_prod') === responses || this.unanswered === 0) return undefined;
    this.state.responses = (responses + 1) >>> 0;
    return this.message('rx_ring', responses);
  }

  /** A message by its free-running index, as it lies there. A length beyond the slot is cut, as libxutil's xu did. */
  message(ring: 'tx_ring' | 'rx_ring', index: number): ControlMessage {
    const from = this.ram.offsetOf(this.slot(ring, index));
    const [type, subtype, id, length] = this.ram.u8.subarray(from, from + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const start = from + CONTROL_MSG[32].offset.msg;
    return { type, subtype, id, payload: this.ram.u8.slice(start, start + Math.min(length, CONTROL_MSG_PAYLOAD)) };
  }

  read(index: ControlIndex): number {
    return this.ram.read32(this.indexAddress(index));
  }

  save(): ControlRingState {
    return { ...this.state };
  }

  restore(state: ControlRingState): void {
    Object.assign(this.state, state);
  }

  private store(ring: 'tx_ring' | 'rx_ring', index: number, { type, subtype, id, payload }: ControlMessage): void {
    const bytes = new Uint8Array(MESSAGE_BYTES);
    bytes.set([type, subtype, id, payload.length]);
    bytes.set(payload, CONTROL_MSG[32].offset.msg);
    this.ram.writeBytes(this.slot(ring, index), bytes);
  }

  private slot(ring: 'tx_ring' | 'rx_ring', index: number): MachineAddress {
    const first = this.address + CONTROL_IF[32].offset[ring];
    return (first + (index & (CONTROL_RING_SIZE - 1)) * MESSAGE_BYTES) as MachineAddress;
  }

  private write(index: 'tx_resp_prod' | 'rx_req_prod', value: number): void {
    this.ram.write32(this.indexAddress(index), value);
  }

  private indexAddress(index: ControlIndex): MachineAddress {
    return (this.address + CONTROL_IF[32].offset[index]) as MachineAddress;
  }
}
