import { describe, expect, it } from 'vitest';
import type { Mfn } from '../../../../emulator/base/numbers.ts';
import { TYPE_L1, TYPE_L4 } from '../../../../emulator/xen/common/frame-table.ts';
import { MACH2PHYS_VIRT_START } from '../../../../emulator/xen/public/xen-4/xen.ts';
import {
  A,
  BASE,
  D,
  P,
  PFN_FREE,
  PFN_L1,
  PFN_L2,
  PFN_L3,
  PFN_L4,
  PFN_SCRATCH,
  PFN_STACK,
  RW,
  TestMachine,
  U,
  va,
} from './test-machine.ts';

const MMU_UPDATE = 1;
const UPDATE_VA_MAPPING = 14;
const MMUEXT_OP = 26;
const DOMID_SELF = 0x7ff0;
const EINVAL = -22;
const EBUSY = -16;
const EPERM = -1;
const SCRATCH = va(PFN_SCRATCH);

function mmuUpdate(machine: TestMachine, pfn: number, slot: number, value: number, command = 0, high = 0): number {
  const pointer = machine.machine(pfn, slot * 8) + command;
  machine.poke(SCRATCH, pointer, Math.floor(pointer / 2 ** 32), value, Math.floor(value / 2 ** 32) | high);
  return machine.hypercall(MMU_UPDATE, SCRATCH, 1, 0, DOMID_SELF);
}

function mmuext(machine: TestMachine, command: number, arg1: number, arg2 = 0): number {
  const halves = (value: number): [number, number] => [value | 0, Math.floor(value / 2 ** 32)];
  machine.poke(SCRATCH, command, 0, ...halves(arg1), ...halves(arg2));
  return machine.hypercall(MMUEXT_OP, SCRATCH, 1, 0, DOMID_SELF);
}

function mapping(machine: TestMachine, pfn: number, value: number, high = 0, flags = 0): number {
  const entry = value + (high >>> 0) * 2 ** 32;
  return machine.hypercall(UPDATE_VA_MAPPING, va(pfn), entry > 2 ** 63 ? entry - 2 ** 64 : entry, flags);
}

describe('validation of a first page table', () => {
  it('types and counts every level, and forces U on all entries', () => {
    const machine = new TestMachine().start();
    const info = (pfn: number) => machine.xen.frames.describe(machine.mfn(pfn));
    expect(info(PFN_L4)).toMatchObject({ type: 'l4_page_table', typeCount: 2, pinned: true, validated: true });
    expect(info(PFN_L3)).toMatchObject({ type: 'l3_page_table', typeCount: 1 });
    expect(info(PFN_L2)).toMatchObject({ type: 'l2_page_table', typeCount: 1 });
    expect(info(PFN_L1)).toMatchObject({ type: 'l1_page_table', typeCount: 1 });
    // A writable page: one type use by its mapping; counted twice, as allocated and as mapped.
    expect(info(PFN_FREE)).toMatchObject({ type: 'writable_page', typeCount: 1, count: 2 });
    // U entries of L1 get GLOBAL (bit 8), per adjust_guest_l1e.
    expect(machine.read64(PFN_L1, PFN_FREE).low & 0xfff).toBe(P | RW | U | A | 0x100);
  });

  it('scatters frames and never gives one the number of its pfn', () => {
    const machine = new TestMachine();
    const frames = Array.from({ length: machine.pages }, (_, pfn) => machine.mfn(pfn));
    expect(frames.every((mfn, pfn) => (mfn as number) !== pfn)).toBe(true);
    expect(frames.some((mfn, pfn) => pfn > 0 && mfn !== (frames[pfn - 1] as number) + 1)).toBe(true);
    expect(new TestMachine(64, 1, 7).mfn(9)).toBe(machine.mfn(9));
    expect(new TestMachine(64, 1, 8).mfn(9)).not.toBe(machine.mfn(9));
  });

  it.each([
    [
      'a writable mapping of an L1 table',
      PFN_L1,
      PFN_L1,
      P | RW | U,
      /slot 4: writable L1 entry .* in use as l1_page_table/,
    ],
    ['a forbidden bit in an L2 entry', PFN_L2, 1, P | 0x80, /forbidden bits: PSE/],
  ])('refuses %s, and lets go of everything', (_name, table, slot, flags, reason) => {
    const machine = new TestMachine();
    const domain = machine.xen.createDomain({ name: 'bad', pages: 64, abi: 'x86_64' });
    if ('errno' in domain) throw new Error(domain.reason);
    machine.buildTables(domain);
    machine.write64(table, slot, machine.entry(slot === 1 ? PFN_FREE : PFN_L1, flags, domain), domain);
    const refusal = machine.xen.setVcpuContext(domain, 0, {
      rip: va(0),
      rsp: va(PFN_STACK),
      rsi: va(0),
      rootMfn: machine.mfn(PFN_L4, domain),
    });
    expect(refusal?.reason).toMatch(reason);
    const info = machine.xen.frames.describe(machine.mfn(PFN_FREE, domain));
    expect(info).toMatchObject({ typeCount: 0, count: 1 });
    machine.xen.destroy(domain);
    expect(machine.frameCounts(domain.domid)).toEqual({ frames: 0, types: 0 });
  });
});

