import { describe, expect, it } from 'vitest';
import { Random } from '../../../../emulator/xen/common/random.ts';
import { HYPERCALL_COLUMNS } from '../../../../emulator/xen/hypercall/columns.ts';
import type { StructDefinition } from '../../../../emulator/xen/public/struct.ts';
import { findViolations } from '../common/invariants.ts';
import { OldMachine, oldVa, PFN_DIRECTORY, PFN_OLD_SCRATCH, PFN_TABLE } from '../pv/old-machine.ts';
import { A, D, P, PFN_FREE, RW, U } from '../pv/test-machine.ts';

/**
 * Random hypercalls of domains of Xen 2.0 and 1.2, from the rows of their tables: what fuzz.slow.test.ts does, with page
 * tables of two levels, recursive directories, stores into writable page tables, and LDTs. After each batch every count
 * must be what the stored tables account for.
 */
const CALLS = 40_000;
const BATCH = 1_000;
const DOMID_SELF = 0x7ff0;
const SCRATCH = oldVa(PFN_OLD_SCRATCH);
/** Calls that end or stop the domain. */
const EXCLUDED = new Set(['sched_op', 'switch_vm86', 'multicall', 'set_trap_table']);

type Version = '2.0' | '1.2';

class OldFuzzer {
  readonly successes = new Map<string, number>();
  machine: OldMachine;
  private tables: number[] = [];

  constructor(
    private readonly version: Version,
    private readonly random: Random,
  ) {
    this.machine = this.fresh();
  }

  private fresh(): OldMachine {
    OldMachine.abi = `xen-${this.version}`;
    const machine = new OldMachine(64, 1, this.random.below(1000)).start();
    this.tables = [machine.mfn(PFN_DIRECTORY), machine.mfn(PFN_TABLE)];
    machine.newDomain('other');
    // Writable page tables, in half of the machines.
    if (this.version === '2.0' && this.random.below(2) === 0) machine.hypercall(21, 0, 2);
    return machine;
  }

  restart(): void {
    for (const domain of [...this.machine.xen.domains.values()]) this.machine.xen.destroy(domain);
    expect(findViolations(this.machine.xen)).toEqual([]);
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
    if (kind === 2) return this.pick([this.machine.xen.m2p.twoLevelL1 ?? 0, this.machine.domain.sharedInfoMfn]);
    if (kind < 6) return this.pick(this.tables);
    return this.machine.domain.mfnOf(PFN_FREE + this.random.below(16)) ?? 0;
  }

  private entry(): number {
    const flags = this.pick([0, P, P, P | RW, P | U, P | RW | U | A | D, P | A, P | RW, P | 0x80, P | 0x100]);
    return this.frame() * 4096 + flags;
  }

  private address(): number {
    const kind = this.random.below(12);
    if (kind === 0) return this.random.below(2 ** 31) * 2;
    if (kind === 1) return 0xfc000000 + this.random.below(2 ** 20) * 4;
    return oldVa(this.random.below(80), this.random.below(1024) * 4);
  }

  private word(): number {
    return this.pick([this.frame(), this.address(), this.entry(), DOMID_SELF, this.random.below(9)]);
  }

  step(): void {
    if (this.machine.processor.translate(SCRATCH as never, 1) === -1 || !this.machine.domain.alive) {
      this.check();
      this.restart();
    }
    const kind = this.random.below(20);
    if (kind < 7) this.mmuUpdate();
    else if (kind < 9) this.extended(this.random.below(15), this.frame());
    else if (kind < 12) this.mapping(this.random.below(80), this.entry());
    else if (kind < 14) this.pageTableStore();
    else if (kind < 17) this.craftTable();
    else if (kind === 17) this.descriptors();
    else this.anything();
  }

  /** In Xen 1.2 a pointer is where the entry is mapped. */
  private mmuUpdate(): void {
    const slot = this.pick([this.random.below(1024), 768 + this.random.below(4), 1000 + this.random.below(24)]);
    const table = this.random.below(3) === 0 ? this.frame() : this.pick(this.tables);
    const pointer = this.version === '1.2' ? oldVa(this.random.below(32), slot * 4) : table * 4096 + slot * 4;
    this.update(pointer + this.pick([0, 0, 0, 2, 1]), this.entry(), 'mmu_update');
  }

  private update(pointer: number, value: number, name: string): number {
    this.machine.poke(SCRATCH, pointer | 0, value | 0);
    const result = this.machine.hypercall(1, SCRATCH, 1, 0);
    this.note(name, result);
    return result;
  }

  private extended(command: number, frame: number): number {
    const pointer = (this.pick([frame, frame, frame, Math.floor(this.address() / 4096)]) << 12) | 3;
    return this.update(pointer, command | (this.random.below(600) << 8), `extended.${command}`);
  }

  private mapping(page: number, entry: number): number {
    const number = this.version === '2.0' ? 14 : 19;
    const result = this.machine.hypercall(number, oldVa(page) / 4096, entry, this.random.below(4));
    this.note('update_va_mapping', result);
    return result;
  }

  private pageTableStore(): void {
    const at = oldVa(PFN_TABLE, this.random.below(1024) * 4);
    this.note('store', this.machine.processor.store(at, this.pick([4, 4, 8, 1]), this.entry() | 0, 0) ? 0 : -1);
  }

