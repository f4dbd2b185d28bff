import { FRAME_ALLOCATED } from '../../../../emulator/xen/common/frame-table.ts';
import type { Random } from '../../../../emulator/xen/common/random.ts';
import { HYPERCALL_ROWS } from '../../../../emulator/xen/hypercall/table.ts';
import type { StructDefinition } from '../../../../emulator/xen/public/struct.ts';
import { MMUEXT_NAMES } from '../../../../emulator/xen/public/xen-4/xen.ts';
import { findViolations } from '../common/invariants.ts';
import { A, D, P, PFN_FREE, PFN_L1, PFN_L4, PFN_SCRATCH, RW, TestMachine, U, va } from '../pv/test-machine.ts';

/**
 * Random hypercalls with plausible arguments: frames of the domain, of another one, of nobody; addresses of its page
 * tables; entries with good and bad bits. Nothing may be thrown, and after each batch every count must be what the
 * stored page tables and tables of Xen account for.
 */
export const DOMID_SELF = 0x7ff0;
export const SCRATCH = va(PFN_SCRATCH);
/** Calls that end or stop the domain, or leave kernel mode. */
const EXCLUDED = new Set(['iret', 'sched_op', 'sched_op_compat', 'multicall']);

export class Fuzzer {
  readonly successes = new Map<string, number>();
  machine: TestMachine;
  private done = 0;
  /** Frames of the first page tables, L4 first: the guest may rewrite what Xen knows of their pfns. */
  tables: number[] = [];

  constructor(
    readonly random: Random,
    private readonly sequences: readonly ((fuzzer: Fuzzer) => void)[],
  ) {
    this.machine = this.fresh();
  }

  private fresh(): TestMachine {
    const machine = new TestMachine(64, 2, this.random.below(1000)).start();
    this.tables = [PFN_L4, PFN_L4 + 1, PFN_L4 + 2, PFN_L1].map((pfn) => machine.mfn(pfn));
    const other = machine.newDomain('other');
    for (let ref = 8; ref < 16; ref++) {
      machine.xen.seedGrant(other, ref as never, machine.domain.domid, machine.mfn(30 + ref, other), ref % 2 === 0);
      machine.xen.seedGrant(machine.domain, ref as never, other.domid, machine.mfn(30 + ref));
    }
    return machine;
  }

  /** Hypercalls and page-table stores made so far. */
  get calls(): number {
    return this.done + this.machine.hypercalls;
  }