describe('mmu_update', () => {
  it('maps, remaps and unmaps, and moves references accordingly', () => {
    const machine = new TestMachine().start();
    const info = () => machine.xen.frames.describe(machine.mfn(PFN_FREE));
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | RW | A | D))).toBe(0);
    expect(info()).toMatchObject({ typeCount: 2, count: 3 });
    // Entries without U are the guest kernel's: U and bit 52 appear.
    expect(machine.read64(PFN_L1, 100)).toMatchObject({ high: 1 << 20 });
    expect(machine.read64(PFN_L1, 100).low & 0xfff).toBe(P | RW | U | A | D);
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | A))).toBe(0);
    expect(info()).toMatchObject({ typeCount: 1, count: 3 });
    expect(mmuUpdate(machine, PFN_L1, 100, 0)).toBe(0);
    expect(info()).toMatchObject({ typeCount: 1, count: 2 });
  });

  it('keeps accessed and dirty bits with PRESERVE_AD', () => {
    const machine = new TestMachine().start();
    mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | RW | A | D));
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | RW), 2)).toBe(0);
    expect(machine.read64(PFN_L1, 100).low & (A | D)).toBe(A | D);
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | RW), 0)).toBe(0);
    expect(machine.read64(PFN_L1, 100).low & (A | D)).toBe(0);
  });

  it('refuses a writable mapping of a page table, with the reason', () => {
    const machine = new TestMachine().start();
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_L2, P | RW))).toBe(EBUSY);
    expect(machine.lastReason()).toMatch(/in use as l2_page_table \(count 1\), so it cannot become writable_page/);
    expect(machine.read64(PFN_L1, 100).low).toBe(0);
  });

  it('refuses frames of others, frames outside RAM, and bits that are Xen’s', () => {
    const machine = new TestMachine().start();
    const other = machine.newDomain('other');
    const foreign = machine.mfn(20, other);
    expect(mmuUpdate(machine, PFN_L1, 100, foreign * 4096 + P)).toBe(EBUSY);
    expect(machine.lastReason()).toMatch(/belongs to domain 2, not to domain 1/);
    expect(mmuUpdate(machine, PFN_L1, 100, 0x12345000 + P)).toBe(EPERM);
    expect(machine.lastReason()).toMatch(/is no RAM/);
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P), 0, 0x40000000)).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/bit 62/);
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | 0x10))).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/PCD/);
  });

  it('refuses Xen’s slots of the L4, and flushes after changes above L1', () => {
    const machine = new TestMachine().start();
    for (const slot of [256, 260, 271]) {
      expect(mmuUpdate(machine, PFN_L4, slot, machine.entry(PFN_L3, P | U))).toBe(EINVAL);
      expect(machine.lastReason()).toMatch(`slot ${slot} is Xen's own`);
    }
    const before = machine.processor.flushes;
    expect(mmuUpdate(machine, PFN_L4, 272, machine.entry(PFN_L3, P | RW | U))).toBe(0);
    expect(machine.processor.flushes).toBe(before + 1);
    expect(mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P))).toBe(0);
    expect(machine.processor.flushes).toBe(before + 1);
  });

  it('allows read-only linear entries and refuses writable ones', () => {
    const machine = new TestMachine().start();
    expect(mmuUpdate(machine, PFN_L4, 300, machine.entry(PFN_L4, P | RW | U))).toBe(EINVAL);
    expect(mmuUpdate(machine, PFN_L4, 300, machine.entry(PFN_L4, P | U))).toBe(0);
    expect(machine.xen.references.typeCount(machine.mfn(PFN_L4))).toBe(2);
    expect(mmuUpdate(machine, PFN_L4, 300, 0)).toBe(0);
  });

  it('stores plain words in writable pages, and machine-to-physical entries', () => {
    const machine = new TestMachine().start();
    expect(mmuUpdate(machine, PFN_FREE, 3, 0x123456789)).toBe(0);
    expect(machine.read64(PFN_FREE, 3)).toEqual({ low: 0x23456789, high: 1 });
    const mfn = machine.mfn(PFN_FREE);
    const pointer = mfn * 4096 + 1;
    machine.poke(SCRATCH, pointer, 0, 60, 0);
    expect(machine.hypercall(MMU_UPDATE, SCRATCH, 1, 0, DOMID_SELF)).toBe(0);
    expect(machine.xen.m2p.get(mfn)).toBe(60);
    expect(machine.domain.mfnOf(60)).toBe(mfn);
    // As the guest sees it, at MACH2PHYS_VIRT_START.
    expect(machine.peek32(MACH2PHYS_VIRT_START + mfn * 8)).toBe(60);
    machine.processor.failed = false;
    machine.processor.write32((MACH2PHYS_VIRT_START + mfn * 8) as never, 1);
    expect(machine.processor.failed).toBe(true);
  });

  it('counts what was done before the first refusal', () => {
    const machine = new TestMachine().start();
    const good = machine.machine(PFN_L1, 100 * 8);
    const bad = machine.machine(PFN_L1, 101 * 8);
    machine.poke(SCRATCH, good, 0, machine.entry(PFN_FREE, P), 0, bad, 0, machine.entry(PFN_L3, P | RW), 0);
    expect(machine.hypercall(MMU_UPDATE, SCRATCH, 2, SCRATCH + 256, DOMID_SELF)).toBe(EBUSY);
    expect(machine.peek32(SCRATCH + 256)).toBe(1);
    expect(machine.lastReason()).toMatch(/^request 1: /);
  });
});

