import { describe, expect, it } from 'vitest';
import type { MachineAddress, Mfn, VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  CS,
  DS,
  ES,
  EXIT_EXCEPTION,
  EXIT_INT,
  EXIT_SYSENTER,
  RAX,
  RCX,
  RSP,
  SS,
} from '../../../../emulator/x86/cpu/processor.ts';
import { findViolations } from '../common/invariants.ts';
import {
  CompatMachine,
  PFN_L1_32,
  PFN_L2_LOW,
  PFN_L2_XEN,
  PFN_L3_32,
  PFN_SCRATCH_32,
  PFN_STACK_32,
  va32,
} from './compat-machine.ts';
import { A, P, PFN_FREE, RW, U } from './test-machine.ts';

/** What differs for 32-bit guests on a 64-bit Xen (arch/x86/mm.c, pv/*.c, x86_64/compat/entry.S of 4.17). */

const DOMID_SELF = 0x7ff0;
const SCRATCH = va32(PFN_SCRATCH_32);
const HANDLER = 0xc0008000;
const [EPERM, EINVAL, ENOSYS] = [-1, -22, -38];

function mmuUpdate(machine: CompatMachine, pfn: number, slot: number, value: number, high = 0): number {
  const pointer = machine.machine(pfn, slot * 8);
  machine.poke(SCRATCH, pointer, 0, value, Math.floor(value / 2 ** 32) | high);
  return machine.hypercall(1, SCRATCH, 1, 0, DOMID_SELF);
}

function mmuext(machine: CompatMachine, command: number, arg1: number, arg2 = 0): number {
  machine.poke(SCRATCH, command, arg1, arg2);
  return machine.hypercall(26, SCRATCH, 1, 0, DOMID_SELF);
}

function setTraps(
  machine: CompatMachine,
  list: readonly (readonly [vector: number, flags: number, cs?: number])[],
): void {
  const words = list.flatMap(([vector, flags, cs = 0xe019]) => [
    vector | (flags << 8) | (cs << 16),
    HANDLER + vector * 16,
  ]);
  machine.poke(SCRATCH, ...words, 0, 0);
  expect(machine.hypercall(0, SCRATCH)).toBe(0);
}

function raise(machine: CompatMachine, vector: number, errorCode: number, cr2 = 0): void {
  machine.onVcpu(({ exit }) => {
    Object.assign(exit, { vector, errorCode, cr2Low: cr2 | 0, cr2High: 0 });
    return EXIT_EXCEPTION;
  });
}

function softwareInterrupt(machine: CompatMachine, vector: number): void {
  machine.onVcpu(({ exit }) => {
    Object.assign(exit, { vector, errorCode: -1, length: 2 });
    return EXIT_INT;
  });
}

/** Words at the guest's stack pointer. */
function frame(machine: CompatMachine, words: number): number[] {
  const esp = machine.processor.low(RSP) >>> 0;
  return Array.from({ length: words }, (_, index) => machine.peek32(esp + index * 4));
}

/** Leaves the kernel by the iret hypercall. */
function enterUser(machine: CompatMachine, cs = 0xe02b, ss = 0xe033): void {
  expect(machine.hypercall(3, 0xe021, va32(PFN_STACK_32, 2048))).toBe(0);
  const top = va32(PFN_STACK_32, 1024);
  machine.poke(top, 0x11, 0x400000, cs, 0x202, 0x7000, ss);
  machine.onVcpu((processor) => {
    processor.setRegister(RSP, top | 0, 0);
    processor.setRegister(RAX, 23, 0);
    Object.assign(processor.exit, { vector: 0x82, errorCode: -1, length: 2 });
    return EXIT_INT;
  });
}

function mask(machine: CompatMachine, value?: number): number {
  const at = (machine.vcpu.vcpuInfo + 1) as MachineAddress;
  if (value !== undefined) machine.ram.write8(at, value);
  return machine.ram.u8[machine.ram.offsetOf(at)] as number;
}

