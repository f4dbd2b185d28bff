import { describe, expect, it } from 'vitest';
import { Random } from '../../../../emulator/xen/common/random.ts';
import { HYPERCALL_ROWS } from '../../../../emulator/xen/hypercall/table.ts';
import type { StructDefinition } from '../../../../emulator/xen/public/struct.ts';
import { findViolations } from '../common/invariants.ts';
import { CompatMachine, PFN_L1_32, PFN_L3_32, PFN_SCRATCH_32, va32 } from '../pv/compat-machine.ts';
import { A, D, P, PFN_FREE, RW, U } from '../pv/test-machine.ts';

/**
 * Random hypercalls of a 32-bit domain: what fuzz.slow.test.ts does, with the tables of PAE. After each batch every count
 * must be what the stored tables account for, and every L3 must still lead to an L2 with Xen's slots of its own.
 */
const CALLS = 40_000;
const BATCH = 1_000;
const DOMID_SELF = 0x7ff0;
const SCRATCH = va32(PFN_SCRATCH_32);
/** Calls that end or stop the domain, or leave kernel mode. */
const EXCLUDED = new Set(['iret', 'sched_op', 'sched_op_compat', 'multicall']);
const LEVELS = 3;

class CompatFuzzer {
  readonly successes = new Map<string, number>();
  machine: CompatMachine;
  /** Frames of the first tables: L3, L2, L2 with Xen's slots, L1. */
  private tables: number[] = [];

  constructor(private readonly random: Random) {
    this.machine = this.fresh();
  }

  private fresh(): CompatMachine {
    const machine = new CompatMachine(64, 2, this.random.below(1000)).start();
    this.tables = [0, 1, 2, 3].map((index) => machine.mfn(PFN_L3_32 + index));
    machine.newDomain('other');
    return machine;
  }

  restart(): void {
    for (const domain of [...this.machine.xen.domains.values()]) this.machine.xen.destroy(domain);
    expect(this.machine.vcpu.compatL4).toBeUndefined();
    this.machine = this.fresh();
  }

