import { describe, expect, it } from 'vitest';
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { EXIT_SYSCALL, RAX, RCX, RDI, RSI } from '../../../../emulator/x86/cpu/processor.ts';
import type { HypercallRecord } from '../../../../emulator/xen/common/trace.ts';
import { formatRecord } from '../../../../emulator/xen/hypercall/decode.ts';
import { HYPERCALL_ROWS, HYPERCALL_TABLE } from '../../../../emulator/xen/hypercall/table.ts';
import { A, P, PFN_FREE, PFN_L1, PFN_SCRATCH, RW, TestMachine, va } from '../pv/test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);
const DOMID_SELF = 0x7ff0;

describe('the table', () => {
  it('has 56 numbers, each row at its own, and the names of the sheet', () => {
    expect(HYPERCALL_TABLE.length).toBe(56);
    for (const row of HYPERCALL_ROWS) expect(HYPERCALL_TABLE[row.number]).toBe(row);
    expect(new Set(HYPERCALL_ROWS.map((row) => row.name)).size).toBe(HYPERCALL_ROWS.length);
    expect([0, 1, 13, 20, 23, 26, 29, 32].map((number) => HYPERCALL_TABLE[number]?.name)).toEqual([
      'set_trap_table',
      'mmu_update',
      'multicall',
      'grant_table_op',
      'iret',
      'mmuext_op',
      'sched_op',
      'event_channel_op',
    ]);
  });

  it('has every hypercall and sub-operation that Debian, GRUB and GNU Mach make', () => {
    const used: Record<string, number[]> = {
      event_channel_op: [1, 4, 7, 8, 9, 11, 12, 13],
      grant_table_op: [2, 6, 8],
      memory_op: [1, 9, 12],
      physdev_op: [6, 28],
      sched_op: [0, 1],
      sched_op_compat: [2],
      vcpu_op: [3, 5, 7, 8, 9, 10],
      xen_version: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10],
    };
    for (const [name, numbers] of Object.entries(used)) {
      const row = HYPERCALL_ROWS.find((candidate) => candidate.name === name);
      expect(row?.suboperations?.map(({ number }) => number)).toEqual(expect.arrayContaining(numbers));
    }
  });

  it('answers ENOSYS outside the table, for empty rows and unknown sub-operations, and says so', () => {
    const machine = new TestMachine().start();
    expect(machine.hypercall(56)).toBe(-38);
    expect(machine.lastReason()).toBe('there is no hypercall 56');
    expect(machine.hypercall(11)).toBe(-38);
    expect(machine.hypercall(27)).toBe(-38);
    expect(machine.hypercall(24, 99, 0)).toBe(-38);
    expect(machine.lastReason()).toBe('vcpu_op has no sub-operation 99');
    expect(machine.domain.refusals.length).toBe(4);
    expect(machine.domain.refusals.at(-1)?.what).toBe('vcpu_op.99');
    machine.hypercall(24, 99, 0);
    expect(machine.domain.refusals.length).toBe(4);
    expect(machine.domain.refusals.at(-1)?.times).toBe(2);
  });

  it('refuses what is dom0’s, with EPERM', () => {
    const machine = new TestMachine().start();
    // Interface version in the second word; the rest must be readable, and is looked at only when it is allowed.
    machine.poke(SCRATCH, 0, 0x03000001, 0, 0);
    expect(machine.hypercall(7, SCRATCH)).toBe(-1);
    machine.poke(SCRATCH, 3, 0x15, 0, 0);
    expect([35, 36, 48].map((number) => machine.hypercall(number, SCRATCH))).toEqual([-1, -1, -1]);
    expect(machine.hypercall(18, 0, 5, SCRATCH)).toBe(-1);
    expect(machine.hypercall(40, 0, SCRATCH)).toBe(-95);
  });

  it('answers EFAULT for structures that cannot be read', () => {
    const machine = new TestMachine().start();
    expect(machine.hypercall(32, 4, 0x1000)).toBe(-14);
    expect(machine.hypercall(1, 0x1000, 1, 0, DOMID_SELF)).toBe(-14);
    expect(machine.hypercall(13, 0x1000, 1)).toBe(-14);
  });
});