describe('L3 tables of 32-bit guests', () => {
  it('have four entries, which get U and RW; the last one leads to an L2 with the M2P for ring 1', () => {
    const machine = new CompatMachine().start();
    expect(machine.read64(PFN_L3_32, 0).low & 0xfff).toBe(P | U | RW);
    expect(machine.read64(PFN_L3_32, 3).low & 0xfff).toBe(P | U | RW);
    const info = (pfn: number) => machine.xen.frames.describe(machine.mfn(pfn));
    expect(info(PFN_L3_32)).toMatchObject({ type: 'l3_page_table', typeCount: 2, pinned: true });
    expect(info(PFN_L2_XEN)).toMatchObject({ type: 'l2_page_table', typeCount: 1 });
    // L1 entries stay as the guest wrote them: no U, no bit 52.
    expect(machine.read64(PFN_L1_32, PFN_FREE)).toEqual({ low: machine.entry(PFN_FREE, P | RW | A) | 0, high: 0 });
    // 32-bit entries at 0xF5800000, readable in ring 1, for nobody to write.
    const mfn = machine.mfn(PFN_FREE);
    const walk = machine.processor.walk((0xf5800000 + mfn * 4) as VirtualAddress);
    expect(walk).toMatchObject({ user: false, writable: false });
    expect(machine.peek32(0xf5800000 + mfn * 4)).toBe(PFN_FREE);
    expect(machine.peek32(0xf5800000 + 4)).toBe(0xffffffff);
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('are cleared behind the fourth entry', () => {
    const machine = new CompatMachine();
    const domain = machine.unstartedDomain('garbage');
    machine.write64(PFN_L3_32, 4, machine.entry(PFN_L1_32, P, domain), domain);
    machine.write64(PFN_L3_32, 511, 0x1234567, domain);
    expect(machine.start32(domain)).toBeUndefined();
    const at = machine.ram.offsetOf(machine.machine(PFN_L3_32, 32, domain)) >>> 2;
    expect(machine.ram.i32.subarray(at, at + 508 * 2).every((word) => word === 0)).toBe(true);
  });

  it.each([
    ['no fourth entry', 3, 0, 0, /there must be an L2 table for Xen's slots/],
    ['a forbidden bit', 0, P | 0x8, 0, /slot 0: L3 entry .* forbidden bits: PWT/],
    ['something above the frame number', 0, P, 1 << 31, /forbidden bits: bits 63:52/],
  ])('are refused with %s, and left as they were', (_name, slot, flags, high, reason) => {
    const machine = new CompatMachine();
    const domain = machine.unstartedDomain('bad');
    const value = flags === 0 ? 0 : machine.entry(slot === 3 ? PFN_L2_XEN : PFN_L2_LOW, flags, domain);
    machine.ram.write64(machine.machine(PFN_L3_32, slot * 8, domain), value, high);
    machine.write64(PFN_L3_32, 1, machine.entry(PFN_L2_LOW, P, domain), domain);
    expect(machine.start32(domain)).toMatch(reason);
    const low = machine.ram.read32(machine.machine(PFN_L3_32, 8, domain));
    expect(low & 0xfff).toBe(P);
    machine.xen.destroy(domain);
    expect(machine.frameCounts(domain.domid)).toEqual({ frames: 0, types: 0 });
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('may not share the L2 with Xen’s slots, nor use it elsewhere (pae_xen_mappings_check)', () => {
    const machine = new CompatMachine().start();
    const root = machine.entry(PFN_L2_XEN, P);
    // As an ordinary L2 of the same root.
    expect(mmuUpdate(machine, PFN_L3_32, 1, root)).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/in use as an L2 table with Xen's slots/);
    // As that of a second root.
    for (const slot of [0, 1, 2]) expect(mmuUpdate(machine, PFN_FREE, slot, 0)).toBe(0);
    expect(mmuUpdate(machine, PFN_FREE, 3, root)).toBe(0);
    expect(mmuUpdate(machine, PFN_L1_32, PFN_FREE, machine.entry(PFN_FREE, P | A))).toBe(0);
    expect(mmuext(machine, 2, machine.mfn(PFN_FREE))).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/is another L3 table's already/);
    expect(mmuext(machine, 1, machine.mfn(PFN_L2_XEN))).toBe(EINVAL);
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('take changes of the first three entries at once, never of the fourth or of Xen’s slots', () => {
    const machine = new CompatMachine().start();
    expect(mmuUpdate(machine, PFN_L3_32, 1, machine.entry(PFN_L2_LOW, P))).toBe(0);
    expect(machine.read64(PFN_L3_32, 1).low & 0xfff).toBe(P | U | RW);
    expect(mmuUpdate(machine, PFN_L2_LOW, 5, machine.entry(PFN_L1_32, P | RW))).toBe(0);
    // 0x40A00000 is slot 5 of the second gigabyte: the processor sees it without another CR3.
    expect(machine.peek32(0x40a00000 + PFN_SCRATCH_32 * 4096)).toBe(machine.peek32(SCRATCH));
    expect(mmuUpdate(machine, PFN_L3_32, 1, 0)).toBe(0);
    expect(machine.processor.readVirtual(0x40a00000 as VirtualAddress, 4)).toBeUndefined();
    expect(mmuUpdate(machine, PFN_L3_32, 3, machine.entry(PFN_L2_LOW, P))).toBe(EINVAL);
    expect(mmuUpdate(machine, PFN_L3_32, 7, 0)).toBe(EINVAL);
    expect(mmuUpdate(machine, PFN_L2_XEN, 427, 0)).toBe(0);
    expect(mmuUpdate(machine, PFN_L2_XEN, 428, 0)).toBe(EPERM);
    expect(mmuUpdate(machine, PFN_L2_LOW, 428, 0)).toBe(0);
    expect(findViolations(machine.xen)).toEqual([]);
  });

  it('lose what Xen added when they are no longer tables (unadjust_guest_l3e)', () => {
    const machine = new CompatMachine().start();
    for (const slot of [0, 1, 2]) mmuUpdate(machine, PFN_FREE, slot, 0);
    const second = machine.mfn(PFN_FREE + 1);
    mmuUpdate(machine, PFN_FREE + 1, 0, 0);
    mmuUpdate(machine, PFN_FREE, 0, machine.entry(PFN_L2_LOW, P | A));
    mmuUpdate(machine, PFN_FREE, 3, second * 4096 + P);
    for (const pfn of [PFN_FREE, PFN_FREE + 1]) mmuUpdate(machine, PFN_L1_32, pfn, machine.entry(pfn, P | A));
    const root = machine.mfn(PFN_FREE);
    expect(mmuext(machine, 2, root)).toBe(0);
    expect(machine.read64(PFN_FREE, 0).low & 0xfff).toBe(P | U | RW | A);
    expect(mmuext(machine, 4, root)).toBe(0);
    expect(machine.read64(PFN_FREE, 0).low & 0xfff).toBe(P);
    expect(findViolations(machine.xen)).toEqual([]);
  });
});

describe('roots of 32-bit guests', () => {
  it('are changed through the L4 that Xen keeps', () => {
    const machine = new CompatMachine().start();
    const l4 = machine.vcpu.compatL4 as Mfn;
    const first = () => machine.ram.read32((l4 * 4096) as MachineAddress) >>> 0;
    expect(first()).toBe(machine.entry(PFN_L3_32, P | RW | U | A));
    expect(machine.processor.root(0)).toBe(l4);
    expect(machine.processor.root(1)).toBe(l4);
    expect(mmuext(machine, 5, machine.mfn(PFN_L2_LOW))).toBe(EINVAL);
    expect(machine.vcpu.kernelRoot).toBe(machine.mfn(PFN_L3_32));
    expect(mmuext(machine, 5, machine.mfn(PFN_L3_32))).toBe(0);
    // No root for users; levels that there are not are pinned in word only.
    expect(mmuext(machine, 15, machine.mfn(PFN_L3_32))).toBe(EINVAL);
    expect(mmuext(machine, 3, machine.mfn(PFN_L3_32))).toBe(0);
    expect(machine.xen.frames.describe(machine.mfn(PFN_L3_32)).typeCount).toBe(2);
    machine.xen.destroy(machine.domain);
    expect(machine.xen.frames.owner(l4)).toBeUndefined();
  });

  it('update_va_mapping takes the entry in two words, set_timer_op its time', () => {
    const machine = new CompatMachine().start();
    const entry = machine.entry(PFN_FREE, P | A);
    expect(machine.hypercall(14, va32(PFN_FREE), entry | 0, 0x80000000 | 0, 2)).toBe(0);
    expect(machine.read64(PFN_L1_32, PFN_FREE)).toEqual({ low: entry | 0, high: 0x80000000 | 0 });
    expect(machine.processor.invalidated).toContain(va32(PFN_FREE));
    expect(machine.hypercall(15, 5, 2)).toBe(0);
    expect(machine.vcpu.singleshotTimer).toBe(2 * 2 ** 32 + 5);
  });

  it('a store to the upper half of an entry that then would be wrong takes its P away (ptwr)', () => {
    const machine = new CompatMachine().start();
    const at = va32(PFN_L1_32, PFN_FREE * 8);
    expect(machine.processor.store(at + 4, 4, 0x7)).toBe(true);
    const { low, high } = machine.read64(PFN_L1_32, PFN_FREE);
    expect([low & 0xfff, high]).toEqual([RW | A, 7]);
    expect(machine.processor.store(at, 4, machine.entry(PFN_FREE, P) | 0)).toBe(false);
    expect(machine.processor.store(at + 4, 4, 0)).toBe(true);
    expect(machine.processor.store(at, 4, machine.entry(PFN_FREE, P) | 0)).toBe(true);
    expect(findViolations(machine.xen)).toEqual([]);
  });
});

describe('entries into a 32-bit kernel (compat_create_bounce_frame)', () => {
  it('from ring 1: on its own stack; error code, EIP, CS with the mask in bits 23:16, EFLAGS', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [[13, 0]]);
    mask(machine, 1);
    machine.processor.rip = 0xc0005000 as VirtualAddress;
    machine.processor.rflags = 0x50102 | 0x200;
    machine.processor.setRegister(RSP, va32(PFN_STACK_32, 4000 + 6) | 0, 0);
    raise(machine, 13, 0x18);
    expect(machine.processor.low(RSP) >>> 0).toBe(va32(PFN_STACK_32, 4006 - 16));
    // No alignment; IF follows the mask; AC stays in EFLAGS, TF and RF go.
    expect(frame(machine, 4)).toEqual([0x18, 0xc0005000, 0x1e019, 0x50102]);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    expect([machine.processor.selector(CS), machine.processor.selector(SS)]).toEqual([0xe019, 0xe021]);
    expect(machine.processor.rflags & 0x50100).toBe(0x40000);
  });

  it('from ring 3: on the kernel’s stack, with ESP and SS; the iret hypercall goes back', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [[14, 4]]);
    enterUser(machine);
    expect([machine.processor.rip, machine.processor.low(RAX), machine.processor.low(RSP)]).toEqual([
      0x400000, 0x11, 0x7000,
    ]);
    expect([machine.processor.selector(CS), machine.processor.selector(SS)]).toEqual([0xe02b, 0xe033]);
    // IRET to an outer ring: the kernel's data segments become null.
    expect([machine.processor.selector(DS), machine.processor.selector(ES)]).toEqual([0, 0]);
    expect([machine.vcpu.kernelMode, machine.processor.view, mask(machine)]).toEqual([false, 1, 0]);
    raise(machine, 14, 7, 0xdeadb000);
    expect([machine.vcpu.kernelMode, machine.processor.view, mask(machine)]).toEqual([true, 0, 1]);
    expect(machine.processor.low(RSP) >>> 0).toBe(va32(PFN_STACK_32, 2048 - 24));
    expect(frame(machine, 6)).toEqual([7, 0x400000, 0xe02b, 0x202, 0x7000, 0xe033]);
    // CR2 is one word; the rest of vcpu_info.arch is the guest's.
    expect(machine.ram.read32((machine.vcpu.vcpuInfo + 8) as MachineAddress) >>> 0).toBe(0xdeadb000);
    raise(machine, 14, 7, 0x1000);
    expect(frame(machine, 1)).toEqual([3]);
  });

  it('iret to ring 1 leaves SS and takes 16 bytes; to ring 0 it crashes', () => {
    const machine = new CompatMachine().start();
    const top = va32(PFN_STACK_32, 1024);
    const iret = (cs: number): void => {
      machine.poke(top, 7, 0xc0001234, cs, 0x2);
      machine.onVcpu((processor) => {
        processor.setRegister(RSP, top | 0, 0);
        processor.setRegister(RAX, 23, 0);
        Object.assign(processor.exit, { vector: 0x82, errorCode: -1, length: 2 });
        return EXIT_INT;
      });
    };
    iret(0xe019);
    expect([machine.processor.rip, machine.processor.low(RSP) >>> 0]).toEqual([0xc0001234, top + 16]);
    expect([machine.processor.selector(SS), mask(machine)]).toEqual([0xe021, 1]);
    iret(0xe018);
    expect(machine.domain.shutdown).toMatchObject({ kind: 'crash', reason: 'iret to ring 0' });
  });

  it('a selector that cannot be loaded is the guest’s #GP, where it wanted to go', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [[13, 0]]);
    enterUser(machine, 0xe02b, 0xe021);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    expect(frame(machine, 6)).toEqual([0xe020, 0x400000, 0xe02b, 0x202, 0x7000, 0xe021]);
  });

  it('the handler’s selector gets the kernel’s RPL; a null one is no handler', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [
      [3, 3, 0xe018],
      [6, 0, 1],
    ]);
    expect(machine.vcpu.traps[3]).toMatchObject({ cs: 0xe019, dpl: 3 });
    raise(machine, 6, -1);
    expect(machine.domain.shutdown?.reason).toMatch(/#UD at .*: the guest has no handler for it/);
  });

  it('int n by DPL and ring; int 0x82 is a hypercall in ring 1 only, int 0x80 needs but a handler', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [
      [13, 0],
      [0x80, 0],
      [0x90, 3],
      [0x91, 1],
    ]);
    enterUser(machine);
    machine.processor.rip = 0x400000 as VirtualAddress;
    softwareInterrupt(machine, 0x90);
    expect(machine.processor.rip).toBe(HANDLER + 0x90 * 16);
    // The frame of software has no error code, and EIP behind the instruction.
    expect(frame(machine, 2)).toEqual([0x400002, 0xe02b]);
    for (const [vector, rip, first] of [
      [0x91, HANDLER + 13 * 16, (0x91 << 3) | 2],
      [0x82, HANDLER + 13 * 16, (0x82 << 3) | 2],
      [0x80, HANDLER + 0x80 * 16, 0x400002],
    ] as const) {
      enterUser(machine);
      softwareInterrupt(machine, vector);
      expect(machine.processor.rip).toBe(rip);
      expect(frame(machine, 1)).toEqual([first]);
    }
    // Ring 1 may use DPL 1.
    softwareInterrupt(machine, 0x91);
    expect(machine.processor.rip).toBe(HANDLER + 0x91 * 16);
  });

  it('events enter at the selector and offset of set_callbacks', () => {
    const machine = new CompatMachine().start();
    expect(machine.hypercall(4, 0xe018, 0xc0009000, 0xe019, 0xc0009100)).toBe(0);
    expect(machine.vcpu.eventCallback).toMatchObject({ cs: 0xe019, address: 0xc0009000 });
    expect(machine.vcpu.failsafeCallback).toMatchObject({ cs: 0xe019, address: 0xc0009100 });
    machine.ram.write8(machine.vcpu.vcpuInfo as MachineAddress, 1);
    mask(machine, 0);
    machine.processor.rflags = 2;
    machine.xen.run(1);
    expect(machine.processor.rip).toBe(0xc0009000);
    expect(mask(machine)).toBe(1);
    expect(frame(machine, 3)[2]).toBe(0x202);
  });

  it('sysenter enters at its callback, with nothing known of where from', () => {
    const machine = new CompatMachine().start();
    machine.poke(SCRATCH, 5 | (1 << 16), 0xe019, 0xc000a000);
    expect(machine.hypercall(30, 0, SCRATCH)).toBe(0);
    // The callback of 64-bit syscall does not exist here.
    machine.poke(SCRATCH, 2, 0xe019, 0xc000a000);
    expect(machine.hypercall(30, 0, SCRATCH)).toBe(ENOSYS);
    enterUser(machine);
    machine.onVcpu(() => EXIT_SYSENTER);
    expect(machine.processor.rip).toBe(0xc000a000);
    expect(frame(machine, 5)).toEqual([0, 3, 0x202, 0, 0xe033]);
    expect(mask(machine)).toBe(1);
  });

  it('a data selector that is gone when the vCPU is switched to: failsafe callback in Xen’s flat segments', () => {
    const machine = new CompatMachine().start();
    machine.hypercall(4, 0xe019, 0xc0009000, 0xe019, 0xc0009100);
    machine.processor.setRegister(RSP, va32(PFN_STACK_32, 512) | 0, 0);
    machine.processor.rip = 0xc0001000 as VirtualAddress;
    // A selector into a GDT that there is not.
    machine.processor.forceSegment(DS, 0x0b);
    const other = machine.newDomain('other');
    machine.hypercall(29, 0, 0);
    machine.xen.run(1);
    expect(machine.xen.current?.domain).toBe(other);
    machine.xen.pause(other);
    machine.xen.run(1);
    expect(machine.xen.current?.domain).toBe(machine.domain);
    expect(machine.processor.rip).toBe(0xc0009100);
    expect(frame(machine, 7)).toEqual([0x0b, 0xe021, 0xe021, 0xe021, 0xc0001002, 0x1e019, 2]);
  });
});

