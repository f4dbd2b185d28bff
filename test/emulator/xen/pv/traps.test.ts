import { describe, expect, it } from 'vitest';
import type { MachineAddress, VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  CS,
  EXIT_EXCEPTION,
  EXIT_INT,
  EXIT_SYSCALL,
  R11,
  RAX,
  RBX,
  RCX,
  RDX,
  RSP,
  SS,
} from '../../../../emulator/x86/cpu/processor.ts';
import { A, P, PFN_FREE, PFN_L4, PFN_SCRATCH, PFN_STACK, RW, TestMachine, va } from './test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);
const HANDLER = 0x1000;
const IF = 0x200;
const SHARED_MASK = 1;

/** Registers a handler for each vector at HANDLER + vector * 16; flags are DPL, bit 2 masks events. */
function setTraps(machine: TestMachine, entries: readonly (readonly [vector: number, flags: number])[]): void {
  entries.forEach(([vector, flags], index) => {
    machine.poke(SCRATCH + index * 16, vector | (flags << 8) | (0x33 << 16), 0, HANDLER + vector * 16, 0);
  });
  machine.poke(SCRATCH + entries.length * 16, 0, 0, 0, 0);
  expect(machine.hypercall(0, SCRATCH)).toBe(0);
}

function raise(machine: TestMachine, vector: number, errorCode: number, cr2 = 0): ReturnType<TestMachine['onVcpu']> {
  return machine.onVcpu((processor) => {
    processor.exit.vector = vector;
    processor.exit.errorCode = errorCode;
    processor.exit.cr2Low = cr2;
    processor.exit.cr2High = 0;
    return EXIT_EXCEPTION;
  });
}

/** Words of the frame at the guest's stack pointer. */
function frame(machine: TestMachine, words: number): number[] {
  const rsp = machine.processor.address(RSP);
  return Array.from({ length: words }, (_, index) => machine.peek32(rsp + index * 8));
}

function upcallMask(machine: TestMachine): number {
  return machine.ram.u8[machine.ram.offsetOf((machine.vcpu.vcpuInfo + SHARED_MASK) as MachineAddress)] as number;
}

function setUpcall(machine: TestMachine, pending: number, mask: number): void {
  machine.ram.write8(machine.vcpu.vcpuInfo as MachineAddress, pending);
  machine.ram.write8((machine.vcpu.vcpuInfo + SHARED_MASK) as MachineAddress, mask);
}

/** Gives the vCPU a user root and leaves the kernel by iret. */
function enterUser(machine: TestMachine, rip: number, cs = 0xe033): void {
  machine.poke(SCRATCH, 15, 0, machine.mfn(PFN_L4), 0, 0, 0);
  expect(machine.hypercall(26, SCRATCH, 1, 0, 0x7ff0)).toBe(0);
  expect(machine.hypercall(3, 0xe02b, va(PFN_STACK, 2048))).toBe(0);
  const top = va(PFN_STACK, 1024);
  const words = [0x11, 0x22, 0x33, 0, rip, cs, IF, 0x7000, 0xe02b];
  words.forEach((word, index) => {
    machine.poke(top + index * 8, word, 0);
  });
  machine.onVcpu((processor) => {
    processor.setAddress(RSP, top);
    processor.setAddress(RAX, 23);
    return EXIT_SYSCALL;
  });
}

