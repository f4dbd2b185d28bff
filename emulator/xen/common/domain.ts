import type { Domid, Mfn, Pfn } from '../../base/numbers.ts';
import type { Width } from '../public/struct.ts';
import type { EventChannels } from './event-channel.ts';
import type { GrantTable } from './grant-table.ts';
import type { Refusal } from './refusal.ts';
import type { Vcpu } from './vcpu.ts';
import type { EventLink } from './xen-1/event-channel.ts';

/** Guest ABIs: of Xen 4 by the name of their capability string without "xen-3.0-"; the older ones by their version. */
export type GuestAbi = 'x86_64' | 'x86_32p' | 'xen-2.0' | 'xen-1.2';

/** Version of the interface between guest and hypervisor. */
export type AbiVersion = '4' | '2.0' | '1.2';

/** Shutdown reason codes (public/sched.h). */
export const SHUTDOWN_POWEROFF = 0;
export const SHUTDOWN_REBOOT = 1;
export const SHUTDOWN_SUSPEND = 2;
export const SHUTDOWN_CRASH = 3;
export const SHUTDOWN_WATCHDOG = 4;
export const SHUTDOWN_SOFT_RESET = 5;

export type DomainState = 'paused' | 'running' | 'shutdown' | 'crashed' | 'destroyed';

export interface DomainShutdown {
  /** SHUTDOWN_* or whatever number the guest gave. */
  readonly code: number;
  readonly kind: 'poweroff' | 'reboot' | 'suspend' | 'crash' | 'watchdog' | 'soft_reset' | 'other';
  /** In words: "the guest asked to be powered off", "#PF at … with no handler". */
  readonly reason: string;
  /** The vCPU that did it, if one did. */
  readonly vcpu: number | undefined;
}

/** A watchdog's bite counts; reboot, suspend and the like are clean ends, an unknown code the guest's own choice. */
export function isCrash({ kind }: DomainShutdown): boolean {
  return kind === 'crash' || kind === 'watchdog';
}

export interface RefusalRecord extends Refusal {
  readonly instructions: number;
  /** "mmu_update", "page-table store", "exception": what was refused. */
  readonly what: string;
  /** How many of the same kind came in a row; the record is the last of them. Linux asks for 8191 vCPUs, one by one. */
  readonly times: number;
}

/** How many refusals a domain remembers. */
export const MAX_REFUSALS = 256;

/** One guest: plain data, created by `Hypervisor.createDomain`. */
export class Domain {
  /** The shared info page: allocated by Xen, not in the p2m; `start_info.shared_info` is its machine address. */
  sharedInfoMfn = 0 as Mfn;
  /** 'paused' from creation until `Hypervisor.unpause`. */
  state: DomainState = 'paused';
  shutdown: DomainShutdown | undefined;
  /** Latest refusals, oldest first. */
  readonly refusals: RefusalRecord[] = [];
  vcpus: readonly Vcpu[] = [];
  /** Index of the vCPU that had its turn last; -1 before the first. */
  lastVcpu = -1;
  /** Frames it owns that count against `maxPages`: Xen's tot_pages. */
  totalPages = 0;
  /** vm_assist types switched on, one bit each (bit 32 is kept in `m2pStrict`). */
  assists = 0;
  m2pStrict = false;
  /** Allowed to use hypercalls and hardware of dom0. */
  privileged = false;
  /** Uuid bytes shown as the domain handle (xen_version 8). */
  handle = new Uint8Array(16);
  /** Code that SCHEDOP_shutdown_code announced for a later shutdown by the toolstack. */
  shutdownCode: number | undefined;
  /** Deadlines of the two watchdogs. */
  readonly watchdogs: number[] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  /** XENMEM_set_memory_map; empty unless set. */
  memoryMap: Uint8Array = new Uint8Array();
  /** PHYSDEVOP_pirq_eoi_gmfn: a frame with a bit per PIRQ. */
  pirqEoiFrame: Mfn | undefined;
  /**
   * Frames that the host's back ends map (console, xenstore, rings of Xen 2.0): held as writable, so that one the guest
   * gives back is nobody else's before.
   */
  readonly hostFrames: Mfn[] = [];
  /** PIRQs set aside by PHYSDEVOP_get_free_pirq. */
  readonly pirqs: number[] = [];
  /** Event channels of Xen 1.2, by number. */
  readonly links: EventLink[] = [];
  /** Latches of I/O ports 0xCF8 and 0x70. */
  pciConfigAddress = 0;
  cmosIndex = 0;
  /** Machine frame of each pfn, by the machine-to-physical table's word; -1 where there is none. */
  p2m: Int32Array;

  constructor(
    readonly domid: Domid,
    readonly name: string,
    readonly abi: GuestAbi,
    public maxPages: number,
    readonly eventChannels: EventChannels,
    readonly grantTable: GrantTable,
  ) {
    this.p2m = new Int32Array(maxPages).fill(-1);
  }

  get width(): Width {
    return this.abi === 'x86_64' ? 64 : 32;
  }

  get abiVersion(): AbiVersion {
    return this.abi === 'xen-2.0' ? '2.0' : this.abi === 'xen-1.2' ? '1.2' : '4';
  }

  /** How the processor walks its page tables. 32-bit guests of Xen 4 have PAE tables under an L4 of Xen's own. */
  get paging(): '4-level' | '2-level' {
    return this.abiVersion === '4' ? '4-level' : '2-level';
  }

  get alive(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  /** Ended by a suspend of its own: `Hypervisor.resume` lets it go on. */
  get suspended(): boolean {
    return this.state === 'shutdown' && this.shutdown?.kind === 'suspend';
  }

  /** Runs, or may run again: back ends and event channels go on serving it. */
  get present(): boolean {
    return this.alive || this.suspended;
  }

  /** Frame behind a pseudo-physical page, if the domain has one there. */
  mfnOf(pfn: number): Mfn | undefined {
    const mfn = this.p2m[pfn];
    return mfn === undefined || mfn < 0 ? undefined : (mfn as Mfn);
  }

  /** First pfn that has no frame, counting up: one past the last page for a freshly built domain. */
  get endPfn(): Pfn {
    let end = this.p2m.length;
    while (end > 0 && (this.p2m[end - 1] as number) < 0) end--;
    return end as Pfn;
  }

  recordRefusal(record: Omit<RefusalRecord, 'times'>): void {
    const last = this.refusals.at(-1);
    const same = last?.what === record.what && last.errno === record.errno;
    if (same) this.refusals.pop();
    this.refusals.push({ ...record, times: same ? last.times + 1 : 1 });
    if (this.refusals.length > MAX_REFUSALS) this.refusals.shift();
  }
}
