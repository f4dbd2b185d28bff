import { describe, expect, it } from 'vitest';
import type { MachineAddress, VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { Clock } from '../../../../emulator/machine/clock.ts';
import { sharedInfoAddress, testBit } from '../../../../emulator/xen/common/shared-info.ts';
import { PFN_FREE, PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);
const VCPU_OP = 24;
const SCHED_OP = 29;

/** A machine with VIRQ_TIMER bound to port 1, an event callback, and no periodic timer. */
function timed(): TestMachine {
  const machine = new TestMachine().start();
  machine.poke(SCRATCH, 0, 0);
  expect(machine.hypercall(32, 1, SCRATCH)).toBe(0);
  machine.hypercall(4, 0x9000, 0x9100, 0x9200);
  expect(machine.hypercall(VCPU_OP, 7, 0, 0)).toBe(0);
  return machine;
}

const pending = (machine: TestMachine) => testBit(machine.ram, sharedInfoAddress(machine.domain, 'evtchn_pending'), 1);
const setMask = (machine: TestMachine, value: number) =>
  machine.ram.write8((machine.vcpu.vcpuInfo + 1) as MachineAddress, value);

describe('clock', () => {
  it('is instructions plus skipped time', () => {
    const counter = { instructions: 100 };
    const clock = new Clock(counter, { seconds: 1000, nanoseconds: 999_999_950 });
    expect(clock.now()).toBe(100);
    clock.skipTo(250);
    counter.instructions = 110;
    clock.completeInstruction();
    expect([clock.now(), clock.tsc(), clock.instructions]).toEqual([261, 261, 111]);
    clock.skipTo(5);
    expect(clock.now()).toBe(261);
    expect(clock.wallClock()).toEqual({ seconds: 1001, nanoseconds: 211 });
    const other = new Clock(counter);
    other.restore(clock.save());
    expect([other.now(), other.wallClock()]).toEqual([clock.now(), clock.wallClock()]);
  });
});

describe('timers', () => {
  it('a one-shot timer fires at its very instruction, however the budget is cut', () => {
    for (const slice of [1, 7, 1000]) {
      const machine = timed();
      const deadline = machine.clock.now() + 100;
      machine.poke(SCRATCH, deadline, 0, 0);
      expect(machine.hypercall(VCPU_OP, 8, 0, SCRATCH)).toBe(0);
      setMask(machine, 0);
      machine.processor.rip = 0x5000 as VirtualAddress;
      let moved = -1;
      for (let ran = 0; ran < 300; ran += slice) {
        machine.xen.run(slice);
        if (moved < 0 && machine.processor.rip === 0x9000) moved = machine.clock.now();
      }
      expect(pending(machine)).toBe(true);
      if (slice === 1) expect(moved).toBe(deadline + 1);
      expect(machine.vcpu.singleshotTimer).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it('blocks until the timer, which the caller skips to', () => {
    const machine = timed();
    const deadline = machine.clock.now() + 1_000_000;
    machine.poke(SCRATCH, deadline, 0, 0);
    machine.hypercall(VCPU_OP, 8, 0, SCRATCH);
    expect(machine.hypercall(SCHED_OP, 1, 0)).toBe(0);
    expect(machine.vcpu.state).toBe('blocked');
    expect(machine.xen.run(1000)).toEqual({ kind: 'idle', deadline });
    expect(machine.xen.skipToNextDeadline()).toBe(true);
    expect(machine.clock.now()).toBe(deadline);
    machine.xen.run(1);
    expect(machine.vcpu.state).toBe('running');
    expect(machine.processor.rip).toBe(0x9000);
    expect(machine.xen.skipToNextDeadline()).toBe(false);
  });

  it('periodic timers keep their period, and refuse one under a millisecond', () => {
    const machine = timed();
    machine.poke(SCRATCH, 999_999, 0);
    expect(machine.hypercall(VCPU_OP, 6, 0, SCRATCH)).toBe(-22);
    machine.poke(SCRATCH, 1_000_000, 0);
    const start = machine.clock.now();
    expect(machine.hypercall(VCPU_OP, 6, 0, SCRATCH)).toBe(0);
    machine.xen.run(2_500_000);
    expect(machine.vcpu.periodicTimer).toBe(start + 3_000_000);
  });

  it('poll returns at once for a pending port, and wakes by timeout or a masked port', () => {
    const machine = timed();
    machine.ram.write8(sharedInfoAddress(machine.domain, 'evtchn_mask'), 2);
    const timeout = machine.clock.now() + 5000;
    machine.poke(SCRATCH, SCRATCH + 64, -1, 1, 0, timeout, 0);
    machine.poke(SCRATCH + 64, 1);
    expect(machine.hypercall(SCHED_OP, 3, SCRATCH)).toBe(0);
    expect(machine.xen.run(10)).toEqual({ kind: 'idle', deadline: timeout });
    machine.xen.skipToNextDeadline();
    machine.xen.run(1);
    expect(machine.vcpu.state).toBe('running');
    machine.poke(SCRATCH + 64, 77);
    expect(machine.hypercall(SCHED_OP, 3, SCRATCH)).toBe(-22);
  });
});

describe('time shown to the guest', () => {
  it('vcpu_time_info makes system time of the TSC, with an even version', () => {
    const machine = new TestMachine().start();
    const base = machine.vcpu.vcpuInfo + 32;
    const word = (offset: number) => machine.ram.read32((base + offset) as MachineAddress);
    expect(word(0) % 2).toBe(0);
    const [stamp, system, multiplier] = [word(8), word(16), word(24)];
    const tsc = machine.clock.tsc() + 12345;
    // now = system_time + (((tsc - stamp) << shift) * mul >> 32)
    const delta = BigInt(tsc - stamp) << 1n;
    expect(BigInt(system) + ((delta * BigInt(multiplier)) >> 32n)).toBe(BigInt(tsc));
    expect(machine.ram.u8[machine.ram.offsetOf((base + 28) as MachineAddress)]).toBe(1);
    expect(machine.ram.read32(sharedInfoAddress(machine.domain, 'wc_sec'))).toBe(1_767_225_600);
  });

  it('runstate adds up to the time passed', () => {
    const machine = timed();
    machine.poke(SCRATCH, va(PFN_FREE), -1);
    expect(machine.hypercall(VCPU_OP, 5, 0, SCRATCH)).toBe(0);
    machine.poke(SCRATCH, machine.clock.now() + 10_000, 0, 0);
    machine.hypercall(VCPU_OP, 8, 0, SCRATCH);
    machine.hypercall(SCHED_OP, 1, 0);
    machine.xen.skipToNextDeadline();
    machine.xen.run(100);
    machine.hypercall(VCPU_OP, 4, 0, SCRATCH);
    const times = [16, 24, 32, 40].map((offset) => machine.peek32(SCRATCH + offset));
    expect(machine.peek32(SCRATCH)).toBe(0);
    expect(times.reduce((sum, time) => sum + time, 0)).toBe(machine.clock.now() - 1);
    expect(times[2]).toBeGreaterThan(9_900);
    expect(machine.peek32(va(PFN_FREE))).toBe(0);
    expect(machine.peek32(va(PFN_FREE, 32))).toBe(times[2]);
  });

  it('vcpu_info moves once, keeps its content, and everything counts as pending', () => {
    const machine = timed();
    machine.poke(SCRATCH, machine.mfn(PFN_FREE), 0, 128, 0);
    setMask(machine, 1);
    expect(machine.hypercall(VCPU_OP, 10, 0, SCRATCH)).toBe(0);
    expect(machine.vcpu.vcpuInfo).toBe(machine.machine(PFN_FREE, 128));
    expect(machine.peek32(va(PFN_FREE, 128)) & 0xffff).toBe(0x0101);
    expect(machine.peek32(va(PFN_FREE, 136))).toBe(0xffffffff);
    expect(machine.hypercall(VCPU_OP, 10, 0, SCRATCH)).toBe(-22);
  });
});

describe('shutdown', () => {
  it.each([
    [0, 'poweroff', 'the guest powered itself off'],
    [1, 'reboot', 'the guest asked for a reboot'],
    [3, 'crash', 'the guest reported that it crashed'],
    [128, 'other', 'the guest shut down with reason 128'],
  ])('reason %i is %s', (code, kind, reason) => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, code);
    machine.hypercall(SCHED_OP, 2, SCRATCH);
    expect(machine.domain.shutdown).toMatchObject({ code, kind, reason, vcpu: 0 });
    expect(machine.domain.state).toBe('shutdown');
  });

  it('a watchdog that is not fed ends the domain', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, 0, 1);
    expect(machine.hypercall(SCHED_OP, 6, SCRATCH)).toBe(1);
    machine.xen.skipToNextDeadline();
    const result = machine.xen.run(1);
    expect(result.kind).toBe('ended');
    expect(machine.domain.shutdown?.kind).toBe('watchdog');
  });
});
