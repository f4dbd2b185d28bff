import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Watchpoint } from './debug-registers.ts';

/** Index of a general register in the hardware's own order (SDM vol. 2, table 3-1). */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

/** Index of a segment register, as in the Sreg field of ModRM. */
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

/** Exception vectors (SDM vol. 3, table 6-1). */
export const VECTOR_DE = 0;
export const VECTOR_DB = 1;
export const VECTOR_NMI = 2;
export const VECTOR_BP = 3;
export const VECTOR_OF = 4;
export const VECTOR_BR = 5;
export const VECTOR_UD = 6;
export const VECTOR_NM = 7;
export const VECTOR_DF = 8;
export const VECTOR_TS = 10;
export const VECTOR_NP = 11;
export const VECTOR_SS = 12;
export const VECTOR_GP = 13;
export const VECTOR_PF = 14;
export const VECTOR_MF = 16;
export const VECTOR_AC = 17;
export const VECTOR_XM = 19;

/** EFLAGS bits (SDM vol. 1, 3.4.3). */
export const EFLAGS_CF = 1 << 0;
export const EFLAGS_PF = 1 << 2;
export const EFLAGS_AF = 1 << 4;
export const EFLAGS_ZF = 1 << 6;
export const EFLAGS_SF = 1 << 7;
export const EFLAGS_TF = 1 << 8;
export const EFLAGS_IF = 1 << 9;
export const EFLAGS_DF = 1 << 10;
export const EFLAGS_OF = 1 << 11;
export const EFLAGS_IOPL = 3 << 12;
export const EFLAGS_NT = 1 << 14;
export const EFLAGS_RF = 1 << 16;
export const EFLAGS_VM = 1 << 17;
export const EFLAGS_AC = 1 << 18;
export const EFLAGS_ID = 1 << 21;

/** Page-fault error code bits (SDM vol. 3, 4.7). */
export const PF_PRESENT = 1;
export const PF_WRITE = 2;
export const PF_USER = 4;
export const PF_RESERVED = 8;
export const PF_FETCH = 16;

/** What an access wants to do. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;
export type Access = typeof ACCESS_READ | typeof ACCESS_WRITE | typeof ACCESS_FETCH;

/** Why `run` came back. The details are in `exit`. */
export const EXIT_BUDGET = 0;
/** An exception; rip is that of the faulting instruction (of the next one for traps: #DB single-step, #BP, #OF). */
export const EXIT_EXCEPTION = 1;
/** `syscall`; rip is still that of the instruction itself (2 bytes), so that a refusal can leave it there. */
export const EXIT_SYSCALL = 2;
/** `int n`; rip is still that of the instruction, whose length is in `exit.length`. */
export const EXIT_INT = 3;
/** `sysenter`, reported like syscall. */
export const EXIT_SYSENTER = 4;
/** An instruction breakpoint is armed at rip; the instruction has not run. */
export const EXIT_BREAKPOINT = 5;
/** A hook asked for a stop (`requestStop`), between two instructions. */
export const EXIT_STOP = 6;
/** A watchpoint was hit by the instruction before rip. */
export const EXIT_WATCHPOINT = 7;
export type ExitReason = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface Exit {
  reason: ExitReason;
  /** Exception or interrupt vector. */
  vector: number;
  /** Error code, or -1 when the vector pushes none. */
  errorCode: number;
  /** Faulting linear address of a #PF, both halves. */
  cr2Low: number;
  cr2High: number;
  /** Length in bytes of the instruction at rip, for EXIT_SYSCALL and EXIT_INT. */
  length: number;
}

/** Answer of a hook that may take over a store to a read-only page. */
export const STORE_FAULT = 0;
export const STORE_DONE = 1;

/** What only the hypervisor can answer. All are called synchronously from within `run`. */
export interface ProcessorHooks {
  /**
   * A guest instruction stores to a page that is mapped present but read-only. `machine` is where the store would
   * land (inside one page), `size` 1, 2, 4 or 8 bytes, value in two halves. For read-modify-write instructions the
   * value is the final one, and the old value is still in memory. Return STORE_DONE when the store was carried out
   * (or deliberately absorbed) by the hook; STORE_FAULT raises #PF.
   */
  readOnlyStore(address: VirtualAddress, machine: MachineAddress, size: number, low: number, high: number): number;
  /**
   * Descriptor for a selector, from the GDT or LDT as the hypervisor keeps them: low and high word into `out`.
   * False: beyond the table's limit (the processor raises #GP(selector)).
   */
  descriptor(selector: number, out: Uint32Array): boolean;
  /** CPUID as this guest sees it: eax, ebx, ecx, edx into `out`. */
  cpuid(leaf: number, subleaf: number, out: Uint32Array): void;
  /** Time-stamp counter: low and high into `out`. Called with all instructions before the RDTSC counted. */
  readTsc(out: Uint32Array): void;
}

/** Paging structures that CR3 points to. */
export type PagingMode = '4-level' | 'pae' | '2-level' | 'off';

/** Result of a walk without side effects. */
export interface Walk {
  /** Each level's entry, top first: the table's frame, index, and the entry's two halves. */
  readonly levels: readonly {
    readonly level: number;
    readonly mfn: Mfn;
    readonly index: number;
    readonly low: number;
    readonly high: number;
  }[];
  /** Machine address, or undefined when some level is not present or points outside RAM. */
  readonly machine: MachineAddress | undefined;
  readonly writable: boolean;
  readonly user: boolean;
  readonly executable: boolean;
}

/** Plain data whose shape is the processor's own business. */
export type ProcessorState = { readonly [name: string]: unknown };

