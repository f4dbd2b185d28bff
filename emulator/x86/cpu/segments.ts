import type { ProcessorHooks } from './processor.ts';
import { CS, FS, GS, SS, VECTOR_GP, VECTOR_NP, VECTOR_SS } from './processor.ts';
import type { RegisterFile } from './registers.ts';

/** Access byte and flags of a code or data descriptor (SDM vol. 3, 3.4.5), bits of the high word. */
const TYPE_CODE = 1 << 11;
const TYPE_CONFORMING = 1 << 10;
const TYPE_READ_WRITE = 1 << 9;
const SYSTEM_CLEAR = 1 << 12;
const PRESENT = 1 << 15;
const LONG = 1 << 21;
const BIG = 1 << 22;
const GRANULAR = 1 << 23;

export const FAULT_NONE = -1;

/** Base (low half; the upper half is zero for code and data segments) and limit in bytes of a descriptor. */
export function descriptorBase(low: number, high: number): number {
  return (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
}

export function descriptorLimit(low: number, high: number): number {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return (high & GRANULAR) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/**
 * Segment registers: checks of loads at the guest's privilege (SDM vol. 3, 5.5–5.8) and the hidden parts.
 *
 * NOT IMPLEMENTED: call gates and task gates (Xen refuses to install them for PV guests, so a guest sees #GP).
 */
export class Segments {
  /** Hidden descriptor words by Sreg number. */
  readonly low = new Uint32Array(6);
  readonly high = new Uint32Array(6);
  /** MOV or POP has loaded SS; whoever cares clears it before the instruction. */
  stackLoaded = false;
  private readonly scratch = new Uint32Array(2);

  constructor(
    private readonly registers: RegisterFile,
    private readonly hooks: () => ProcessorHooks,
  ) {}

  get privilege(): number {
    return this.registers.selector(CS) & 3;
  }

  get longMode(): boolean {
    return ((this.high[CS] as number) & LONG) !== 0;
  }

  /** Whether the stack is 32 bits wide outside 64-bit mode. */
  get bigStack(): boolean {
    return ((this.high[SS] as number) & BIG) !== 0;
  }

  /** Descriptor words of a selector into `scratch`; false beyond the table. */
  fetch(selector: number): boolean {
    return this.hooks().descriptor(selector, this.scratch);
  }

  get fetchedLow(): number {
    return this.scratch[0] as number;
  }

  get fetchedHigh(): number {
    return this.scratch[1] as number;
  }

  /** FAULT_NONE, or vector << 16 | error code. */
  loadData(segment: number, selector: number): number {
    if ((selector & 0xfffc) === 0) {
      if (segment === SS && !(this.longMode && this.privilege < 3)) return VECTOR_GP << 16;
      this.force(segment, selector, 0, 0);
      return FAULT_NONE;
    }
    const error = (VECTOR_GP << 16) | (selector & 0xfffc);
    if (!this.fetch(selector)) return error;
    const high = this.fetchedHigh;
    const dpl = (high >>> 13) & 3;
    const rpl = selector & 3;
    if ((high & SYSTEM_CLEAR) === 0) return error;
    const code = (high & TYPE_CODE) !== 0;
    if (segment === SS) {
      if (code || (high & TYPE_READ_WRITE) === 0 || rpl !== this.privilege || dpl !== this.privilege) return error;
      if ((high & PRESENT) === 0) return (VECTOR_SS << 16) | (selector & 0xfffc);
    } else {
      if (code && (high & TYPE_READ_WRITE) === 0) return error;
      const conforming = code && (high & TYPE_CONFORMING) !== 0;
      if (!conforming && (dpl < rpl || dpl < this.privilege)) return error;
      if ((high & PRESENT) === 0) return (VECTOR_NP << 16) | (selector & 0xfffc);
    }
    this.force(segment, selector, this.fetchedLow, high);
    return FAULT_NONE;
  }

  /** Checks a code selector for a transfer to `rpl` = the selector's own RPL; FAULT_NONE leaves it in fetched*. */
  checkCode(selector: number, returning: boolean): number {
    if ((selector & 0xfffc) === 0) return VECTOR_GP << 16;
    const error = (VECTOR_GP << 16) | (selector & 0xfffc);
    if (!this.fetch(selector)) return error;
    const high = this.fetchedHigh;
    const dpl = (high >>> 13) & 3;
    const rpl = selector & 3;
    if ((high & SYSTEM_CLEAR) === 0 || (high & TYPE_CODE) === 0) return error;
    if ((high & LONG) !== 0 && (high & BIG) !== 0) return error;
    const target = returning ? rpl : this.privilege;
    if (returning ? rpl < this.privilege : rpl > this.privilege) return error;
    if ((high & TYPE_CONFORMING) !== 0 ? dpl > target : dpl !== target) return error;
    if ((high & PRESENT) === 0) return (VECTOR_NP << 16) | (selector & 0xfffc);
    return FAULT_NONE;
  }

  force(segment: number, selector: number, low: number, high: number): void {
    this.low[segment] = low;
    this.high[segment] = high;
    this.registers.setSelector(segment, selector);
    this.registers.setBase(segment, descriptorBase(low, high), 0);
  }

  /** Selectors that no longer fit a lower privilege are cleared (SDM RET, IRET to outer level). */
  dropPrivileged(privilege: number): void {
    for (const segment of [0, 3, FS, GS]) {
      const high = this.high[segment] as number;
      const conforming = (high & TYPE_CODE) !== 0 && (high & TYPE_CONFORMING) !== 0;
      if ((this.registers.selector(segment) & 0xfffc) !== 0 && !conforming && ((high >>> 13) & 3) < privilege)
        this.force(segment, 0, 0, 0);
    }
  }

  /** Access rights word as LAR stores it, or -1 when the selector is not visible at this privilege. */
  accessRights(selector: number): number {
    if ((selector & 0xfffc) === 0 || !this.fetch(selector)) return -1;
    const high = this.fetchedHigh;
    if ((high & SYSTEM_CLEAR) === 0) return -1;
    const conforming = (high & TYPE_CODE) !== 0 && (high & TYPE_CONFORMING) !== 0;
    const dpl = (high >>> 13) & 3;
    if (!conforming && (dpl < this.privilege || dpl < (selector & 3))) return -1;
    return (high & 0x00ffff00) >>> 0;
  }

  /** VERR (write false) and VERW. */
  verify(selector: number, write: boolean): boolean {
    if (this.accessRights(selector) < 0) return false;
    const high = this.fetchedHigh;
    const code = (high & TYPE_CODE) !== 0;
    if (write) return !code && (high & TYPE_READ_WRITE) !== 0;
    return !code || (high & TYPE_READ_WRITE) !== 0;
  }
}