describe('bounce frames (sheet §4)', () => {
  it('from the kernel: on its own stack, RPL 0, saved mask in bits 32–39 of CS', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[13, 0]]);
    setUpcall(machine, 0, 1);
    machine.processor.rip = 0x5000 as VirtualAddress;
    machine.processor.rflags = 0x10102 | IF;
    machine.processor.setAddress(RSP, va(PFN_STACK, 4000 + 8));
    machine.processor.setAddress(RCX, 0xcc);
    machine.processor.setAddress(R11, 0xbb);
    raise(machine, 13, 0x18);
    const aligned = va(PFN_STACK, 4000);
    expect(machine.processor.address(RSP)).toBe(aligned - 8 * 8);
    // RCX, R11, error code, RIP, CS, RFLAGS (IF follows the mask), RSP, SS
    expect(frame(machine, 8)).toEqual([0xcc, 0xbb, 0x18, 0x5000, 0xe030, 0x10102, va(PFN_STACK, 4008) >>> 0, 0xe02b]);
    expect(machine.peek32(machine.processor.address(RSP) + 4 * 8 + 4)).toBe(1);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    expect(machine.processor.selector(CS)).toBe(0xe033);
    expect(machine.processor.selector(SS)).toBe(0xe02b);
    // TF and RF are cleared.
    expect(machine.processor.rflags & 0x10100).toBe(0);
    expect(upcallMask(machine)).toBe(1);
  });

  it('masks events only when the table says so, and shows IF when they were open', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [
      [3, 7],
      [6, 0],
    ]);
    setUpcall(machine, 0, 0);
    machine.processor.rflags = 2;
    raise(machine, 6, -1);
    expect(frame(machine, 7)[4]).toBe(2 | IF);
    expect(upcallMask(machine)).toBe(0);
    raise(machine, 3, -1);
    expect(upcallMask(machine)).toBe(1);
    expect(frame(machine, 7)[3]).toBe(0xe030);
  });

  it('from user mode: on the kernel stack, RPL 3, other root and GS', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[14, 4]]);
    machine.hypercall(25, 2, 0x2222000);
    machine.hypercall(25, 1, 0x1111000);
    enterUser(machine, 0x400000);
    expect(machine.vcpu.kernelMode).toBe(false);
    expect(machine.processor.view).toBe(1);
    expect(machine.processor.segmentBaseLow(5)).toBe(0x1111000);
    expect(machine.processor.rip).toBe(0x400000);
    expect([RAX, RCX, R11].map((register) => machine.processor.low(register))).toEqual([0x11, 0x33, 0x22]);
    expect(upcallMask(machine)).toBe(0);
    raise(machine, 14, 6, 0xdeadb000);
    expect(machine.vcpu.kernelMode).toBe(true);
    expect(machine.processor.view).toBe(0);
    expect(machine.processor.segmentBaseLow(5)).toBe(0x2222000);
    expect(machine.processor.address(RSP)).toBe(va(PFN_STACK, 2048 - 64));
    expect(frame(machine, 8)).toEqual([0x33, 0x22, 6, 0x400000, 0xe033, 2 | IF, 0x7000, 0xe02b]);
    // CR2 is in vcpu_info; from the kernel the error code would not have the user bit.
    expect(machine.ram.read32((machine.vcpu.vcpuInfo + 16) as MachineAddress)).toBe(0xdeadb000);
    raise(machine, 14, 6, 0x1000);
    expect(frame(machine, 8)[2]).toBe(2);
  });

  it('a code selector that Xen cannot IRET to is the guest’s #GP, where it wanted to return (x86_64/entry.S, .Lft0)', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[13, 0]]);
    machine.hypercall(4, 0x9000, 0x9100, 0x9200);
    enterUser(machine, 0x400000, 3);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    // RCX, R11, error code, RIP, CS, RFLAGS, RSP, SS
    expect(frame(machine, 8)).toEqual([0x33, 0x22, 0, 0x400000, 3, 2 | IF, 0x7000, 0xe02b]);
    expect(machine.processor.address(RSP)).toBe(va(PFN_STACK, 2048 - 64));
  });

  it('crashes without a handler, with an unmapped stack, with a stack in Xen’s area', () => {
    const reasons = [
      (machine: TestMachine) => raise(machine, 0, -1),
      (machine: TestMachine) => {
        setTraps(machine, [[0, 0]]);
        machine.processor.setAddress(RSP, 0x123000);
        return raise(machine, 0, -1);
      },
      (machine: TestMachine) => {
        setTraps(machine, [[0, 0]]);
        machine.processor.setAddress(RSP, -0x800000000000 + 0x2000);
        return raise(machine, 0, -1);
      },
    ].map((act) => {
      const machine = new TestMachine().start();
      const result = act(machine);
      expect(result.kind === 'ended' && result.domain === machine.domain).toBe(true);
      expect(machine.domain.state).toBe('crashed');
      expect(machine.xen.run(10)).toEqual({ kind: 'idle', deadline: undefined });
      expect(machine.domain.shutdown).toMatchObject({ code: 3, kind: 'crash', vcpu: 0 });
      return machine.domain.shutdown?.reason;
    });
    expect(reasons[0]).toMatch(/^#DE at .*: the guest has no handler for it$/);
    expect(reasons[1]).toMatch(/no frame could be pushed on the guest kernel's stack at 0x122fc8/);
    expect(reasons[2]).toMatch(/in Xen's own area/);
  });
});

describe('system calls and software interrupts', () => {
  it('syscall from user mode goes to the callback, and to #UD without one', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[6, 0]]);
    enterUser(machine, 0x400000);
    machine.onVcpu((processor) => {
      processor.rflags = 2 | IF | 0x400;
      return EXIT_SYSCALL;
    });
    expect(machine.processor.rip).toBe(HANDLER + 6 * 16);
    expect(frame(machine, 7)[2]).toBe(0x400000);
    machine.hypercall(4, 0x9000, 0x9100, 0x9200);
    enterUser(machine, 0x400000);
    machine.onVcpu((processor) => {
      processor.rflags = 2 | IF | 0x400;
      return EXIT_SYSCALL;
    });
    expect(machine.processor.rip).toBe(0x9200);
    // RCX = next RIP, R11 = RFLAGS, then RIP, CS, RFLAGS with the user's DF, RSP, SS; the kernel runs with DF clear.
    expect(frame(machine, 7)).toEqual([0x400002, 2 | IF | 0x400, 0x400002, 0xe033, 2 | IF | 0x400, 0x7000, 0xe02b]);
    expect(machine.processor.rflags & 0x400).toBe(0);
  });

  it('int n obeys the DPL of the trap table', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [
      [0x80, 3],
      [0x81, 0],
      [13, 0],
    ]);
    const interrupt = (vector: number): void => {
      machine.onVcpu((processor) => {
        processor.exit.vector = vector;
        processor.exit.length = 2;
        return EXIT_INT;
      });
    };
    machine.processor.rip = 0x5000 as VirtualAddress;
    interrupt(0x80);
    expect(machine.processor.rip).toBe(HANDLER + 0x80 * 16);
    expect(frame(machine, 7)[2]).toBe(0x5002);
    machine.processor.rip = 0x5000 as VirtualAddress;
    interrupt(0x81);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    expect(frame(machine, 8).slice(2, 4)).toEqual([(0x81 << 3) | 2, 0x5000]);
  });

  it('iret to user mode without a user root crashes the domain', () => {
    const machine = new TestMachine().start();
    const top = va(PFN_STACK, 1024);
    [0, 0, 0, 0, 0x400000, 0xe033, IF, 0, 0xe02b].forEach((word, index) => {
      machine.poke(top + index * 8, word, 0);
    });
    machine.onVcpu((processor) => {
      processor.setAddress(RSP, top);
      processor.setAddress(RAX, 23);
      return EXIT_SYSCALL;
    });
    expect(machine.domain.shutdown?.reason).toMatch(/without a user page-table root/);
  });
});