describe('VCPUOP_initialise of 32-bit guests', () => {
  const context = (machine: CompatMachine, root: number): void => {
    const at = va32(PFN_FREE);
    const word = (offset: number, value: number): void => machine.poke(at + offset, value);
    for (let offset = 0; offset < 2800; offset += 4) word(offset, 0);
    word(512, 4); // VGCF_in_kernel
    word(516 + 24, 0xabc); // eax
    word(516 + 32, 0xc0007000); // eip
    word(516 + 36, 0xe018); // cs, for Xen to fix
    word(516 + 40, 0x3200 | 0x40000); // IF, IOPL 3, AC
    word(516 + 44, va32(PFN_STACK_32, 3000)); // esp
    for (const offset of [48, 52, 56, 60, 64]) word(516 + offset, 0xe021);
    word(584 + 13 * 8, 13 | (4 << 8) | (0xe018 << 16)); // trap 13
    word(584 + 13 * 8 + 4, HANDLER);
    word(2708, 0xe020); // kernel_ss
    word(2712, va32(PFN_STACK_32, 2000)); // kernel_sp
    word(2716 + 3 * 4, ((root << 12) | (root >>> 20)) >>> 0); // cr3, folded
    word(2780, 0xe019);
    word(2784, 0xc0009000);
    word(2788, 0xe019);
    word(2792, 0xc0009100);
  };

  it('gives a second vCPU its registers, tables and handlers', () => {
    const machine = new CompatMachine(64, 2).start();
    const second = machine.domain.vcpus[1] as (typeof machine.domain.vcpus)[number];
    context(machine, machine.mfn(PFN_L2_LOW));
    expect(machine.hypercall(24, 0, 1, va32(PFN_FREE))).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/CR3 of the new vCPU/);
    context(machine, machine.mfn(PFN_L3_32));
    expect(machine.hypercall(24, 0, 1, va32(PFN_FREE))).toBe(0);
    expect(second.traps[13]).toEqual({ address: HANDLER, cs: 0xe019, dpl: 0, maskEvents: true });
    expect([second.kernelSs, second.kernelSp]).toEqual([0xe021, va32(PFN_STACK_32, 2000)]);
    expect(second.eventCallback).toMatchObject({ cs: 0xe019, address: 0xc0009000 });
    expect([second.iopl, second.registers.rflags]).toEqual([0x3000, 0x40202]);
    // No I387_VALID: a reset FPU, not the zeros of the context.
    expect([second.registers.fpu[0], second.registers.fpu[1]]).toEqual([0x7f, 3]);
    expect(second.compatL4).not.toBe(machine.vcpu.compatL4);
    expect(machine.hypercall(24, 1, 1, 0)).toBe(0);
    machine.hypercall(29, 0, 0);
    machine.xen.run(1);
    expect(machine.xen.current).toBe(second);
    expect([machine.processor.rip, machine.processor.low(RAX), machine.processor.selector(CS)]).toEqual([
      0xc0007000, 0xabc, 0xe019,
    ]);
    expect(machine.processor.root(0)).toBe(second.compatL4);
    expect(findViolations(machine.xen)).toEqual([]);
  });
});

