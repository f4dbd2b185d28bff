/**
 * Rings of requests and responses of fixed size that share their entries: block and network devices (public/io/ring.h).
 * A declaration names the structures; the back end's half and the decoded display follow from it. The guest's half is
 * hostile: its indexes are checked before anything is believed.
 */
import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import { PAGE_SIZE } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { DecodedArgument } from '../common/trace.ts';
import type { StructDefinition, Width } from '../public/struct.ts';
import { SRING, SRING_HEADER_BYTES } from '../public/xen-4/io/ring.ts';

export interface RequestRingDeclaration {
  /** As shown: "blkif", "netif tx". */
  readonly name: string;
  readonly request: StructDefinition<string>;
  readonly response: StructDefinition<string>;
  /** Fields of a request that is not laid out as `request` says; by default those of the structure. */
  readonly requestFields?: (entry: Uint8Array, width: Width) => readonly DecodedArgument[];
  /** One line each. */
  readonly summarizeRequest: (entry: Uint8Array, width: Width) => string;
  readonly summarizeResponse: (entry: Uint8Array, width: Width) => string;
}

/** The back end's private indexes: all the state there is beside the shared pages. */
export interface RequestRingState {
  requestConsumer: number;
  responseProducer: number;
}

/** The back end's half of one ring (BACK_RING). */
export class RequestRing {
  /** Bytes from one entry to the next: the larger of request and response. */
  readonly entryBytes: number;
  /** Number of entries, a power of two (__RING_SIZE). */
  readonly size: number;
  private readonly state: RequestRingState;

  constructor(
    private readonly ram: Ram,
    readonly declaration: RequestRingDeclaration,
    /** Frames of the shared pages, in order. */
    readonly mfns: readonly Mfn[],
    /** Layout that the front end uses. */
    readonly width: Width,
    state?: RequestRingState,
  ) {
    this.entryBytes = Math.max(declaration.request[width].size, declaration.response[width].size);
    this.size = 2 ** Math.floor(Math.log2((mfns.length * PAGE_SIZE - SRING_HEADER_BYTES) / this.entryBytes));
    // A front end that takes a used ring up again is attached to where its responses stand (BACK_RING_ATTACH).
    const attached = this.read('rsp_prod');
    this.state = { requestConsumer: attached, responseProducer: attached, ...state };
  }

  /** Requests put in and not yet taken; more than `size` when the guest has broken its index. */
  get waiting(): number {
    return (this.read('req_prod') - this.state.requestConsumer) >>> 0;
  }

  /** Requests taken and not yet answered. */
  get unanswered(): number {
    return (this.state.requestConsumer - this.state.responseProducer) >>> 0;
  }

  /** Whether the guest's index can be believed: no more requests than entries (RING_REQUEST_PROD_OVERFLOW). */
  get sound(): boolean {
    return (this.read('req_prod') - this.state.responseProducer) >>> 0 <= this.size;
  }

  get requestConsumer(): number {
    return this.state.requestConsumer;
  }

  get responseProducer(): number {
    return this.state.responseProducer;
  }

  /** Takes the next request: a copy, which the guest cannot change under our hands. `waiting` must not be 0. */
  take(): Uint8Array {
    const bytes = this.entry(this.state.requestConsumer, this.declaration.request);
    this.state.requestConsumer = (this.state.requestConsumer + 1) >>> 0;
    return bytes;
  }

  /** Asks to be told of the next request, and says whether one has come already (RING_FINAL_CHECK_FOR_REQUESTS). */
  finalCheck(): boolean {
    this.write('req_event', (this.state.requestConsumer + 1) >>> 0);
    return this.waiting > 0;
  }

  /** Asks to be told of the next request behind those that are there: for who needs more of them at once. */
  askForMore(): void {
    this.write('req_event', (this.read('req_prod') + 1) >>> 0);
  }

  /** Puts a response in; the guest sees it after `push`. */
  put(response: Uint8Array): void {
    this.copyIn(this.state.responseProducer, response);
    this.state.responseProducer = (this.state.responseProducer + 1) >>> 0;
  }

  /** Publishes the responses; true when the guest asked to be told (RING_PUSH_RESPONSES_AND_CHECK_NOTIFY). */
  push(): boolean {
    const old = this.read('rsp_prod');
    const produced = this.state.responseProducer;
    this.write('rsp_prod', produced);
    return (produced - this.read('rsp_event')) >>> 0 < (produced - old) >>> 0;
  }

  /** A request or response by its free-running index, as it lies in the pages. */
  entry(index: number, definition: StructDefinition<string>): Uint8Array {
    const bytes = new Uint8Array(definition[this.width].size);
    this.pieces(index, bytes.length, (address, at, length) => {
      const from = this.ram.offsetOf(address);
      bytes.set(this.ram.u8.subarray(from, from + length), at);
    });
    return bytes;
  }

  read(field: 'req_prod' | 'req_event' | 'rsp_prod' | 'rsp_event'): number {
    return this.ram.read32(this.headerAddress(field));
  }

  save(): RequestRingState {
    return { ...this.state };
  }

  private write(field: 'req_event' | 'rsp_prod', value: number): void {
    this.ram.write32(this.headerAddress(field), value);
  }

  private headerAddress(field: keyof (typeof SRING)[64]['offset']): MachineAddress {
    return ((this.mfns[0] as number) * PAGE_SIZE + SRING[64].offset[field]) as MachineAddress;
  }

  private copyIn(index: number, bytes: Uint8Array): void {
    this.pieces(index, bytes.length, (address, at, length) => {
      this.ram.writeBytes(address, bytes.subarray(at, at + length));
    });
  }

  /** The pages need not be neighbours, and an entry may lie across two of them. */
  private pieces(
    index: number,
    length: number,
    use: (address: MachineAddress, at: number, length: number) => void,
  ): void {
    let offset = SRING_HEADER_BYTES + (index & (this.size - 1)) * this.entryBytes;
    for (let at = 0; at < length; ) {
      const inPage = offset % PAGE_SIZE;
      const piece = Math.min(length - at, PAGE_SIZE - inPage);
      const mfn = this.mfns[Math.floor(offset / PAGE_SIZE)] as number;
      use((mfn * PAGE_SIZE + inPage) as MachineAddress, at, piece);
      at += piece;
      offset += piece;
    }
  }
}