describe('events', () => {
  it('are delivered on the way back into the guest, masked during the upcall', () => {
    const machine = new TestMachine().start();
    machine.hypercall(4, 0x9000, 0x9100, 0x9200);
    const port = machine.xen.allocateUnbound(machine.domain, 0 as never) as never;
    machine.xen.bindHostPort(machine.domain, port, () => {});
    machine.processor.rip = 0x5000 as VirtualAddress;
    setUpcall(machine, 0, 1);
    machine.xen.notifyGuest(machine.domain, port);
    machine.xen.run(5);
    expect(machine.processor.rip).toBe(0x5000);
    // The guest unmasks in memory: Xen notices when it is next entered.
    setUpcall(machine, 1, 0);
    machine.hypercall(17, 0, 0);
    machine.xen.run(5);
    expect(machine.processor.rip).toBe(0x9000);
    expect(frame(machine, 7).slice(2, 4)).toEqual([0x5002, 0xe030]);
    expect(upcallMask(machine)).toBe(1);
  });
});

describe('emulated instructions', () => {
  function execute(machine: TestMachine, ...bytes: number[]): void {
    const code = va(PFN_FREE);
    const machineAddress = machine.machine(PFN_FREE);
    machine.ram.writeBytes(machineAddress, Uint8Array.from(bytes));
    machine.processor.rip = code;
    const vector = bytes[0] === 0x0f && bytes[1] === 0x0b ? 6 : 13;
    raise(machine, vector, vector === 6 ? -1 : 0);
  }
  const advanced = (machine: TestMachine): number => machine.processor.rip - va(PFN_FREE);

  it('CPUID with the forced prefix', () => {
    const machine = new TestMachine().start();
    machine.processor.setAddress(RAX, 0x40000000);
    execute(machine, 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    expect(advanced(machine)).toBe(7);
    const text = [RBX, RCX, RDX].map((register) => machine.processor.low(register) >>> 0);
    expect(text).toEqual([0x566e6558, 0x65584d4d, 0x4d4d566e]);
    machine.processor.setAddress(RAX, 0x40000001);
    execute(machine, 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    expect(machine.processor.low(RAX)).toBe((4 << 16) | 17);
  });

  it('control registers, MSRs and the TS bit', () => {
    const machine = new TestMachine().start();
    execute(machine, 0x0f, 0x20, 0xd8);
    expect(advanced(machine)).toBe(3);
    // CR3 shows the root's machine frame, as get_page_from_gfn takes it back (XTF sets its user root from it).
    expect(machine.processor.low(RAX) >>> 0).toBe((machine.mfn(PFN_L4) << 12) >>> 0);
    execute(machine, 0x0f, 0x22, 0xd8);
    expect(advanced(machine)).toBe(3);
    expect(machine.vcpu.kernelRoot).toBe(machine.mfn(PFN_L4));
    machine.processor.setAddress(RAX, PFN_L4 << 12);
    setTraps(machine, [[13, 0]]);
    execute(machine, 0x0f, 0x22, 0xd8);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    machine.processor.taskSwitched = true;
    execute(machine, 0x0f, 0x06);
    expect(machine.processor.taskSwitched).toBe(false);
    machine.processor.setAddress(RCX, 0x277);
    execute(machine, 0x0f, 0x32);
    expect([machine.processor.low(RAX), machine.processor.low(RDX)]).toEqual([0x00070406, 0x00000501]);
    machine.processor.setAddress(RCX, 0x1b);
    execute(machine, 0x0f, 0x32);
    expect(machine.processor.low(RAX) >>> 0).toBe(0xfee00900);
    machine.processor.setAddress(RCX, 0xc0000100);
    machine.processor.setAddress(RAX, 0x1234);
    machine.processor.setAddress(RDX, 0);
    execute(machine, 0x0f, 0x30);
    expect(machine.processor.segmentBaseLow(4)).toBe(0x1234);
  });

  it('I/O needs the privilege level, and finds nothing', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[13, 0]]);
    machine.processor.setAddress(RDX, 0x64);
    execute(machine, 0xec);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    machine.poke(SCRATCH, 1);
    expect(machine.hypercall(33, 6, SCRATCH)).toBe(0);
    machine.processor.setAddress(RAX, 0x1200);
    machine.processor.setAddress(RDX, 0x64);
    execute(machine, 0xec);
    expect(advanced(machine)).toBe(1);
    expect(machine.processor.low(RAX)).toBe(0x12ff);
    execute(machine, 0xfa);
    expect(advanced(machine)).toBe(1);
  });

  it('leaves HLT and unknown MSRs to the guest', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[13, 0]]);
    execute(machine, 0xf4);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    machine.processor.setAddress(RCX, 0x999);
    execute(machine, 0x0f, 0x32);
    expect(machine.processor.rip).toBe(HANDLER + 13 * 16);
    expect(machine.notices.at(-1)).toMatch(/RDMSR refused .*0x999/);
  });

  it('clears TS when it delivers #NM', () => {
    const machine = new TestMachine().start();
    setTraps(machine, [[7, 0]]);
    expect(machine.hypercall(5, 1)).toBe(0);
    expect(machine.processor.taskSwitched).toBe(true);
    raise(machine, 7, -1);
    expect(machine.processor.taskSwitched).toBe(false);
  });
});