describe('privileged instructions', () => {
  it('CLI and STI follow the guest’s IOPL, in ring 3 too; INVD is nobody’s (validate of pv/emul-priv-op.c)', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [[13, 0]]);
    const code = SCRATCH + 0x800;
    machine.poke(code, 0x080ffbfa);
    const at = (offset: number): number => {
      machine.processor.rip = (code + offset) as VirtualAddress;
      raise(machine, 13, 0);
      return machine.processor.rip - code;
    };
    const fault = HANDLER + 13 * 16 - code;
    expect([at(0), at(2)]).toEqual([fault, fault]);
    machine.vcpu.iopl = 1 << 12;
    expect([at(0), at(1)]).toEqual([1, 2]);
    enterUser(machine);
    expect(at(0)).toBe(fault);
    machine.vcpu.iopl = 3 << 12;
    enterUser(machine);
    expect([at(0), at(1)]).toEqual([1, 2]);
  });

  it('breakpoints on ports need CR4.DE, are Xen’s to find, and trap behind the instruction (set_debugreg)', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [
      [1, 0],
      [13, 0],
    ]);
    const onPort70 = (2 << 16) | 2 | 0x200;
    expect(machine.hypercall(8, 7, onPort70)).toBe(EPERM);
    machine.vcpu.cr4 = 8;
    expect(machine.hypercall(8, 0, 0x70)).toBe(0);
    expect(machine.hypercall(8, 7, onPort70)).toBe(0);
    expect(machine.hypercall(9, 7)).toBe(onPort70 | 0x400);
    expect(machine.processor.debugRegister(7)).toBe((2 << 16) | 0x600);
    machine.vcpu.iopl = 3 << 12;
    const code = SCRATCH + 0x800;
    machine.poke(code, 0x71e470e4); // in al, 0x70; in al, 0x71
    machine.processor.rip = (code + 2) as VirtualAddress;
    raise(machine, 13, 0);
    expect(machine.processor.rip).toBe(code + 4);
    machine.processor.rip = code as VirtualAddress;
    raise(machine, 13, 0);
    expect(machine.processor.rip).toBe(HANDLER + 16);
    expect(frame(machine, 1)).toEqual([code + 2]);
    expect(machine.hypercall(9, 6)).toBe(0xffff0ff1 | 0);
  });

  it('MSRs of segment bases are not there, EFER shows NXE alone, CPUID neither LM nor what needs it', () => {
    const machine = new CompatMachine().start();
    setTraps(machine, [[13, 0]]);
    const code = SCRATCH + 0x800;
    machine.poke(code, 0x320f);
    const read = (msr: number): number => {
      machine.processor.rip = code as VirtualAddress;
      machine.processor.setRegister(RCX, msr, 0);
      raise(machine, 13, 0);
      return machine.processor.rip === code + 2 ? machine.processor.low(RAX) : Number.NaN;
    };
    expect(read(0xc0000080)).toBe(0x800);
    expect(read(0xc0000100)).toBeNaN();
    const out = new Uint32Array(4);
    machine.processor.hooks.cpuid(0x80000001, 0, out);
    expect([out[2], (out[3] as number) & ((1 << 29) | (1 << 11))]).toEqual([0, 0]);
    machine.processor.hooks.cpuid(1, 0, out);
    expect((out[2] as number) & (1 << 13)).toBe(0);
  });
});

