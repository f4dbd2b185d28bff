import { expect, it } from 'vitest';
import { RAX } from '../../../../emulator/x86/cpu/processor.ts';
import { PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);
const SHUTDOWN_SUSPEND = 2;

it('a domain that suspends itself goes on when it is resumed, and is told that it was cancelled', () => {
  const machine = new TestMachine(64, 2).start();
  const { domain, xen } = machine;
  expect(xen.resume(domain)).toMatchObject({ errno: 22 });
  machine.poke(SCRATCH, SHUTDOWN_SUSPEND);
  // The third argument is start_info's frame, for the toolstack; Xen does not look at it.
  machine.hypercall(29, 2, SCRATCH, machine.mfn(PFN_SCRATCH));
  expect(domain).toMatchObject({ state: 'shutdown', shutdown: { kind: 'suspend', vcpu: 0 } });
  const before = machine.clock.instructions;
  expect(xen.run(1000).kind).toBe('idle');
  expect(machine.clock.instructions).toBe(before);
  expect(xen.resume(domain)).toBeUndefined();
  expect(machine.processor.low(RAX)).toBe(1);
  expect(xen.run(1000).kind).toBe('budget');
  expect(machine.clock.instructions).toBe(before + 1000);
  expect(machine.hypercall(17, 0, 0)).toBe((4 << 16) | 17);
  // Any other end is final.
  machine.poke(SCRATCH, 0);
  machine.hypercall(29, 2, SCRATCH);
  expect(xen.resume(domain)).toMatchObject({ errno: 22 });
});