describe('update_va_mapping', () => {
  it('changes the entry that maps an address, and flushes as asked', () => {
    const machine = new TestMachine().start();
    const flushes = machine.processor.flushes;
    expect(mapping(machine, 100, machine.entry(PFN_FREE, P | RW), 0, 2)).toBe(0);
    expect(machine.processor.invalidated.at(-1)).toBe(va(100));
    expect(machine.processor.flushes).toBe(flushes);
    machine.poke(va(100), 0xabcd);
    expect(machine.peek32(va(PFN_FREE))).toBe(0xabcd);
    expect(mapping(machine, 100, 0, 0, 1)).toBe(0);
    expect(machine.processor.flushes).toBe(flushes + 1);
  });

  it('refuses an address that no L1 covers', () => {
    const machine = new TestMachine().start();
    expect(machine.hypercall(UPDATE_VA_MAPPING, 0x1000, machine.entry(PFN_FREE, P), 0)).toBe(EINVAL);
    expect(machine.lastReason()).toBe('no L1 table covers address 0x1000');
  });
});

describe('mmuext_op', () => {
  /** A second L1 page at PFN_FREE, mapped read-only first, with one entry. */
  function secondL1(machine: TestMachine): void {
    machine.write64(PFN_FREE, 5, machine.entry(PFN_FREE + 1, P | RW));
  }

  it('pins only what has no writable mapping', () => {
    const machine = new TestMachine().start();
    secondL1(machine);
    expect(mmuext(machine, 0, machine.mfn(PFN_FREE))).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/in use as writable_page \(count 1\), so it cannot become l1_page_table/);
    expect(mapping(machine, PFN_FREE, machine.entry(PFN_FREE, P))).toBe(0);
    const flushes = machine.processor.flushes;
    expect(mmuext(machine, 0, machine.mfn(PFN_FREE))).toBe(0);
    // The frame was writable since the last flush: a stale translation must go.
    expect(machine.processor.flushes).toBe(flushes + 1);
    expect(machine.xen.frames.describe(machine.mfn(PFN_FREE))).toMatchObject({
      type: 'l1_page_table',
      typeCount: 1,
      pinned: true,
    });
    expect(mmuext(machine, 0, machine.mfn(PFN_FREE))).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/pinned already/);
    expect(mmuext(machine, 4, machine.mfn(PFN_FREE))).toBe(0);
    expect(mmuext(machine, 4, machine.mfn(PFN_FREE))).toBe(EINVAL);
    expect(machine.xen.frames.describe(machine.mfn(PFN_FREE + 1))).toMatchObject({ typeCount: 1, count: 2 });
  });

  it('switches to a second tree while the first is live, and lets the guest drop its first root', () => {
    const machine = new TestMachine().start();
    // A copy of the root at PFN_FREE, sharing the lower tables.
    machine.write64(PFN_FREE, 511, machine.entry(PFN_L3, P | RW | U | A));
    mapping(machine, PFN_FREE, machine.entry(PFN_FREE, P));
    const old = machine.mfn(PFN_L4);
    const next = machine.mfn(PFN_FREE);
    machine.poke(SCRATCH, 3, 0, next, 0, 0, 0, 5, 0, next, 0, 0, 0, 4, 0, old, 0, 0, 0);
    expect(machine.hypercall(MMUEXT_OP, SCRATCH, 3, SCRATCH + 512, DOMID_SELF)).toBe(0);
    expect(machine.peek32(SCRATCH + 512)).toBe(3);
    expect(machine.vcpu.kernelRoot).toBe(next);
    expect(machine.xen.frames.describe(old)).toMatchObject({ typeCount: 0, pinned: false });
    expect(machine.xen.references.type(next)).toBe(TYPE_L4);
    // The old root may become an ordinary page now.
    expect(mapping(machine, PFN_L4, machine.entry(PFN_L4, P | RW))).toBe(0);
  });

  it('user roots, clearing, copying, and refusals', () => {
    const machine = new TestMachine().start();
    expect(mmuext(machine, 15, machine.mfn(PFN_L3))).toBe(EINVAL);
    expect(mmuext(machine, 15, machine.mfn(PFN_L4))).toBe(0);
    expect(machine.vcpu.userRoot).toBe(machine.mfn(PFN_L4));
    expect(mmuext(machine, 15, 0)).toBe(0);
    expect(machine.vcpu.userRoot).toBeUndefined();
    machine.poke(va(PFN_FREE), 0x1111);
    expect(mmuext(machine, 17, machine.mfn(PFN_FREE + 1), machine.mfn(PFN_FREE))).toBe(0);
    expect(machine.peek32(va(PFN_FREE + 1))).toBe(0x1111);
    expect(mmuext(machine, 16, machine.mfn(PFN_FREE))).toBe(0);
    expect(machine.peek32(va(PFN_FREE))).toBe(0);
    expect(mmuext(machine, 16, machine.mfn(PFN_L1))).toBe(EINVAL);
    expect(mmuext(machine, 12, 0)).toBe(-13);
    expect(mmuext(machine, 18, 0)).toBe(EINVAL);
    expect(mmuext(machine, 19, 0)).toBe(-95);
    expect(mmuext(machine, 14, 0)).toBe(-38);
    expect(mmuext(machine, 13, BASE + 123, 4)).toBe(EINVAL);
    expect(mmuext(machine, 13, BASE, 8193)).toBe(EINVAL);
  });
});