describe('multicall of 32-bit guests', () => {
  it('has entries of 32 bytes whose 64-bit arguments are two words, and ends the results in one', () => {
    const machine = new CompatMachine().start();
    const entry = machine.entry(PFN_FREE, P | A);
    const calls = [
      [14, 0, va32(PFN_FREE), entry, 0x80000000, 0, 0, 0],
      [10, 0, machine.machine(PFN_FREE + 1, 8), 0, 0xffff, 0x00cf9b00, 0, 0],
      [14, 0, va32(PFN_FREE), entry | 8, 0, 0, 0, 0],
      [3, 0, 0xe020, 0xc0001000, 0, 0, 0, 0],
      [25, 0, 0, 0, 0, 0, 0, 0],
    ];
    machine.poke(SCRATCH, ...calls.flat());
    expect(machine.hypercall(13, SCRATCH, calls.length)).toBe(0);
    const results = calls.map((_, index) => machine.peek32(SCRATCH + index * 32 + 4) | 0);
    expect(results).toEqual([0, 0, EINVAL, 0, ENOSYS]);
    // What follows a result is the next word of the entry, untouched.
    expect(machine.peek32(SCRATCH + 2 * 32 + 8)).toBe(va32(PFN_FREE));
    expect(machine.read64(PFN_L1_32, PFN_FREE).high).toBe(0x80000000 | 0);
    expect(machine.read64(PFN_FREE + 1, 1)).toEqual({ low: 0xffff, high: 0x00cfbb00 });
    expect([machine.vcpu.kernelSs, machine.vcpu.kernelSp]).toEqual([0xe021, 0xc0001000]);
  });
});