  /** Every so often anew, so that a domain that talked itself into a corner does not end the fun. */
  restart(): void {
    this.done += this.machine.hypercalls;
    for (const domain of [...this.machine.xen.domains.values()]) this.machine.xen.destroy(domain);
    this.machine = this.fresh();
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  frame(): number {
    const { machine } = this;
    const kind = this.random.below(20);
    if (kind === 0) return this.random.below(0x100000);
    if (kind === 1) return machine.xen.domains.get(2 as never)?.mfnOf(this.random.below(64)) ?? 0;
    if (kind === 2) {
      const { frames, statusFrames } = machine.domain.grantTable;
      return this.pick([machine.domain.sharedInfoMfn, ...frames, ...statusFrames]);
    }
    if (kind < 6) return machine.domain.mfnOf(PFN_L4 + this.random.below(4)) ?? 0;
    return machine.domain.mfnOf(PFN_FREE + this.random.below(16)) ?? 0;
  }

  entry(): number {
    const flags = this.pick([
      0,
      P,
      P | RW,
      P | U,
      P | RW | U | A | D,
      P | A,
      P | RW | A | D,
      P | U | A,
      P | 0x80,
      P | 0x10,
      P | RW,
    ]);
    return this.frame() * 4096 + flags;
  }

  address(): number {
    const kind = this.random.below(12);
    if (kind === 0) return this.random.below(2 ** 31);
    if (kind === 1) return -0x800000000000 + this.random.below(4096) * 8;
    return va(this.random.below(80), this.random.below(512) * 8);
  }

  private word(): number {
    switch (this.random.below(8)) {
      case 0:
        return this.frame();
      case 1:
        return this.address();
      case 2:
        return this.entry();
      case 3:
        return this.random.below(2 ** 31);
      case 4:
        return DOMID_SELF;
      default:
        return this.random.below(9);
    }
  }

  store(index: number, value: number): void {
    this.machine.poke(SCRATCH + index * 8, value | 0, Math.floor(value / 2 ** 32));
  }

  /** Bytes of a structure: words that mean something, at the structure's own alignment. */
  private fill(struct: StructDefinition<string> | undefined): void {
    for (let index = 0; index < 12; index++) this.store(index, 0);
    if (struct === undefined) {
      for (let index = 0; index < 8; index++) this.store(index, this.word());
      return;
    }
    for (const field of struct[64].fields) {
      if (field.offset > 400 || typeof field.spec.type !== 'string') continue;
      const at = SCRATCH + field.offset;
      const value = this.valueFor(field.name, field.spec.type);
      if (field.elementSize === 8) this.machine.poke(at, value | 0, Math.floor(value / 2 ** 32));
      else if (field.elementSize === 4) this.machine.poke(at, value);
      else this.machine.processor.store(at, field.elementSize, value);
    }
  }

  private valueFor(name: string, type: string): number {
    if (/dom/.test(name)) return this.pick([DOMID_SELF, DOMID_SELF, DOMID_SELF, 1, 2, 0, 99]);
    if (/gfn|mfn|frame/.test(name) || type === 'frame') return this.frame();
    if (/port/.test(name)) return 1 + this.random.below(12);
    if (/vcpu/.test(name)) return this.random.below(3);
    if (/^ref|gref/.test(name)) return this.random.below(18);
    if (/handle/.test(name)) return this.random.below(6);
    if (/host_addr/.test(name)) return this.random.below(2) === 0 ? this.address() : this.entry() - (this.entry() % 8);
    if (/nr_|count/.test(name)) return this.random.below(3);
    if (/extent_start/.test(name)) return SCRATCH + 2048;
    if (/offset/.test(name)) return this.random.below(520) * 8;
    if (/order/.test(name)) return this.random.below(3);
    if (type === 'pointer') return this.address();
    return this.random.below(4) === 0 ? this.word() : this.random.below(8);
  }

  private extents(): void {
    for (let index = 0; index < 3; index++) {
      const value = this.random.below(3) === 0 ? PFN_FREE + this.random.below(40) : this.frame();
      this.machine.poke(SCRATCH + 2048 + index * 8, value, 0);
    }
  }

  step(): void {
    // The page under the arguments must stay writable; the rest may go.
    if (this.machine.processor.translate(SCRATCH, 1) === -1 || !this.machine.domain.alive) {
      this.check();
      this.restart();
    }
    const kind = this.random.below(30);
    if (kind >= 20) {
      this.pick(this.sequences)(this);
      return;
    }
    if (kind < 5) this.mmuUpdate();
    else if (kind < 8) this.mmuext();
    else if (kind < 11) this.mapping(this.address(), this.entry());
    else if (kind < 13) this.pageTableStore();
    else if (kind < 15) this.craftTable();
    else if (kind < 17) this.setGdt();
    else if (kind === 17) this.registerVcpuInfo();
    else this.anything();
  }

  /** What is wrong now must be nothing. */
  check(): void {
    const violations = findViolations(this.machine.xen);
    // The other domain makes no calls: it may be given pages, but loses none.
    const { owners, flags } = this.machine.xen.frames;
    const kept = owners.filter(
      (owner, index) => owner === 2 && ((flags[index] as number) & FRAME_ALLOCATED) !== 0,
    ).length;
    if (kept < this.machine.pages) violations.push(`the other domain has ${kept} frames left`);
    if (violations.length > 0) throw new Error(violations.slice(0, 5).join('\n'));
  }

  mapping(address: number, entry: number): number {
    const result = this.machine.hypercall(14, address, entry, this.pick([0, 1, 2, 6]));
    this.note('update_va_mapping', result);
    return result;
  }

  /** A page filled with a few entries, made read-only and pinned at some level; often refused midway. */
  private craftTable(): void {
    const pfn = PFN_FREE + this.random.below(12);
    const frame = this.machine.domain.mfnOf(pfn);
    if (frame === undefined || this.mapping(va(pfn), frame * 4096 + (P | RW | A)) !== 0) return;
    const level = this.random.below(4);
    for (let count = this.random.below(6); count > 0; count--) {
      const lower = this.tables[4 - level] ?? 0;
      const value =
        level > 0 && this.random.below(4) !== 0 ? lower * 4096 + this.pick([P | U, P | RW | U | A]) : this.entry();
      this.machine.poke(va(pfn, this.random.below(512) * 8), value | 0, Math.floor(value / 2 ** 32));
    }
    // A root that keeps the vCPU alive: the present one's top entry.
    if (level === 3) this.machine.poke(va(pfn, 511 * 8), (this.tables[1] as number) * 4096 + (P | RW | U | A), 0);
    if (this.mapping(va(pfn), frame * 4096 + (P | A)) !== 0) return;
    this.mmuextWith(level, frame, 0);
    if (level === 3 && this.random.below(3) === 0) this.mmuextWith(this.pick([5, 15]), frame, 0);
    if (this.random.below(2) === 0) this.mmuextWith(4, frame, 0);
  }

  /** One or two frames, of which the second may well be unfit. */
  private setGdt(): void {
    const pfn = PFN_FREE + this.random.below(12);
    const frame = this.machine.domain.mfnOf(pfn) ?? 0;
    if (this.random.below(2) === 0) this.mapping(va(pfn), frame * 4096 + (P | A));
    this.store(0, frame);
    this.store(1, this.frame());
    this.note('set_gdt', this.machine.hypercall(2, SCRATCH, this.pick([0, 3, 512, 600, 600])));
  }

  private registerVcpuInfo(): void {
    this.machine.poke(SCRATCH, this.frame(), 0, this.random.below(500) * 8, 0);
    this.note('vcpu_op.register_vcpu_info', this.machine.hypercall(24, 10, this.random.below(2), SCRATCH));
  }

  private mmuUpdate(): void {
    const table =
      this.random.below(3) === 0 ? this.frame() : (this.machine.domain.mfnOf(PFN_L4 + this.random.below(4)) ?? 0);
    const pointer = table * 4096 + this.random.below(512) * 8 + this.pick([0, 0, 0, 2, 1, 5]);
    this.store(0, pointer);
    this.store(1, this.entry());
    this.note(
      'mmu_update',
      this.machine.hypercall(1, SCRATCH, 1, 0, this.pick([DOMID_SELF, DOMID_SELF, DOMID_SELF, 0x7ff1, 2])),
    );
  }

  private mmuext(): void {
    const command = this.random.below(20);
    const argument = command === 7 || command === 13 ? this.address() : this.frame();
    this.mmuextWith(command, argument, command === 13 ? this.random.below(2000) : this.frame());
  }

  private mmuextWith(command: number, first: number, second: number): void {
    this.store(0, command);
    this.store(1, first);
    this.store(2, second);
    this.note(`mmuext_op.${MMUEXT_NAMES[command] ?? command}`, this.machine.hypercall(26, SCRATCH, 1, 0, DOMID_SELF));
  }

  private pageTableStore(): void {
    const size = this.pick([8, 8, 4, 1]);
    this.machine.hypercalls++;
    const done = this.machine.processor.store(va(PFN_L1, this.random.below(512) * 8), size, this.entry() | 0, 0);
    this.note('store', done ? 0 : -1);
  }

  private anything(): void {
    const row = this.pick(HYPERCALL_ROWS.filter(({ name }) => !EXCLUDED.has(name)));
    const suboperation = row.suboperations === undefined ? undefined : this.pick(row.suboperations);
    this.fill(suboperation?.struct ?? row.arguments[0]?.struct);
    this.extents();
    const args = row.arguments.map((spec, index) => {
      if (index === 0 && suboperation !== undefined) return suboperation.number;
      if (spec.format === 'address' && this.random.below(10) !== 0) return SCRATCH;
      if (spec.name === 'vcpuid') return this.random.below(3);
      if (/count|nr_/.test(spec.name)) return this.random.below(3);
      if (spec.name === 'entries') return this.pick([0, 3, 512, 600]);
      return this.word();
    });
    const result = this.machine.hypercall(row.number, ...args);
    // The answer of an operation on an array is in its elements; the sequences look at those.
    if (row.name !== 'grant_table_op')
      this.note(suboperation === undefined ? row.name : `${row.name}.${suboperation.name}`, result);
    // What stops the vCPU or moves it elsewhere is undone.
    this.machine.processor.longMode = true;
  }

  note(name: string, result: number): void {
    if (result >= 0) this.successes.set(name, (this.successes.get(name) ?? 0) + 1);
  }
}