describe('a hypercall', () => {
  it('moves rip past the instruction and clobbers RCX and R11 as syscall does', () => {
    const machine = new TestMachine().start();
    machine.processor.rip = 0x5000 as VirtualAddress;
    machine.processor.rflags = 0x206;
    const before = machine.clock.instructions;
    machine.hypercall(17, 0, 0);
    expect(machine.processor.rip).toBe(0x5002);
    expect(machine.processor.low(RCX)).toBe(0x5002);
    expect(machine.processor.low(11)).toBe(0x206);
    expect(machine.processor.low(RAX)).toBe(0x40011);
    expect(machine.clock.instructions).toBe(before + 1);
  });

  it('shows decoded arguments and results to a trace', () => {
    const machine = new TestMachine().start();
    const records: HypercallRecord[] = [];
    machine.xen.trace = { hypercall: (record) => records.push(record) };
    machine.poke(SCRATCH, DOMID_SELF, 0);
    machine.hypercall(32, 6, SCRATCH);
    machine.hypercall(4, 0x9000, -0x7f000000, 0);
    machine.poke(SCRATCH, 3, 0, 0, 0, 0, 0);
    machine.hypercall(26, SCRATCH, 1, 0, DOMID_SELF);
    machine.poke(SCRATCH, 0x42c76012, 0, 0x41712067, 0x80000000 | 0);
    machine.hypercall(1, SCRATCH, 1, 0, DOMID_SELF);
    machine.hypercall(14, 0x1000, 0x41712001, 6);
    expect(records.map(formatRecord)).toEqual([
      'event_channel_op(EVTCHNOP_alloc_unbound (6), {dom=DOMID_SELF remote_dom=0 port=1}) = 0',
      'set_callbacks(0x9000, 0xffffffff81000000, 0x0) = 0',
      'mmuext_op([{cmd=PIN_L4_TABLE (3) arg1=0x0 arg2=0x0}], 1, 0x0, DOMID_SELF) = -EINVAL: ' +
        'pinning: mfn 0x0 belongs to nobody, not to domain 1',
      'mmu_update([{ptr=0x42c76010 PT_UPDATE_PRESERVE_AD val=0x8000000041712067 (mfn 0x41712 P RW U A D NX)}], 1, 0x0, ' +
        'DOMID_SELF) = -EINVAL: request 0: mfn 0x42c76 belongs to nobody, not to domain 1',
      'update_va_mapping(0x1000, 0x41712001 (mfn 0x41712 P), INVLPG (ALL)) = -EINVAL: no L1 table covers address 0x1000',
    ]);
    expect(records[2]?.suboperation).toBe('PIN_L4_TABLE');
  });
});

describe('multicall', () => {
  function entry(machine: TestMachine, index: number, op: number, ...args: number[]): void {
    const at = SCRATCH + index * 64;
    machine.poke(at, op, 0, -1, -1);
    for (let argument = 0; argument < 6; argument++) {
      const value = args[argument] ?? 0;
      machine.poke(at + 16 + argument * 8, value | 0, Math.floor(value / 2 ** 32));
    }
  }

  it('runs each entry, stores each result, refuses another inside', () => {
    const machine = new TestMachine().start();
    entry(machine, 0, 17, 0, 0);
    entry(machine, 1, 13, SCRATCH, 1);
    entry(machine, 2, 14, va(100), machine.entry(PFN_FREE, P | RW | A), 0);
    expect(machine.hypercall(13, SCRATCH, 3)).toBe(0);
    expect(machine.peek32(SCRATCH + 8)).toBe(0x40011);
    expect(machine.peek32(SCRATCH + 64 + 8) | 0).toBe(-22);
    expect(machine.peek32(SCRATCH + 128 + 8)).toBe(0);
    expect(machine.peek32(SCRATCH + 128 + 12)).toBe(0);
    expect(machine.read64(PFN_L1, 100).low & P).toBe(P);
  });

  it('traces its calls before itself, with their index', () => {
    const machine = new TestMachine().start();
    const lines: string[] = [];
    machine.xen.trace = { hypercall: (record) => lines.push(`${record.multicallIndex} ${record.name}`) };
    entry(machine, 0, 17, 0, 0);
    entry(machine, 1, 5, 0);
    machine.hypercall(13, SCRATCH, 2);
    expect(lines).toEqual(['0 xen_version', '1 fpu_taskswitch', 'undefined multicall']);
  });
});