  check(): void {
    expect(findViolations(this.machine.xen).slice(0, 5)).toEqual([]);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  private frame(): number {
    const kind = this.random.below(16);
    if (kind === 0) return this.random.below(0x100000);
    if (kind === 1) return this.machine.xen.domains.get(2 as never)?.mfnOf(this.random.below(64)) ?? 0;
    if (kind === 2) return this.machine.vcpu.compatL4 ?? 0;
    if (kind < 6) return this.pick(this.tables);
    return this.machine.domain.mfnOf(PFN_FREE + this.random.below(16)) ?? 0;
  }

  private entry(): readonly [low: number, high: number] {
    const flags = this.pick([0, P, P, P | RW, P | U, P | RW | U | A | D, P | A, P | RW, P | 0x80, P | 0x10]);
    return [this.frame() * 4096 + flags, this.random.below(8) === 0 ? 1 << (20 + this.random.below(12)) : 0];
  }

  private address(): number {
    const kind = this.random.below(12);
    if (kind === 0) return this.random.below(2 ** 31) * 2;
    if (kind === 1) return 0xf5800000 + this.random.below(2 ** 20) * 4;
    return va32(this.random.below(80), this.random.below(512) * 8);
  }

  private word(): number {
    return this.pick([this.frame(), this.address(), this.entry()[0], DOMID_SELF, this.random.below(9)]);
  }

  step(): void {
    if (this.machine.processor.translate(SCRATCH, 1) === -1 || !this.machine.domain.alive) {
      this.check();
      this.restart();
    }
    const kind = this.random.below(20);
    if (kind < 6) this.mmuUpdate();
    else if (kind < 9) this.mmuextWith(this.random.below(20), this.frame(), this.frame());
    else if (kind < 12) this.mapping(this.address(), this.entry());
    else if (kind < 14) this.pageTableStore();
    else if (kind < 17) this.craftTable();
    else if (kind === 17) this.descriptors();
    else this.anything();
  }

  private mmuUpdate(): void {
    const table = this.random.below(3) === 0 ? this.frame() : this.pick(this.tables);
    const slot = this.pick([this.random.below(512), this.random.below(5), 420 + this.random.below(20)]);
    const pointer = table * 4096 + slot * 8 + this.pick([0, 0, 0, 2, 1]);
    this.machine.poke(SCRATCH, pointer, 0, ...this.entry());
    this.note('mmu_update', this.machine.hypercall(1, SCRATCH, 1, 0, this.pick([DOMID_SELF, DOMID_SELF, 0x7ff1, 2])));
  }

  private mapping(address: number, [low, high]: readonly [number, number]): number {
    const result = this.machine.hypercall(14, address, low, high, this.pick([0, 1, 2, 6]));
    this.note('update_va_mapping', result);
    return result;
  }

  private mmuextWith(command: number, first: number, second: number): void {
    this.machine.poke(SCRATCH, command, first, second);
    this.note(`mmuext_op.${command}`, this.machine.hypercall(26, SCRATCH, 1, 0, DOMID_SELF));
  }

  private pageTableStore(): void {
    const [low, high] = this.entry();
    const at = va32(PFN_L1_32, this.random.below(1024) * 4);
    this.note('store', this.machine.processor.store(at, this.pick([4, 4, 8, 1]), low | 0, high) ? 0 : -1);
  }

  /** A page filled with a few entries, made read-only and pinned; an L3 gets an L2 for Xen that may be in use. */
  private craftTable(): void {
    const { machine } = this;
    const pfn = PFN_FREE + this.random.below(12);
    const frame = machine.domain.mfnOf(pfn);
    if (frame === undefined || this.mapping(va32(pfn), [frame * 4096 + (P | RW | A), 0]) !== 0) return;
    const level = this.random.below(LEVELS);
    const spread = level === 2 ? 5 : 512;
    if (level === 2) for (let slot = 0; slot < 4; slot++) machine.poke(va32(pfn, slot * 8), 0, 0);
    for (let count = this.random.below(6); count > 0; count--) {
      const lower = this.tables[level === 2 ? 1 : 3] as number;
      const value =
        level > 0 && this.random.below(4) !== 0 ? ([lower * 4096 + this.pick([P, P | A]), 0] as const) : this.entry();
      machine.poke(va32(pfn, this.random.below(spread) * 8), ...value);
    }
    if (level === 2 && this.random.below(4) !== 0) this.giveXenL2(va32(pfn, 3 * 8));
    if (this.mapping(va32(pfn), [frame * 4096 + (P | A), 0]) !== 0) return;
    this.mmuextWith(level, frame, 0);
    if (level === 2 && this.random.below(3) === 0) this.mmuextWith(5, frame, 0);
    if (this.random.below(2) === 0) this.mmuextWith(4, frame, 0);
  }

  private giveXenL2(at: number): void {
    const { machine } = this;
    const pfn = PFN_FREE + 12 + this.random.below(8);
    const frame = machine.domain.mfnOf(pfn);
    if (frame === undefined || this.mapping(va32(pfn), [frame * 4096 + (P | RW | A), 0]) !== 0) return;
    // The kernel's own addresses stay mapped under the new root.
    machine.poke(va32(pfn), (this.tables[3] as number) * 4096 + (P | RW | A), 0);
    machine.poke(va32(pfn, 500 * 8), ...this.entry());
    if (this.mapping(va32(pfn), [frame * 4096 + (P | A), 0]) === 0) machine.poke(at, frame * 4096 + P, 0);
  }

  private descriptors(): void {
    const pfn = PFN_FREE + this.random.below(12);
    const frame = this.machine.domain.mfnOf(pfn) ?? 0;
    const high = this.pick([0x00cf9b00, 0x00af9b00, 0x0000ec00, 0x00cff300, 0x00008b00, 0]);
    const at = frame * 4096 + this.random.below(512) * 8;
    this.note('update_descriptor', this.machine.hypercall(10, at | 0, 0, this.random.below(2 ** 31), high));
    if (this.random.below(2) === 0) this.mapping(va32(pfn), [frame * 4096 + (P | A), 0]);
    this.machine.poke(SCRATCH, frame, this.frame());
    this.note('set_gdt', this.machine.hypercall(2, SCRATCH, this.pick([0, 3, 512, 600])));
  }

  private fill(struct: StructDefinition<string> | undefined): void {
    for (let index = 0; index < 24; index++)
      this.machine.poke(SCRATCH + index * 4, struct === undefined ? this.word() : 0);
    for (const field of struct?.[32].fields ?? []) {
      if (field.offset > 400 || typeof field.spec.type !== 'string') continue;
      const value = this.valueFor(field.name, field.spec.type);
      if (field.elementSize >= 4) this.machine.poke(SCRATCH + field.offset, value);
      else this.machine.processor.store(SCRATCH + field.offset, field.elementSize, value);
    }
  }

  private valueFor(name: string, type: string): number {
    if (/dom/.test(name)) return this.pick([DOMID_SELF, DOMID_SELF, 1, 2, 0]);
    if (/gfn|mfn|frame/.test(name) || type === 'frame') return this.frame();
    if (/port/.test(name)) return 1 + this.random.below(12);
    if (/vcpu/.test(name)) return this.random.below(3);
    if (/nr_|count/.test(name)) return this.random.below(3);
    if (/extent_start/.test(name)) return SCRATCH + 2048;
    if (type === 'pointer') return this.address();
    return this.random.below(4) === 0 ? this.word() : this.random.below(8);
  }

  private anything(): void {
    const row = this.pick(HYPERCALL_ROWS.filter(({ name }) => !EXCLUDED.has(name)));
    const suboperation = row.suboperations === undefined ? undefined : this.pick(row.suboperations);
    this.fill(suboperation?.struct ?? row.arguments[0]?.struct);
    this.machine.poke(SCRATCH + 2048, PFN_FREE + this.random.below(40), this.frame());
    const args = row.arguments.map((spec, index) => {
      if (index === 0 && suboperation !== undefined) return suboperation.number;
      if (spec.format === 'address' && this.random.below(10) !== 0) return SCRATCH;
      if (/count|nr_|vcpuid/.test(spec.name)) return this.random.below(3);
      if (spec.name === 'entries') return this.pick([0, 3, 512, 600]);
      return this.word();
    });
    this.note(`${row.name}.${suboperation?.name ?? ''}`, this.machine.hypercall(row.number, ...args));
  }

  private note(name: string, result: number): void {
    if (result >= 0) this.successes.set(name, (this.successes.get(name) ?? 0) + 1);
  }
}

describe('random hypercalls of a 32-bit domain', () => {
  it('throw nothing, and leave every count explained', () => {
    const fuzzer = new CompatFuzzer(new Random(32));
    for (let call = 1; call <= CALLS; call++) {
      fuzzer.step();
      if (call % BATCH !== 0) continue;
      fuzzer.check();
      fuzzer.restart();
    }
    if (process.env.FUZZ_REPORT !== undefined)
      console.log(
        [...fuzzer.successes]
          .sort()
          .map(([name, count]) => `${name} ${count}`)
          .join('\n'),
      );
    const often = ['mmu_update', 'update_va_mapping', 'store', 'set_gdt', 'update_descriptor'];
    const tables = ['mmuext_op.0', 'mmuext_op.1', 'mmuext_op.2', 'mmuext_op.4', 'mmuext_op.5'];
    for (const name of [...often, ...tables]) expect(fuzzer.successes.get(name) ?? 0, name).toBeGreaterThan(50);
  }, 60_000);
});
