import { STATE_ADDRESS, STATE_ZERO } from '../cpu/layout.ts';
import * as record from '../interpreter/record.ts';

/** Writes records into linear memory, one after the other. */
export class RecordWriter {
  /** Byte offset of the record that is being written. */
  at = 0;
  private start = 0;
  private offset = 0;
  private next = 0;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;

  constructor(memory: WebAssembly.Memory) {
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
  }

  /** Records from byte `to` on, of the instruction at these offsets in its page. */
  open(to: number, offset: number, next: number): void {
    this.start = to;
    this.at = to;
    this.offset = offset;
    this.next = next;
  }

  /** Records written, the present one included. */
  get count(): number {
    return (this.at - this.start) / record.RECORD_SIZE + 1;
  }

  begin(handler: number): void {
    const word = this.at >> 2;
    this.i32.fill(0, word, word + record.RECORD_SIZE / 4);
    this.u16[this.at >> 1] = handler;
    this.set16(record.RECORD_OFFSET, this.offset);
    this.set16(record.RECORD_NEXT_OFFSET, this.next);
  }

  /** The record is a helper: another one follows. */
  advance(): void {
    this.at += record.RECORD_SIZE;
  }

  set8(field: number, value: number): void {
    this.u8[this.at + field] = value;
  }

  set16(field: number, value: number): void {
    this.u16[(this.at + field) >> 1] = value;
  }

  set32(field: number, value: number): void {
    this.i32[(this.at + field) >> 2] = value;
  }

  address(base: number, index: number, shift: number, displacement: number): void {
    this.set16(record.RECORD_BASE, base);
    this.set16(record.RECORD_INDEX, index);
    this.set8(record.RECORD_SHIFT, shift);
    this.set32(record.RECORD_DISPLACEMENT, displacement);
  }

  noAddress(): void {
    this.set16(record.RECORD_BASE, STATE_ZERO);
    this.set16(record.RECORD_INDEX, STATE_ZERO);
  }

  /** The address that a helper record has computed. */
  computedAddress(): void {
    this.address(STATE_ADDRESS, STATE_ZERO, 0, 0);
  }
}