describe('armed hypercalls', () => {
  /** The vCPU comes to a syscall instruction. */
  const attempt = (machine: TestMachine, number: number, ...args: number[]) =>
    machine.onVcpu((processor) => {
      processor.setAddress(RAX, number);
      [RDI, RSI].forEach((register, index) => {
        processor.setAddress(register, args[index] ?? 0);
      });
      return EXIT_SYSCALL;
    });

  it('stop before anything has happened, and go ahead when run on', () => {
    const machine = new TestMachine().start();
    machine.processor.rip = 0x5000 as VirtualAddress;
    machine.xen.armHypercalls([{ number: 0 }]);
    const stop = attempt(machine, 0, 0);
    expect(stop.kind).toBe('hypercall');
    expect(machine.processor.rip).toBe(0x5000);
    expect(stop.kind === 'hypercall' && stop.call.name).toBe('set_trap_table');
    expect(attempt(machine, 0, 0).kind).toBe('budget');
    expect(machine.processor.rip).toBe(0x5002);
    expect(machine.xen.currentHypercall(machine.vcpu)?.result).toMatchObject({ value: 0 });
    // And the next one stops again.
    expect(attempt(machine, 0, 0).kind).toBe('hypercall');
  });

  it('distinguish sub-operations, and stop after the return when asked', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, DOMID_SELF, 0);
    machine.xen.armHypercalls([
      { number: 32, suboperation: 4 },
      { number: 32, suboperation: 6, when: 'return' },
    ]);
    const done = attempt(machine, 32, 6, SCRATCH);
    expect(done.kind === 'hypercall-done' && formatRecord(done.call)).toMatch(/port=1\}\) = 0$/);
    machine.poke(SCRATCH, 1);
    expect(attempt(machine, 32, 4, SCRATCH).kind).toBe('hypercall');
    expect(attempt(machine, 32, 4, SCRATCH).kind).toBe('budget');
    machine.xen.armHypercalls([{ number: 26, suboperation: 6 }]);
    machine.poke(SCRATCH, 6, 0, 0, 0, 0, 0);
    machine.poke(SCRATCH + 512, 26, 0, 0, 0, SCRATCH, -1, 1, 0, 0, 0, DOMID_SELF, 0, 0, 0, 0, 0);
    expect(attempt(machine, 13, SCRATCH + 512, 1).kind).toBe('hypercall');
  });
});

