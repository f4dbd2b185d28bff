import { describe, expect, it } from 'vitest';
import type { MachineAddress, Port } from '../../../../emulator/base/numbers.ts';
import { DOMID_HOST } from '../../../../emulator/xen/common/event-channel.ts';
import { sharedInfoAddress, testBit } from '../../../../emulator/xen/common/shared-info.ts';
import { PFN_FREE, PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);
const EVENT_CHANNEL_OP = 32;
const DOMID_SELF = 0x7ff0;

function evtchn(machine: TestMachine, command: number, ...words: number[]): number {
  machine.poke(SCRATCH, ...words);
  return machine.hypercall(EVENT_CHANNEL_OP, command, SCRATCH);
}

const pending = (machine: TestMachine, port: number) =>
  testBit(machine.ram, sharedInfoAddress(machine.domain, 'evtchn_pending'), port);
const upcall = (machine: TestMachine) => machine.ram.u8[machine.ram.offsetOf(machine.vcpu.vcpuInfo as MachineAddress)];
const selector = (machine: TestMachine) => machine.ram.read32((machine.vcpu.vcpuInfo + 8) as MachineAddress);
function mask(machine: TestMachine, port: number): void {
  const address = (sharedInfoAddress(machine.domain, 'evtchn_mask') + (port >> 3)) as MachineAddress;
  machine.ram.write8(address, 1 << (port & 7));
}

describe('two-level event channels', () => {
  it('numbers ports from 1 and refuses what is not open', () => {
    const machine = new TestMachine().start();
    expect(evtchn(machine, 6, DOMID_SELF)).toBe(0);
    expect(machine.peek32(SCRATCH + 4)).toBe(1);
    expect(evtchn(machine, 7, 0)).toBe(0);
    expect(machine.peek32(SCRATCH + 4)).toBe(2);
    expect(evtchn(machine, 4, 3)).toBe(-22);
    expect(evtchn(machine, 4, 0)).toBe(-22);
    expect(evtchn(machine, 3, 1)).toBe(0);
    expect(evtchn(machine, 3, 1)).toBe(-22);
    expect(evtchn(machine, 6, DOMID_SELF)).toBe(0);
    expect(machine.peek32(SCRATCH + 4)).toBe(1);
    expect(evtchn(machine, 14, 0)).toBe(-38);
  });

  it('sets pending, selector and upcall in order; a mask holds it back until unmask', () => {
    const machine = new TestMachine().start();
    evtchn(machine, 7, 0);
    mask(machine, 1);
    expect(evtchn(machine, 4, 1)).toBe(0);
    expect([pending(machine, 1), selector(machine), upcall(machine)]).toEqual([true, 0, 0]);
    expect(evtchn(machine, 9, 1)).toBe(0);
    expect([pending(machine, 1), selector(machine), upcall(machine)]).toEqual([true, 1, 1]);
    // Already pending: nothing is set again.
    machine.ram.write8(machine.vcpu.vcpuInfo as MachineAddress, 0);
    evtchn(machine, 4, 1);
    expect(upcall(machine)).toBe(0);
  });

  it('closes with the pending bit cleared', () => {
    const machine = new TestMachine().start();
    evtchn(machine, 7, 0);
    evtchn(machine, 4, 1);
    evtchn(machine, 3, 1);
    expect(pending(machine, 1)).toBe(false);
  });

  it('VIRQs: one port each, the timer per vCPU, global ones on vCPU 0 only', () => {
    const machine = new TestMachine(64, 2).start();
    expect(evtchn(machine, 1, 0, 0)).toBe(0);
    expect(evtchn(machine, 1, 0, 0)).toBe(-17);
    expect(evtchn(machine, 1, 0, 1)).toBe(0);
    expect(evtchn(machine, 1, 2, 1)).toBe(-22);
    expect(evtchn(machine, 1, 24, 0)).toBe(-22);
    expect(evtchn(machine, 1, 1, 2)).toBe(-2);
    expect(evtchn(machine, 4, 1)).toBe(-22);
    expect(evtchn(machine, 8, 1, 1)).toBe(-22);
  });

  it('status tells what a port is bound to', () => {
    const machine = new TestMachine().start();
    evtchn(machine, 1, 1, 0);
    expect(evtchn(machine, 5, DOMID_SELF, 1)).toBe(0);
    expect([8, 12, 16].map((offset) => machine.peek32(SCRATCH + offset))).toEqual([4, 0, 1]);
    expect(evtchn(machine, 5, 9, 1)).toBe(-3);
  });

  it('connects two domains, and goes back to unbound when one closes', () => {
    const machine = new TestMachine().start();
    const other = machine.newDomain('other');
    const remote = machine.xen.allocateUnbound(other, machine.domain.domid) as Port;
    expect(evtchn(machine, 0, 9, remote)).toBe(-3);
    expect(evtchn(machine, 0, other.domid, 7)).toBe(-22);
    expect(evtchn(machine, 0, other.domid, remote)).toBe(0);
    const port = machine.peek32(SCRATCH + 8);
    expect(evtchn(machine, 4, port)).toBe(0);
    expect(testBit(machine.ram, sharedInfoAddress(other, 'evtchn_pending'), remote)).toBe(true);
    evtchn(machine, 3, port);
    expect(other.eventChannels.ports[remote]).toMatchObject({ state: 1, remoteDomid: machine.domain.domid });
  });

  it('the host takes a port, hears it synchronously, and answers', () => {
    const machine = new TestMachine().start();
    const port = machine.xen.allocateUnbound(machine.domain, DOMID_HOST) as Port;
    let heard = 0;
    expect(evtchn(machine, 4, port)).toBe(0);
    const bound = machine.xen.bindHostPort(machine.domain, port, () => {
      heard++;
    });
    evtchn(machine, 4, port);
    expect(heard).toBe(1);
    machine.xen.notifyGuest(machine.domain, port);
    expect(pending(machine, port)).toBe(true);
    if ('errno' in bound) throw new Error(bound.reason);
    bound.dispose();
    evtchn(machine, 4, port);
    expect(heard).toBe(1);
    expect(machine.xen.bindHostPort(machine.domain, 9 as Port, () => {})).toMatchObject({ errno: 22 });
  });
});