  /** A page filled with a few entries, made read-only and pinned; a directory may map itself and others. */
  private craftTable(): void {
    const { machine } = this;
    const pfn = PFN_FREE + this.random.below(12);
    const frame = machine.domain.mfnOf(pfn);
    if (frame === undefined || this.mapping(pfn, frame * 4096 + (P | RW | A)) !== 0) return;
    const directory = this.random.below(2) === 1;
    for (let slot = 0; slot < 1024; slot += 1 + this.random.below(directory ? 300 : 1500)) {
      const kind = this.random.below(4);
      const recursive = this.pick([frame, this.tables[0] as number]) * 4096 + (P | A);
      const lower = (this.tables[1] as number) * 4096 + (P | RW | U | A);
      machine.poke(oldVa(pfn, slot * 4), directory && kind > 0 ? (kind === 1 ? recursive : lower) : this.entry());
    }
    // The kernel's own addresses stay mapped under a new directory.
    if (directory) machine.poke(oldVa(pfn, 768 * 4), (this.tables[1] as number) * 4096 + (P | RW | U | A));
    if (this.mapping(pfn, frame * 4096 + (P | A)) !== 0) return;
    this.update((frame << 12) | 3, directory ? 1 : 0, directory ? 'pin L2' : 'pin L1');
    if (directory && this.random.below(2) === 0) this.update((frame << 12) | 3, 5, 'new base');
    if (this.random.below(2) === 0) this.update((frame << 12) | 3, 4, 'unpin');
  }

  private descriptors(): void {
    const { machine } = this;
    const pfn = PFN_FREE + this.random.below(12);
    const frame = machine.domain.mfnOf(pfn) ?? 0;
    const high = this.pick([0x00cfbb00, 0x00cffa00, 0x0000ec00, 0x00cff300, 0x00008b00, 0x0040f200, 0]);
    const [setGdt, updateDescriptor] = this.version === '2.0' ? [2, 10] : [3, 14];
    const at = frame * 4096 + this.random.below(512) * 8;
    this.note('update_descriptor', machine.hypercall(updateDescriptor, at | 0, this.random.below(2 ** 31), high));
    if (this.random.below(2) === 0) this.mapping(pfn, frame * 4096 + (P | A));
    machine.poke(SCRATCH, frame, this.frame());
    this.note('set_gdt', machine.hypercall(setGdt, SCRATCH, this.pick([0, 296, 512, 600, 296])));
    // The LDT, and a selector that makes a page of it one.
    this.update(oldVa(pfn) | 3, (this.version === '2.0' ? 9 : 8) | (512 << 8), 'set LDT');
    machine.processor.loadSegment(4, (this.random.below(512) << 3) | 5);
  }

  private fill(struct: StructDefinition<string> | undefined): void {
    for (let index = 0; index < 24; index++)
      this.machine.poke(SCRATCH + index * 4, struct === undefined ? this.word() | 0 : 0);
    for (const field of struct?.[32].fields ?? []) {
      if (field.offset > 400 || typeof field.spec.type !== 'string') continue;
      const value = this.valueFor(field.name, field.spec.type);
      if (field.elementSize >= 4) this.machine.poke(SCRATCH + field.offset, value | 0);
      else this.machine.processor.store(SCRATCH + field.offset, field.elementSize, value);
    }
  }

  private valueFor(name: string, type: string): number {
    if (/dom/.test(name)) return this.pick([DOMID_SELF, DOMID_SELF, DOMID_SELF, 1, 2, 0, 99]);
    if (/mfn|frame/.test(name)) return this.frame();
    if (/port/.test(name)) return this.random.below(20);
    if (/virq/.test(name)) return this.random.below(9);
    if (/size/.test(name)) return this.random.below(3);
    if (/pages/.test(name)) return SCRATCH + 2048;
    if (type === 'pointer') return this.address();
    return this.random.below(4) === 0 ? this.word() : this.random.below(8);
  }

  private anything(): void {
    const rows = HYPERCALL_COLUMNS[this.version].table.filter((row) => row !== undefined);
    const row = this.pick(rows.filter(({ name }) => !EXCLUDED.has(name)));
    const suboperation = row.suboperations === undefined ? undefined : this.pick(row.suboperations);
    this.fill(suboperation?.struct ?? row.arguments[0]?.struct);
    if (row.commandInMemory === true && suboperation !== undefined) this.machine.poke(SCRATCH, suboperation.number);
    this.machine.poke(SCRATCH + 2048, this.frame(), this.frame());
    const args = row.arguments.map((spec, index) => {
      if (index === 0 && suboperation !== undefined && row.commandInMemory !== true) return suboperation.number;
      if (spec.format === 'address' && this.random.below(10) !== 0)
        return spec.name === 'extent_list' ? SCRATCH + 2048 : SCRATCH;
      if (/count|nr_|order/.test(spec.name)) return this.random.below(3);
      if (spec.name === 'domid') return this.pick([DOMID_SELF, DOMID_SELF, DOMID_SELF, 2]);
      if (spec.name === 'id') return this.random.below(4);
      return this.word();
    });
    this.note(`${row.name}.${suboperation?.name ?? ''}`, this.machine.hypercall(row.number, ...args));
  }

  private note(name: string, result: number): void {
    if (result >= 0) this.successes.set(name, (this.successes.get(name) ?? 0) + 1);
  }
}

describe.each(['2.0', '1.2'] as const)('random hypercalls of a domain of Xen %s', (version) => {
  it('throw nothing, and leave every count explained', () => {
    const fuzzer = new OldFuzzer(version, new Random(20));
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
    const often = ['mmu_update', 'update_va_mapping', 'set_gdt', 'update_descriptor', 'set LDT'];
    const tables = ['pin L1', 'pin L2', 'new base', 'unpin'];
    const memory = version === '2.0' ? ['dom_mem_op.decrease_reservation', 'store'] : ['dom_mem_op.'];
    for (const name of [...often, ...tables, ...memory])
      expect(fuzzer.successes.get(name) ?? 0, name).toBeGreaterThan(15);
  }, 60_000);
});
