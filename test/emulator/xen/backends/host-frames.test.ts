import { expect, it } from 'vitest';
import { ConsoleBackend } from '../../../../emulator/xen/backends/console/backend.ts';
import { findViolations } from '../common/invariants.ts';
import { PFN_FREE, PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

const SCRATCH = va(PFN_SCRATCH);

it('a console page that the guest gives back is nobody else’s while the host writes into it', () => {
  const machine = new TestMachine().start();
  const { domain, xen } = machine;
  const page = machine.mfn(PFN_FREE);
  expect(xen.holdForHost(domain, page)).toBeUndefined();
  const port = xen.allocateUnbound(domain, 0 as never);
  const console = new ConsoleBackend(xen, domain, page, port as never, () => {});
  // Unmapped and given back: the operation succeeds, and the frame stays.
  expect(machine.hypercall(14, va(PFN_FREE), 0, 0)).toBe(0);
  machine.poke(SCRATCH, (SCRATCH + 64) | 0, -1, 1, 0, 0, 0, 0x7ff0);
  machine.poke(SCRATCH + 64, page, 0);
  expect(machine.hypercall(12, 1, SCRATCH)).toBe(1);
  expect(xen.frames.describe(page)).toMatchObject({ owner: domain.domid, count: 1, typeCount: 1 });
  expect(findViolations(xen)).toEqual([]);
  console.sendInput(Uint8Array.of(65));
  // Nor can it become a page table.
  machine.poke(SCRATCH, 0, 0, page, 0, 0, 0);
  expect(machine.hypercall(26, SCRATCH, 1, 0, 0x7ff0)).toBe(-22);
  // With the domain it goes, and the host writes no more.
  xen.destroy(domain);
  expect(xen.frames.owner(page)).toBeUndefined();
  machine.ram.clearFrame(page);
  console.sendInput(Uint8Array.of(66));
  expect(machine.ram.frame(page).some((byte) => byte !== 0)).toBe(false);
});