describe('FIFO event channels', () => {
  const CONTROL = va(PFN_FREE);
  const ARRAY = va(PFN_FREE + 1);
  const word = (machine: TestMachine, port: number) => machine.peek32(ARRAY + port * 4);

  function fifo(): TestMachine {
    const machine = new TestMachine().start();
    expect(evtchn(machine, 11, machine.mfn(PFN_FREE), 0, 0, 0, 0, 0)).toBe(0);
    expect(machine.peek32(SCRATCH + 16) & 0xff).toBe(17);
    expect(evtchn(machine, 12, machine.mfn(PFN_FREE + 1), 0)).toBe(0);
    return machine;
  }

  it('links pending ports into the queue of their priority', () => {
    const machine = fifo();
    for (let port = 1; port <= 3; port++) evtchn(machine, 7, 0);
    expect(evtchn(machine, 13, 3, 2)).toBe(0);
    for (const port of [1, 2, 3]) evtchn(machine, 4, port);
    // Queue 7 holds 1 then 2, queue 2 holds 3; ready has both bits.
    expect(machine.peek32(CONTROL)).toBe((1 << 7) | (1 << 2));
    expect([machine.peek32(CONTROL + 8 + 7 * 4), machine.peek32(CONTROL + 8 + 2 * 4)]).toEqual([1, 3]);
    expect(word(machine, 1)).toBe(0x80000000 + 0x20000000 + 2);
    expect(word(machine, 2)).toBe(0x80000000 + 0x20000000);
    expect(upcall(machine)).toBe(1);
  });

  it('starts a queue anew when the guest has taken its tail off', () => {
    const machine = fifo();
    evtchn(machine, 7, 0);
    evtchn(machine, 7, 0);
    evtchn(machine, 4, 1);
    machine.poke(ARRAY + 4, 0);
    machine.poke(CONTROL, 0);
    evtchn(machine, 4, 2);
    expect(machine.peek32(CONTROL + 8 + 7 * 4)).toBe(2);
    expect(word(machine, 1)).toBe(0);
  });

  it('keeps a masked port unlinked until unmask', () => {
    const machine = fifo();
    evtchn(machine, 7, 0);
    machine.poke(ARRAY + 4, 0x40000000);
    evtchn(machine, 4, 1);
    expect(word(machine, 1)).toBe(0xc0000000);
    expect(evtchn(machine, 9, 1)).toBe(0);
    expect(word(machine, 1)).toBe(0xa0000000);
  });

  it('refuses a second control block, bad offsets, bad priorities', () => {
    const machine = fifo();
    expect(evtchn(machine, 11, machine.mfn(PFN_FREE + 2), 0, 0, 0)).toBe(-22);
    expect(evtchn(machine, 11, machine.mfn(PFN_FREE + 2), 0, 4, 0)).toBe(-22);
    evtchn(machine, 7, 0);
    expect(evtchn(machine, 13, 1, 16)).toBe(-22);
    const plain = new TestMachine().start();
    expect(evtchn(plain, 12, plain.mfn(PFN_FREE), 0)).toBe(-95);
  });

  it('gives its pages back on reset', () => {
    const machine = fifo();
    expect(evtchn(machine, 10, DOMID_SELF)).toBe(0);
    expect(machine.xen.frames.describe(machine.mfn(PFN_FREE)).typeCount).toBe(1);
    expect(machine.domain.eventChannels.fifo).toBeUndefined();
  });
});
