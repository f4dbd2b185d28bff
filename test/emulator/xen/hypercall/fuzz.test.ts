import { describe, expect, it } from 'vitest';
import { Random } from '../../../../emulator/xen/common/random.ts';
import { HYPERCALL_ROWS } from '../../../../emulator/xen/hypercall/table.ts';
import type { StructDefinition } from '../../../../emulator/xen/public/struct.ts';
import { findViolations } from '../common/invariants.ts';
import { A, D, P, PFN_FREE, PFN_L1, PFN_L4, PFN_SCRATCH, RW, TestMachine, U, va } from '../pv/test-machine.ts';

/**
 * Random hypercalls with plausible arguments: frames of the domain, of another one, of nobody; addresses of its page
 * tables; entries with good and bad bits. Nothing may be thrown, and after each batch every count must be what the
 * stored page tables and tables of Xen account for.
 */
const CALLS = 100_000;
const BATCH = 2_000;
const DOMID_SELF = 0x7ff0;
const SCRATCH = va(PFN_SCRATCH);
/** Calls that end or stop the domain, or leave kernel mode. */
const EXCLUDED = new Set(['iret', 'sched_op', 'sched_op_compat', 'multicall']);

class Fuzzer {
  readonly successes = new Map<string, number>();
  machine: TestMachine;

  constructor(private readonly random: Random) {
    this.machine = this.fresh();
  }

  private fresh(): TestMachine {
    const machine = new TestMachine(64, 2, this.random.below(1000)).start();
    const other = machine.newDomain('other');
    for (let ref = 8; ref < 16; ref++) {
      machine.xen.seedGrant(other, ref as never, machine.domain.domid, machine.mfn(30 + ref, other), ref % 2 === 0);
      machine.xen.seedGrant(machine.domain, ref as never, other.domid, machine.mfn(30 + ref));
    }
    return machine;
  }

  /** Every so often anew, so that a domain that talked itself into a corner does not end the fun. */
  restart(): void {
    for (const domain of [...this.machine.xen.domains.values()]) this.machine.xen.destroy(domain);
    this.machine = this.fresh();
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  private frame(): number {
    const { machine } = this;
    const kind = this.random.below(20);
    if (kind === 0) return this.random.below(0x100000);
    if (kind === 1) return machine.xen.domains.get(2 as never)?.mfnOf(this.random.below(64)) ?? 0;
    if (kind === 2) return this.pick([machine.domain.sharedInfoMfn, machine.domain.grantTable.frames[0] as number]);
    if (kind < 6) return machine.domain.mfnOf(PFN_L4 + this.random.below(4)) ?? 0;
    return machine.domain.mfnOf(PFN_FREE + this.random.below(16)) ?? 0;
  }

  private entry(): number {
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

  private address(): number {
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

  private store(index: number, value: number): void {
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
    if (this.machine.processor.translate(SCRATCH, 1) === -1 || !this.machine.domain.alive) this.restart();
    const kind = this.random.below(10);
    if (kind < 3) this.mmuUpdate();
    else if (kind < 5) this.mmuext();
    else if (kind < 7)
      this.note('update_va_mapping', this.machine.hypercall(14, this.address(), this.entry(), this.pick([0, 1, 2, 6])));
    else if (kind === 7) this.pageTableStore();
    else this.anything();
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
    this.store(0, command);
    this.store(1, command === 7 || command === 13 ? this.address() : this.frame());
    this.store(2, command === 13 ? this.random.below(2000) : this.frame());
    this.note(`mmuext_op.${command}`, this.machine.hypercall(26, SCRATCH, 1, 0, DOMID_SELF));
  }

  private pageTableStore(): void {
    const size = this.pick([8, 8, 4, 1]);
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
    this.note(`${row.name}.${suboperation?.name ?? ''}`, this.machine.hypercall(row.number, ...args));
    // What stops the vCPU or moves it elsewhere is undone.
    this.machine.processor.longMode = true;
  }

  private note(name: string, result: number): void {
    if (result >= 0) this.successes.set(name, (this.successes.get(name) ?? 0) + 1);
  }
}

describe('random hypercalls', () => {
  it('throw nothing, and leave every count explained', () => {
    const fuzzer = new Fuzzer(new Random(4711));
    for (let call = 1; call <= CALLS; call++) {
      fuzzer.step();
      if (call % BATCH !== 0) continue;
      expect(findViolations(fuzzer.machine.xen).slice(0, 5)).toEqual([]);
      fuzzer.restart();
    }
    if (process.env.FUZZ_REPORT !== undefined)
      console.log(
        [...fuzzer.successes]
          .sort()
          .map(([name, count]) => `${name} ${count}`)
          .join('\n'),
      );
    // Coverage: the calls that change references must have succeeded often, or the walk proves nothing.
    for (const name of [
      'mmu_update',
      'update_va_mapping',
      'store',
      'mmuext_op.0',
      'mmuext_op.3',
      'mmuext_op.4',
      'mmuext_op.15',
    ]) {
      expect(fuzzer.successes.get(name) ?? 0, name).toBeGreaterThan(20);
    }
    for (const name of [
      'set_gdt.',
      'memory_op.decrease_reservation',
      'memory_op.populate_physmap',
      'grant_table_op.map_grant_ref',
      'vcpu_op.register_vcpu_info',
      'event_channel_op.init_control',
    ]) {
      expect(fuzzer.successes.get(name) ?? 0, name).toBeGreaterThan(0);
    }
  }, 60_000);
});
