import { expect, test } from 'vitest';
import type { Domid, MachineAddress, Port } from '../../../../emulator/base/numbers.ts';
import { PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

/** Where the host cuts its slices must not be visible to the guest. */

const SCRATCH = va(PFN_SCRATCH);
const SET_CALLBACKS = 4;
const SCHED_OP = 29;
const EVENT_CHANNEL_OP = 32;
const HANDLER = va(20);

/** A guest with a handler and an event pending, which has just unmasked events by a store of its own. */
function unmaskedByTheGuest(): TestMachine {
  const machine = new TestMachine().start();
  machine.hypercall(SET_CALLBACKS, HANDLER, HANDLER, HANDLER);
  machine.poke(SCRATCH, 0);
  machine.hypercall(EVENT_CHANNEL_OP, 7, SCRATCH); // bind_ipi: port 1
  machine.poke(SCRATCH, 1);
  machine.hypercall(EVENT_CHANNEL_OP, 4, SCRATCH); // send
  machine.xen.run(1); // back in the guest, with events masked
  machine.ram.write8((machine.vcpu.vcpuInfo + 1) as MachineAddress, 0);
  return machine;
}

test('a slice that ends between unmasking and the next entry into Xen delivers nothing', () => {
  const machine = unmaskedByTheGuest();
  const { rip } = machine.processor;
  for (let slice = 0; slice < 5; slice++) {
    expect(machine.xen.run(7).kind).toBe('budget');
    expect(machine.processor.rip).toBe(rip);
  }
  machine.hypercall(SCHED_OP, 0); // yield: a way into Xen and back
  machine.xen.run(1);
  expect(machine.processor.rip).toBe(HANDLER);
});

test('an event that comes from the host is told before the next instruction', () => {
  const machine = unmaskedByTheGuest();
  // The guest has taken the other event by polling: upcall and selector are clear.
  machine.ram.write8(machine.vcpu.vcpuInfo as MachineAddress, 0);
  machine.ram.write32((machine.vcpu.vcpuInfo + 8) as MachineAddress, 0);
  const port = machine.xen.allocateUnbound(machine.domain, 0 as Domid) as Port;
  machine.xen.bindHostPort(machine.domain, port, () => {});
  machine.xen.run(7);
  expect(machine.processor.rip).not.toBe(HANDLER);
  machine.xen.notifyGuest(machine.domain, port);
  machine.xen.run(1);
  expect(machine.processor.rip).toBe(HANDLER);
});

test('a stop that somebody asks for delivers nothing either', () => {
  const machine = unmaskedByTheGuest();
  const { rip } = machine.processor;
  machine.xen.requestStop();
  expect(machine.xen.run(7).kind).toBe('stop');
  machine.xen.run(7);
  expect(machine.processor.rip).toBe(rip);
});

test('quanta of two vCPUs end at the same times, however runs are cut', () => {
  const switches = (slice: number): string[] => {
    const machine = new TestMachine();
    machine.newDomain('second');
    const seen: string[] = [];
    for (let before: unknown; machine.clock.now() < 2_000_000; before = machine.xen.current) {
      machine.xen.run(slice);
      const { current } = machine.xen;
      if (current !== before) seen.push(`${current?.id} by ${Math.ceil(machine.clock.now() / 200_000)}`);
    }
    return seen.slice(0, 8);
  };
  expect(switches(1000)).toHaveLength(8);
  expect(switches(1000)).toEqual(switches(3000));
});