describe('xen_version', () => {
  it('answers as Debian’s 4.17 answers a domU', () => {
    const machine = new TestMachine().start();
    const text = () => Buffer.from(machine.processor.peek(SCRATCH, 64)).toString('latin1').split('\0')[0];
    expect(machine.hypercall(17, 1, SCRATCH)).toBe(0);
    expect(text()).toBe('.7');
    expect(machine.hypercall(17, 3, SCRATCH)).toBe(0);
    expect(text()).toBe('xen-3.0-x86_64 xen-3.0-x86_32p ');
    machine.poke(SCRATCH, 0);
    machine.hypercall(17, 6, SCRATCH);
    expect(machine.peek32(SCRATCH + 4)).toBe(0x220e0);
    // Linux switches pae_extended_cr3 on before it asks; then the transcript's 000220f0.
    expect(machine.hypercall(21, 0, 3)).toBe(0);
    machine.hypercall(17, 6, SCRATCH);
    expect(machine.peek32(SCRATCH + 4)).toBe(0x220f0);
    machine.hypercall(17, 5, SCRATCH);
    expect([machine.peek32(SCRATCH), machine.peek32(SCRATCH + 4)]).toEqual([0, 0xffff8000]);
    expect(machine.hypercall(17, 7, 0)).toBe(4096);
    expect(machine.hypercall(17, 10, SCRATCH)).toBe(-1);
    expect(machine.hypercall(17, 9, SCRATCH)).toBe(0);
    expect(text()).toBe('<denied>');
    expect(machine.hypercall(21, 0, 9)).toBe(-22);
  });
});

describe('memory_op', () => {
  it('gives frames back and takes new ones', () => {
    const machine = new TestMachine().start();
    const mfn = machine.mfn(PFN_FREE);
    machine.hypercall(14, va(PFN_FREE), 0, 1);
    const reservation = (list: number, count: number) =>
      machine.poke(SCRATCH, list | 0, -1, count, 0, 0, 0, DOMID_SELF);
    machine.poke(SCRATCH + 64, mfn, 0);
    reservation(SCRATCH + 64, 1);
    expect(machine.hypercall(12, 1, SCRATCH)).toBe(1);
    expect(machine.xen.frames.owner(mfn)).toBeUndefined();
    expect(machine.domain.totalPages).toBe(machine.pages - 1);
    expect(machine.domain.mfnOf(PFN_FREE)).toBeUndefined();
    expect(machine.hypercall(12, 1, SCRATCH)).toBe(0);
    machine.poke(SCRATCH + 64, PFN_FREE, 0);
    reservation(SCRATCH + 64, 1);
    expect(machine.hypercall(12, 6, SCRATCH)).toBe(1);
    const fresh = machine.peek32(SCRATCH + 64);
    expect(machine.domain.mfnOf(PFN_FREE)).toBe(fresh);
    expect(machine.hypercall(14, va(PFN_FREE), machine.entry(PFN_FREE, P | RW), 0)).toBe(0);
    // No more than the maximum.
    reservation(SCRATCH + 64, 1);
    expect(machine.hypercall(12, 6, SCRATCH)).toBe(0);
    machine.poke(SCRATCH, DOMID_SELF);
    expect(machine.hypercall(12, 3, SCRATCH)).toBe(machine.pages);
    expect(machine.hypercall(12, 4, SCRATCH)).toBe(machine.pages);
  });

  it('a frame given back while mapped stays until it is unmapped', () => {
    const machine = new TestMachine().start();
    const mfn = machine.mfn(PFN_FREE);
    machine.poke(SCRATCH + 64, mfn, 0);
    machine.poke(SCRATCH, (SCRATCH + 64) | 0, -1, 1, 0, 0, 0, DOMID_SELF);
    expect(machine.hypercall(12, 1, SCRATCH)).toBe(1);
    expect(machine.xen.frames.owner(mfn)).toBe(1);
    machine.hypercall(14, va(PFN_FREE), 0, 0);
    expect(machine.xen.frames.owner(mfn)).toBeUndefined();
  });

  it('exchanges single frames for a contiguous extent', () => {
    const machine = new TestMachine().start();
    const pfns = [PFN_FREE, PFN_FREE + 1, PFN_FREE + 2, PFN_FREE + 3];
    pfns.forEach((pfn, index) => {
      machine.poke(SCRATCH + 128 + index * 8, machine.mfn(pfn), 0);
      machine.hypercall(14, va(pfn), 0, 0);
    });
    machine.poke(SCRATCH + 256, PFN_FREE, 0);
    machine.poke(SCRATCH, (SCRATCH + 128) | 0, -1, 4, 0, 0, 0, DOMID_SELF, 0);
    machine.poke(SCRATCH + 32, (SCRATCH + 256) | 0, -1, 1, 0, 2, 0, DOMID_SELF, 0, 0, 0);
    expect(machine.hypercall(12, 11, SCRATCH)).toBe(0);
    const first = machine.peek32(SCRATCH + 256);
    expect(first % 4).toBe(0);
    expect(pfns.map((pfn) => machine.mfn(pfn))).toEqual([first, first + 1, first + 2, first + 3]);
    expect(machine.peek32(SCRATCH + 64)).toBe(4);
    expect(machine.domain.totalPages).toBe(machine.pages);
  });

  it('says where the machine-to-physical table is, and gives the memory map that libxl sets', () => {
    const machine = new TestMachine().start();
    expect(machine.hypercall(12, 12, SCRATCH)).toBe(0);
    expect([0, 4, 8, 12, 16, 20].map((offset) => machine.peek32(SCRATCH + offset))).toEqual([
      0, 0xffff8000, 0, 0xffff8040, 0xffffffff, 7,
    ]);
    machine.poke(SCRATCH, 10, 0, (SCRATCH + 64) | 0, -1);
    expect(machine.hypercall(12, 9, SCRATCH)).toBe(0);
    expect(machine.peek32(SCRATCH)).toBe(1);
    expect([8, 16].map((offset) => machine.peek32(SCRATCH + 64 + offset))).toEqual([machine.pages * 4096, 1]);
    expect(machine.hypercall(12, 10, SCRATCH)).toBe(-1);
  });
});

