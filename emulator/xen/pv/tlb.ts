import type { VirtualAddress } from '../../base/numbers.ts';
import type { Processor } from '../../x86/cpu/processor.ts';

/**
 * TLB flushes, counted as Xen counts them (flushtlb.c): a frame remembers the count at which its last use as some type
 * ended, and is flushed for on a change of type only when no full flush has happened since. Which flushes happen is
 * visible to guests, so this decides exactly as Xen does.
 */
export class Tlb {
  private flushes = 1;

  constructor(private readonly processor: Processor) {}

  /** Time stamp for a frame whose type is being dropped. */
  get stamp(): number {
    return this.flushes;
  }

  set stamp(value: number) {
    this.flushes = value;
  }

  flushAll(): void {
    this.processor.flushTlb();
    this.flushes++;
  }

  flushPage(address: VirtualAddress): void {
    this.processor.invalidatePage(address);
  }

  /** Before a frame changes type: stale translations from its former life must not survive. */
  flushIfStale(stamp: number): void {
    if (stamp === this.flushes) this.flushAll();
  }
}
