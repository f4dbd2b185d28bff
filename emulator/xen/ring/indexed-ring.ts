/**
 * Rings of the time before public/io/ring.h: block and network devices of Xen 2.0 and 1.2. Requests and responses share
 * entries of a fixed number; where the indexes lie, and whether they run freely, is the declaration's matter. The guest's
 * half is hostile: its indexes are checked before anything is believed.
 */
import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import { PAGE_SIZE } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { DecodedArgument } from '../common/trace.ts';
import type { StructDefinition } from '../public/struct.ts';

export type RingIndex = 'req_prod' | 'req_cons' | 'resp_prod' | 'event';

export interface IndexedRingDeclaration {
  /** As shown: "blkif 2.0". */
  readonly name: string;
  readonly request: StructDefinition<string>;
  readonly response: StructDefinition<string>;
  /** Number of entries, a power of two. */
  readonly size: number;
  /** Of the first entry in the page. */
  readonly entries: number;
  readonly entryBytes: number;
  /** Offsets of the indexes from where the ring has them. */
  readonly indexes: Readonly<Partial<Record<RingIndex, number>>> & {
    readonly req_prod: number;
    readonly resp_prod: number;
  };
  /** Indexes are stored modulo `size`, and one entry always stays free (Xen 1.2); else they run freely. */
  readonly modulo: boolean;
  readonly requestFields?: (entry: Uint8Array) => readonly DecodedArgument[];
  /** One line each. */
  readonly summarizeRequest: (entry: Uint8Array) => string;
  readonly summarizeResponse: (entry: Uint8Array) => string;
}

/** The back end's own indexes, free-running in any case. */
export interface IndexedRingState {
  requestConsumer: number;
  responseProducer: number;
}

export class IndexedRing {
  private readonly state: IndexedRingState;

  constructor(
    private readonly ram: Ram,
    readonly declaration: IndexedRingDeclaration,
    readonly mfn: Mfn,
    /** Where the indexes are; in the ring's page, or in the shared-info page. */
    private readonly indexes: MachineAddress,
    state: IndexedRingState = { requestConsumer: 0, responseProducer: 0 },
  ) {
    this.state = { ...state };
  }

  get size(): number {
    return this.declaration.size;
  }

  /** Requests put in and not yet taken; nonsense unless `sound`. */
  get waiting(): number {
    const difference = this.read('req_prod') - this.state.requestConsumer;
    return this.declaration.modulo ? difference & (this.size - 1) : difference >>> 0;
  }

  /** Requests taken and not yet answered. */
  get unanswered(): number {
    return (this.state.requestConsumer - this.state.responseProducer) >>> 0;
  }

  /** Whether the guest's index can be believed: no more requests than entries. */
  get sound(): boolean {
    const { modulo } = this.declaration;
    if (modulo && this.read('req_prod') >= this.size) return false;
    return this.waiting + this.unanswered <= (modulo ? this.size - 1 : this.size);
  }

  get requestConsumer(): number {
    return this.state.requestConsumer;
  }

  get responseProducer(): number {
    return this.state.responseProducer;
  }

  /** Takes the next request: a copy. `waiting` must not be 0. */
  take(): Uint8Array {
    const bytes = this.entry(this.state.requestConsumer, this.declaration.request);
    this.state.requestConsumer = (this.state.requestConsumer + 1) >>> 0;
    this.write('req_cons', this.state.requestConsumer);
    return bytes;
  }

  /** Puts a response in, for the guest to see. True when the guest asked to be told of this one. */
  put(response: Uint8Array): boolean {
    this.ram.writeBytes(this.entryAddress(this.state.responseProducer), response);
    this.state.responseProducer = (this.state.responseProducer + 1) >>> 0;
    this.write('resp_prod', this.state.responseProducer);
    return (
      this.declaration.indexes.event === undefined || this.read('event') === this.stored(this.state.responseProducer)
    );
  }

  /** Begins anew at index 0; what lies in the page is the guest's matter. */
  reset(): void {
    this.state.requestConsumer = 0;
    this.state.responseProducer = 0;
  }

  /** A request or response by its free-running index, as it lies in the page. */
  entry(index: number, definition: StructDefinition<string>): Uint8Array {
    const from = this.ram.offsetOf(this.entryAddress(index));
    return this.ram.u8.slice(from, from + definition[32].size);
  }

  /** 0 for one that this ring has not. */
  read(index: RingIndex): number {
    const offset = this.declaration.indexes[index];
    return offset === undefined ? 0 : this.ram.read32((this.indexes + offset) as MachineAddress);
  }

  save(): IndexedRingState {
    return { ...this.state };
  }

  private write(index: RingIndex, value: number): void {
    const offset = this.declaration.indexes[index];
    if (offset !== undefined) this.ram.write32((this.indexes + offset) as MachineAddress, this.stored(value));
  }

  private stored(index: number): number {
    return this.declaration.modulo ? index & (this.size - 1) : index;
  }

  private entryAddress(index: number): MachineAddress {
    const { entries, entryBytes } = this.declaration;
    return (this.mfn * PAGE_SIZE + entries + (index & (this.size - 1)) * entryBytes) as MachineAddress;
  }
}