describe('stores to read-only L1 tables', () => {
  it('validates the whole entry that results, of 8, 4 and 1 bytes', () => {
    const machine = new TestMachine().start();
    const slot = va(PFN_L1, 100 * 8);
    expect(machine.processor.store(slot, 8, machine.entry(PFN_FREE, P | RW))).toBe(true);
    expect(machine.xen.references.typeCount(machine.mfn(PFN_FREE))).toBe(2);
    // Write-protect by one byte, as a locked bit operation would.
    expect(machine.processor.store(slot, 1, P | U)).toBe(true);
    expect(machine.xen.references.typeCount(machine.mfn(PFN_FREE))).toBe(1);
    expect(machine.processor.store(slot, 4, 0)).toBe(true);
    expect(machine.read64(PFN_L1, 100).low).toBe(0);
    expect(machine.xen.frames.describe(machine.mfn(PFN_FREE))).toMatchObject({ count: 2, typeCount: 1 });
  });

  it('refuses what mmu_update would refuse, and upper levels altogether', () => {
    const machine = new TestMachine().start();
    expect(machine.processor.store(va(PFN_L1, 800), 8, machine.entry(PFN_L1, P | RW))).toBe(false);
    expect(machine.notices.at(-1)).toMatch(/page-table store refused \(EBUSY\): .*l1_page_table/);
    expect(machine.processor.store(va(PFN_L1, 802), 4, 0)).toBe(false);
    expect(machine.processor.store(va(PFN_L2, 16), 8, 0)).toBe(false);
    expect(machine.xen.references.type(machine.mfn(PFN_L1))).toBe(TYPE_L1);
  });
});

describe('teardown', () => {
  it('leaves no frame and no reference', () => {
    const machine = new TestMachine().start();
    const free = machine.xen.frames.freeFrames;
    mmuUpdate(machine, PFN_L1, 100, machine.entry(PFN_FREE, P | RW));
    mmuext(machine, 15, machine.mfn(PFN_L4));
    const { domid } = machine.domain;
    machine.xen.destroy(machine.domain);
    expect(machine.frameCounts(domid)).toEqual({ frames: 0, types: 0 });
    expect(machine.xen.frames.freeFrames).toBe(free + machine.pages + 2);
    for (let mfn = machine.ram.firstMfn; mfn < machine.ram.endMfn; mfn++) {
      const info = machine.xen.frames.describe(mfn as Mfn);
      if (info.owner === undefined) expect(info).toMatchObject({ count: 0, typeCount: 0, pinned: false });
    }
  });
});