/**
 * One virtual CPU as the hypervisor drives it. The processor runs ring 1 and 3 code only: whatever would enter ring 0
 * (exceptions, int, syscall, privileged instructions, which raise #GP(0)) comes back as an exit, and the hypervisor
 * changes registers and runs on. 64-bit register values cross as low/high 32-bit halves.
 */
export interface Processor {
  readonly exit: Exit;
  hooks: ProcessorHooks;

  /** Executes at most `budget` instructions (exact; a REP iteration counts as one) and says why it stopped. */
  run(budget: number): ExitReason;
  /** Retired instructions since creation. Exact at every exit and inside every hook. */
  readonly instructions: number;
  /** From a hook: make `run` return EXIT_STOP after the current instruction. */
  requestStop(): void;

  /** General registers. Writing the 32-bit half alone leaves the other alone. */
  low(register: number): number;
  high(register: number): number;
  setRegister(register: number, low: number, high: number): void;
  /** Register as a signed address (exact when canonical). */
  address(register: number): VirtualAddress;
  rip: VirtualAddress;
  /** Full EFLAGS, lazily kept arithmetic flags included. */
  rflags: number;

  /** Visible selector of a segment register. */
  selector(segment: number): number;
  /**
   * Loads a segment register as `mov sreg` at the current privilege would, checks included. Returns -1 when it
   * worked, else vector << 16 | error code (nothing changed).
   */
  loadSegment(segment: number, selector: number): number;
  /** Sets selector and hidden part without checks: for the flat segments that Xen itself loads. */
  forceSegment(segment: number, selector: number, descriptorLow: number, descriptorHigh: number): void;
  segmentBaseLow(segment: number): number;
  segmentBaseHigh(segment: number): number;
  setSegmentBase(segment: number, low: number, high: number): void;
  /** Makes data segments null that the current privilege may not use, as an IRET to an outer ring does. */
  dropPrivilegedSegments(): void;
  /** Current privilege level (RPL of CS). */
  readonly privilege: number;
  /** CS.L: 64-bit mode, else compatibility or legacy mode. */
  readonly longMode: boolean;

  /** CR0.TS: the next FPU instruction raises #NM. */
  taskSwitched: boolean;
  /** CR0.AM && EFLAGS.AC alignment checks, CR4 bits that a guest can see (OSFXSR, TSD …) live here. */
  cr4: number;
  debugRegister(index: number): number;
  setDebugRegister(index: number, low: number, high: number): void;

  /**
   * Two views of memory, so that a PV mode switch flushes nothing: view 0 uses the kernel root, view 1 the user root.
   * `setRoot` flushes that view. `view` selects the one in force.
   */
  paging: PagingMode;
  /**
   * First linear address that no segment of the guest reaches (2^32: none such): an access is #GP(0), or #SS(0) on the
   * stack, so that segments of base 0 that end there cost no check. Setting it flushes the TLB.
   */
  ceiling: number;
  setRoot(view: 0 | 1, root: Mfn | undefined): void;
  root(view: 0 | 1): Mfn | undefined;
  view: 0 | 1;
  /**
   * Kernel and user are told apart by privilege (32-bit guests): the view follows it, 1 in ring 3 and 0 elsewhere, and
   * whoever sets `view` accesses memory with that privilege until the next `run`.
   */
  viewFollowsPrivilege: boolean;
  flushTlb(): void;
  /** Drops the page of one address from both views. */
  invalidatePage(address: VirtualAddress): void;

  /**
   * Translates for the guest in its current view and privilege, filling the TLB and setting accessed/dirty bits just
   * as a guest access would. Returns the machine address, or -1 (`exit.errorCode` and cr2 then say what #PF it was).
   */
  translate(address: VirtualAddress, access: Access): MachineAddress | -1;
  /** copy_from_guest: undefined when any byte faults. */
  readVirtual(address: VirtualAddress, length: number): Uint8Array | undefined;
  /** copy_to_guest: false when any byte faults (bytes before it may have been stored, as in Xen). */
  writeVirtual(address: VirtualAddress, bytes: Uint8Array): boolean;
  /** Little-endian word; `failed` is set (and 0 returned) on a fault. Aligned or not. */
  read32(address: VirtualAddress): number;
  write32(address: VirtualAddress, value: number): void;
  /** Set by read32/write32 when they faulted; clear it yourself. */
  failed: boolean;

  /** Looks without touching anything: for the debugger. Undefined `root`: the current view's; `paging`: the mode in force. */
  walk(address: VirtualAddress, root?: Mfn, paging?: PagingMode): Walk;
  /** Reads without touching anything; fewer bytes than asked for when a page is missing. */
  peek(address: VirtualAddress, length: number, root?: Mfn, paging?: PagingMode): Uint8Array;

  /** Arms or disarms instruction breakpoints: a set of virtual addresses, in any address space. */
  setBreakpoints(addresses: readonly VirtualAddress[]): void;
  /** Replaces the debugger's watchpoints, in any address space; none slows down accesses to other pages. */
  setWatchpoints(points: readonly Watchpoint[]): void;
  /** Which of them the last EXIT_WATCHPOINT hit, by index. */
  readonly hitWatchpoints: readonly number[];
  /** The next `run` passes a breakpoint at rip once. */
  skipBreakpointOnce(): void;

  /** XMM/x87 state in FXSAVE format (512 bytes), and back. */
  saveFpu(): Uint8Array;
  restoreFpu(image: Uint8Array): void;

  /**
   * Everything that a guest's future depends on but RAM: registers, hidden segments, counters, and what the TLB holds,
   * which is visible to guests. Plain data. Not between: decoded code, which is made anew, nor what a debugger armed.
   * Only outside `run`.
   */
  save(): ProcessorState;
  /** RAM must have its contents already. Breakpoints and watchpoints stay as they are. */
  restore(state: ProcessorState): void;
}
