/**
 * Rings that carry a byte stream in each direction through one shared page: console and xenstore. A declaration names
 * the fields of the page; front, back and decoded display follow from it.
 */
import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import { PAGE_SIZE } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import type { StructDefinition } from '../public/struct.ts';

export interface ByteRingDeclaration<Names extends string> {
  readonly name: 'console' | 'xenstore';
  readonly page: StructDefinition<Names>;
  readonly toHost: DirectionDeclaration<Names>;
  readonly toGuest: DirectionDeclaration<Names>;
}

export interface DirectionDeclaration<Names extends string> {
  /** As shown: "out", "in", "requests", "replies". */
  readonly name: string;
  readonly array: Names;
  readonly producer: Names;
  readonly consumer: Names;
}

export type Direction = 'toHost' | 'toGuest';

/** One shared page as the host end sees it. Holds no state of its own: everything is in the page. */
export class ByteRing<Names extends string> {
  private readonly start: number;

  constructor(
    readonly ram: Ram,
    readonly mfn: Mfn,
    readonly declaration: ByteRingDeclaration<Names>,
  ) {
    this.start = mfn * PAGE_SIZE;
  }

  size(direction: Direction): number {
    return this.declaration.page[64].field[this.declaration[direction].array].count;
  }

  producer(direction: Direction): number {
    return this.read32(this.declaration[direction].producer);
  }

  consumer(direction: Direction): number {
    return this.read32(this.declaration[direction].consumer);
  }

  /** Bytes produced and not consumed; more than `size` when a guest has broken its indexes. */
  used(direction: Direction): number {
    return (this.producer(direction) - this.consumer(direction)) >>> 0;
  }

  /** Whether the indexes can be believed. */
  sound(direction: Direction): boolean {
    return this.used(direction) <= this.size(direction);
  }

  /** Bytes that wait, without consuming them. None when the indexes are broken. */
  peek(direction: Direction): Uint8Array {
    if (!this.sound(direction)) return new Uint8Array(0);
    const size = this.size(direction);
    const array = this.arrayOffset(direction);
    const bytes = new Uint8Array(this.used(direction));
    const first = this.consumer(direction);
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = this.ram.u8[array + (((first + index) >>> 0) % size)] as number;
    }
    return bytes;
  }

  /** The host's end takes everything that waits. */
  takeAll(): Uint8Array {
    const bytes = this.peek('toHost');
    if (bytes.length > 0) this.write32(this.declaration.toHost.consumer, this.consumer('toHost') + bytes.length);
    return bytes;
  }

  /** The host's end puts in as much as fits and says how much that was. */
  put(bytes: Uint8Array): number {
    if (!this.sound('toGuest')) return 0;
    const size = this.size('toGuest');
    const count = Math.min(bytes.length, size - this.used('toGuest'));
    const first = this.producer('toGuest');
    const array = this.fieldAddress(this.declaration.toGuest.array);
    for (let index = 0; index < count; index++) {
      this.ram.write8((array + (((first + index) >>> 0) % size)) as MachineAddress, bytes[index] as number);
    }
    if (count > 0) this.write32(this.declaration.toGuest.producer, first + count);
    return count;
  }

  read32(field: Names): number {
    return this.ram.read32(this.fieldAddress(field));
  }

  write32(field: Names, value: number): void {
    this.ram.write32(this.fieldAddress(field), value);
  }

  private fieldAddress(field: Names): MachineAddress {
    // Both pages have the same layout for both guest widths: they contain no long and no pointer.
    return (this.start + this.declaration.page[64].offset[field]) as MachineAddress;
  }

  private arrayOffset(direction: Direction): number {
    return this.ram.offsetOf(this.fieldAddress(this.declaration[direction].array));
  }
}
