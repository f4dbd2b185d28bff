import { signed64, unsigned64, type VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Refusal } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';

/** Up to six arguments as 64-bit values in halves (32-bit guests: high half 0). */
export class HypercallArguments {
  readonly lows = new Int32Array(6);
  readonly highs = new Int32Array(6);

  set(index: number, low: number, high: number): void {
    this.lows[index] = low;
    this.highs[index] = high;
  }

  /** Argument `index` came in two words of 32 bits; those behind it move up. */
  joinWords(index: number): void {
    this.highs[index] = this.lows[index + 1] as number;
    this.lows.copyWithin(index + 1, index + 2);
    this.highs.copyWithin(index + 1, index + 2);
  }

  low(index: number): number {
    return this.lows[index] as number;
  }

  high(index: number): number {
    return this.highs[index] as number;
  }

  /** As C's unsigned int. */
  u32(index: number): number {
    return (this.lows[index] as number) >>> 0;
  }

  /** As unsigned long; exact below 2^53. */
  unsigned(index: number): number {
    return unsigned64(this.lows[index] as number, this.highs[index] as number);
  }

  /** As a pointer. */
  address(index: number): VirtualAddress {
    return signed64(this.lows[index] as number, this.highs[index] as number) as VirtualAddress;
  }
}

/** What a handler gets. The vCPU is loaded in the processor, in kernel mode. */
export interface HypercallContext {
  readonly xen: Hypervisor;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  readonly args: HypercallArguments;
  /** Runs another hypercall on the same vCPU: for multicall, which the table itself refers to. */
  readonly execute: (call: HypercallContext, number: number, multicallIndex: number | undefined) => HypercallResult;
}

/** The call replaced the registers itself (iret), so that none is written as a result. */
export const REGISTERS_REPLACED = Symbol('registers replaced');

/** A value for RAX, or a refusal whose negated errno goes there, or nothing to write. */
export type HypercallResult = number | Refusal | typeof REGISTERS_REPLACED;

export type HypercallHandler = (call: HypercallContext) => HypercallResult;