describe('grant_table_op', () => {
  const STATUS_OFFSETS = { setup: 8, size: 12 };

  it('tells the frames of the table, which the guest can map', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, DOMID_SELF, 0, 0, 0);
    expect(machine.hypercall(20, 6, SCRATCH, 1)).toBe(0);
    expect([4, 8, STATUS_OFFSETS.size].map((offset) => machine.peek32(SCRATCH + offset))).toEqual([1, 64, 0]);
    machine.poke(SCRATCH, DOMID_SELF, 2, -1, 0, (SCRATCH + 64) | 0, -1);
    expect(machine.hypercall(20, 2, SCRATCH, 1)).toBe(0);
    expect(machine.peek32(SCRATCH + STATUS_OFFSETS.setup) & 0xffff).toBe(0);
    const frame = machine.peek32(SCRATCH + 64);
    expect(frame).toBe(machine.domain.grantTable.frames[0]);
    expect(machine.hypercall(14, va(100), frame * 4096 + P + RW, 0)).toBe(0);
    machine.poke(SCRATCH, DOMID_SELF, 65, 0, 0, (SCRATCH + 64) | 0, -1);
    machine.hypercall(20, 2, SCRATCH, 1);
    expect((machine.peek32(SCRATCH + STATUS_OFFSETS.setup) << 16) >> 16).toBe(-1);
    machine.poke(SCRATCH, 1);
    expect(machine.hypercall(20, 8, SCRATCH, 1)).toBe(0);
    machine.poke(SCRATCH, 3);
    expect(machine.hypercall(20, 8, SCRATCH, 1)).toBe(-22);
    // Also then the version that holds is told.
    expect(machine.peek32(SCRATCH)).toBe(1);
  });

  it('maps a grant of another domain, and lets go of it', () => {
    const machine = new TestMachine().start();
    const other = machine.newDomain('other');
    const shared = machine.mfn(20, other);
    machine.xen.seedGrant(other, 9 as never, machine.domain.domid, shared);
    machine.poke(SCRATCH, va(100) | 0, -1, 2, 9, other.domid, 0, 0, 0);
    expect(machine.hypercall(20, 0, SCRATCH, 1)).toBe(0);
    expect(machine.peek32(SCRATCH + 16) >>> 16).toBe(0);
    machine.poke(va(100), 0x1234);
    expect(machine.ram.read32(machine.machine(20, 0, other))).toBe(0x1234);
    expect(machine.xen.frames.describe(shared)).toMatchObject({ count: 4, typeCount: 3 });
    const entry = other.grantTable.frames[0] as number;
    expect(machine.ram.read32((entry * 4096 + 72) as never) & 0xffff).toBe(1 | 8 | 16);
    machine.poke(SCRATCH, va(100) | 0, -1, 0, 0, 0, 0);
    expect(machine.hypercall(20, 1, SCRATCH, 1)).toBe(0);
    expect(machine.peek32(SCRATCH + 20) & 0xffff).toBe(0);
    expect(machine.xen.frames.describe(shared)).toMatchObject({ count: 2, typeCount: 1 });
    expect(machine.ram.read32((entry * 4096 + 72) as never) & 0xffff).toBe(1);
    // Not granted, read-only, gone.
    machine.poke(SCRATCH, va(100) | 0, -1, 2, 10, other.domid, 0, 0, 0);
    machine.hypercall(20, 0, SCRATCH, 1);
    expect((machine.peek32(SCRATCH + 16) >> 16) | 0).toBe(-1);
    machine.poke(SCRATCH, va(100) | 0, -1, 0, 0, 7, 0);
    machine.hypercall(20, 1, SCRATCH, 1);
    expect((machine.peek32(SCRATCH + 20) << 16) >> 16).toBe(-4);
  });

  it('copies between a grant and an own frame', () => {
    const machine = new TestMachine().start();
    const other = machine.newDomain('other');
    machine.xen.seedGrant(other, 9 as never, machine.domain.domid, machine.mfn(20, other), true);
    machine.ram.write32(machine.machine(20, 16, other), 0xfeedf00d | 0);
    const source = [9, 0, other.domid | (16 << 16), 0];
    const dest = [machine.mfn(PFN_FREE), 0, DOMID_SELF | (32 << 16), 0];
    machine.poke(SCRATCH, ...source, ...dest, 4 | (1 << 16), 0);
    expect(machine.hypercall(20, 5, SCRATCH, 1)).toBe(0);
    expect(machine.peek32(SCRATCH + 36) & 0xffff).toBe(0);
    expect(machine.peek32(va(PFN_FREE, 32))).toBe(0xfeedf00d);
    // Backwards it is refused: the grant is read-only.
    machine.poke(SCRATCH, ...dest, ...source, 4 | (2 << 16), 0);
    machine.hypercall(20, 5, SCRATCH, 1);
    expect((machine.peek32(SCRATCH + 36) << 16) >> 16).toBe(-1);
  });

  it('the host uses grants that name domain 0', () => {
    const machine = new TestMachine().start();
    machine.xen.seedGrant(machine.domain, 1 as never, 0 as never, machine.mfn(PFN_FREE));
    expect(machine.xen.hostGrantFrame(machine.domain, 1 as never, true)).toBe(machine.mfn(PFN_FREE));
    expect(machine.xen.hostGrantFrame(machine.domain, 2 as never, true)).toMatchObject({ errno: 13 });
    machine.xen.hostGrantRelease(machine.domain, 1 as never, true);
    expect(machine.domain.grantTable.active.size).toBe(0);
  });
});

describe('old forms', () => {
  it('event_channel_op_compat and sched_op_compat', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, 6, DOMID_SELF, 0);
    expect(machine.hypercall(16, SCRATCH)).toBe(0);
    expect(machine.peek32(SCRATCH + 8)).toBe(1);
    machine.poke(SCRATCH, 11, 0, 0);
    expect(machine.hypercall(16, SCRATCH)).toBe(-38);
    // GNU Mach ends with shutdown reason 128 (real-guests.md).
    machine.hypercall(6, 2, 128);
    expect(machine.domain.shutdown?.code).toBe(128);
  });
});
