import type { Domain } from './domain.ts';
import type { Vcpu } from './vcpu.ts';

/** One decoded argument or field; structures and arrays nest. */
export interface DecodedArgument {
  readonly name: string;
  readonly value: string;
  readonly children: readonly DecodedArgument[];
}

/** One hypercall, at the moment it is about to run (no `result`) or has returned. */
export interface HypercallRecord {
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  /** Instructions executed before it. */
  readonly instructions: number;
  /** Nanoseconds of virtual time. */
  readonly now: number;
  readonly number: number;
  /** "event_channel_op"; "hypercall 60" for a number outside the table. */
  readonly name: string;
  readonly suboperation: string | undefined;
  readonly arguments: readonly DecodedArgument[];
  /** Made by a multicall: its index in the list. */
  readonly multicallIndex: number | undefined;
  readonly result: HypercallOutcome | undefined;
}

export interface HypercallOutcome {
  /** What the guest sees in RAX, signed; undefined when registers were replaced (iret). */
  readonly value: number | undefined;
  /** "EINVAL" when it failed. */
  readonly errno: string | undefined;
  /** Why, in words. */
  readonly reason: string | undefined;
}

/**
 * Where traces go. Members that are absent cost nothing; `hypercall` makes every call decode its arguments. Called
 * synchronously; sinks must not run the machine.
 */
export interface TraceSink {
  /** After each hypercall, calls inside a multicall included (before their multicall's own line). */
  hypercall?(record: HypercallRecord): void;
  /** An exception or callback was bounced into the guest. */
  exception?(event: ExceptionRecord): void;
  /** An event-channel port became pending or was consumed, bound, closed. */
  event?(line: EventRecord): void;
  /** A grant was used, or its use refused or ended, by a domain or by the host. */
  grant?(record: GrantRecord): void;
  /** The guest has chosen another page-table root. */
  root?(record: RootRecord): void;
  /**
   * Anything refused or peculiar that no hypercall line shows: a rejected page-table store, an unknown MSR. `what`: of a
   * refusal, what was refused.
   */
  notice?(domain: Domain, text: string, what?: string): void;
}

export interface ExceptionRecord {
  readonly vcpu: Vcpu;
  readonly instructions: number;
  readonly now: number;
  /** "#PF", "event callback", "syscall callback", "failsafe callback". */
  readonly name: string;
  readonly text: string;
  /** Of an exception; undefined for callbacks. */
  readonly vector: number | undefined;
  readonly errorCode: number | undefined;
}

export type EventAction = 'bound' | 'sent' | 'pending' | 'closed';

export interface EventRecord {
  readonly domain: Domain;
  readonly port: number;
  readonly action: EventAction;
  readonly text: string;
}

export type GrantAction = 'map' | 'unmap' | 'copy' | 'use' | 'end' | 'fail';

export interface GrantRecord {
  /** Whose grant it is. */
  readonly granter: Domain;
  readonly ref: number;
  readonly action: GrantAction;
  /** Who uses it; 0 is the host. */
  readonly user: number;
  readonly write: boolean;
  readonly text: string;
}

export interface RootRecord {
  readonly vcpu: Vcpu;
  /** Of user mode (MMUEXT_NEW_USER_BASEPTR), else the kernel's. */
  readonly user: boolean;
  /** Frames; undefined for none. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}