describe('descriptors of 32-bit guests (check_descriptor)', () => {
  const store = (machine: CompatMachine, low: number, high: number): number =>
    machine.hypercall(10, machine.machine(PFN_FREE, 8) | 0, 0, low, high);

  it('get DPL 1 at least, no 64-bit code, and 4 GiB where they end in Xen’s area', () => {
    const machine = new CompatMachine().start();
    expect(store(machine, 0x0000ffff, 0x00cf9b00)).toBe(0);
    expect(machine.read64(PFN_FREE, 1)).toEqual({ low: 0x0000ffff, high: 0x00cfbb00 });
    expect(store(machine, 0x0000ffff, 0x00cffb00)).toBe(0);
    expect(machine.read64(PFN_FREE, 1).high).toBe(0x00cffb00);
    expect(store(machine, 0x00000000, 0x00af9b00)).toBe(EINVAL);
    // Limit 0xF67FF: Linux's segments for a smaller table.
    expect(store(machine, 0x000067ff, 0x00cf9300)).toBe(0);
    expect(machine.read64(PFN_FREE, 1)).toEqual({ low: 0x0000ffff, high: 0x00cfb300 });
    expect(store(machine, 0x00005800 - 1, 0x00cf9300)).toBe(0);
    expect(machine.read64(PFN_FREE, 1)).toEqual({ low: 0x000057ff, high: 0x00cfb300 });
  });

  it('call gates may have parameters, and lead to Xen’s ring 1 code at most', () => {
    const machine = new CompatMachine().start();
    expect(store(machine, (0xe019 << 16) | 0x1000, 0x0000ec03)).toBe(0);
    expect(machine.read64(PFN_FREE, 1)).toEqual({ low: (0xe01b << 16) | 0x1000 | 0, high: 0x00008c03 });
    expect(store(machine, (0xe02b << 16) | 0x1000, 0x0000ec00)).toBe(EINVAL);
    expect(store(machine, (0x0009 << 16) | 0x1000, 0x0000ec20)).toBe(EINVAL);
  });
});