describe('descriptor tables', () => {
  it('validates pages, forces DPL 3, refuses gates to Xen', () => {
    const machine = new TestMachine().start();
    const gdt = machine.mfn(PFN_FREE);
    machine.write64(PFN_FREE, 2, 0);
    machine.ram.write64(machine.machine(PFN_FREE, 16), 0x0000ffff, 0x00af9b00);
    machine.poke(SCRATCH, gdt, 0);
    expect(machine.hypercall(2, SCRATCH, 32)).toBe(-22);
    expect(machine.lastReason()).toMatch(/writable_page/);
    expect(machine.hypercall(14, va(PFN_FREE), machine.entry(PFN_FREE, P | A), 1)).toBe(0);
    machine.poke(SCRATCH, gdt, 0);
    expect(machine.hypercall(2, SCRATCH, 7169)).toBe(-22);
    expect(machine.hypercall(2, SCRATCH, 32)).toBe(0);
    expect(machine.read64(PFN_FREE, 2).high).toBe(0x00affb00);
    expect(machine.processor.loadSegment(3, 0x13)).toBe(-1);
    expect(machine.processor.loadSegment(3, 0x1b)).not.toBe(-1);
    expect(machine.processor.loadSegment(3, 0xe02b)).toBe(-1);
    // update_descriptor: a data segment is fine, an interrupt gate is not, an address between entries is not.
    const address = machine.machine(PFN_FREE, 24);
    const descriptor = (low: number, high: number): number => high * 2 ** 32 + low;
    expect(machine.hypercall(10, address, descriptor(0xffff, 0x00cf9200))).toBe(0);
    expect(machine.read64(PFN_FREE, 3).high).toBe(0x00cff200);
    expect(machine.hypercall(10, address, descriptor(0x330000, 0x8e00))).toBe(-22);
    expect(machine.lastReason()).toMatch(/system segment or gate of type 14/);
    expect(machine.hypercall(10, address + 4, descriptor(0, 0))).toBe(-22);
    expect(machine.hypercall(14, va(PFN_FREE), machine.entry(PFN_FREE, P | RW), 1)).toBe(-16);
  });
});
