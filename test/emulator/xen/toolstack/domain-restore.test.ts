import { describe, expect, test } from 'vitest';
import { RDX } from '../../../../emulator/x86/cpu/processor.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { machineAddressOf } from '../../../../emulator/xen/common/frame-table.ts';
import { isRefusal } from '../../../../emulator/xen/common/refusal.ts';
import { type SharedInfoField, sharedInfoAddress } from '../../../../emulator/xen/common/shared-info.ts';
import { StructView, type Width } from '../../../../emulator/xen/public/struct.ts';
import { START_INFO } from '../../../../emulator/xen/public/xen-4/xen.ts';
import { captureDomain, type DomainImage } from '../../../../emulator/xen/toolstack/domain-image.ts';
import { restoreDomain } from '../../../../emulator/xen/toolstack/domain-restore.ts';
import { findViolations } from '../common/invariants.ts';
import { CompatMachine, va32 } from '../pv/compat-machine.ts';
import { PFN_L1, TestMachine, va } from '../pv/test-machine.ts';

/** By hand what a guest leaves for its restore; real Debian does it in test/guests/domain-control.guest.test.ts. */

const PAGES = 64;
const PFN_START_INFO = 6;
const [PFN_LIST, PFN_MIDDLE, PFN_TOP, PFN_STORE, PFN_CONSOLE, PFN_DATA, PFN_ARGUMENT] = [20, 21, 22, 23, 24, 25, 26];
/** Pfns behind the last page: one that names a frame it has lost, one with a mark of the guest's. */
const [PFN_LOST, PFN_MARKED, ENTRIES] = [PAGES, PAGES + 1, PAGES + 2];
const MARK = 0x1234;
const SCHED_OP = 29;
const SHUTDOWN_SUSPEND = 2;

function machineOf(width: Width): TestMachine {
  return width === 64 ? new TestMachine(PAGES, 2) : new CompatMachine(PAGES, 2);
}

function writeWord({ ram }: TestMachine, width: Width, mfn: number, index: number, value: number): void {
  const at = (machineAddressOf(mfn as never) + (index * width) / 8) as never;
  if (width === 64) ram.write64(at, value, 0);
  else ram.write32(at, value);
}

function readWord({ ram }: TestMachine, width: Width, mfn: number, index: number): number {
  return ram.i32[ram.offsetOf((machineAddressOf(mfn as never) + (index * width) / 8) as never) >>> 2] as number;
}

/** A domain that has suspended itself, having said where its list and its start_info are. */
function suspended(width: Width): TestMachine {
  const machine = machineOf(width).start();
  const { domain, ram, xen } = machine;
  const at = (pfn: number) => machine.mfn(pfn);
  for (let pfn = 0; pfn < PAGES; pfn++) writeWord(machine, width, at(PFN_LIST), pfn, at(pfn));
  writeWord(machine, width, at(PFN_LIST), PFN_LOST, at(7));
  writeWord(machine, width, at(PFN_LIST), PFN_MARKED, MARK);
  writeWord(machine, width, at(PFN_MIDDLE), 0, at(PFN_LIST));
  writeWord(machine, width, at(PFN_TOP), 0, at(PFN_MIDDLE));
  const tell = (field: SharedInfoField, value: number) => ram.write32(sharedInfoAddress(domain, field), value);
  tell('arch_max_pfn', ENTRIES);
  tell('arch_pfn_to_mfn_frame_list_list', at(PFN_TOP));
  const info = new StructView(START_INFO, width, new Uint8Array(START_INFO[width].size));
  info.set('store_mfn', PFN_STORE);
  info.set('console_mfn', PFN_CONSOLE);
  info.setText('cmd_line', 'stays');
  ram.writeBytes(machineAddressOf(at(PFN_START_INFO)), info.bytes);
  ram.writeBytes(
    machineAddressOf(at(PFN_DATA)),
    Uint8Array.from({ length: 4096 }, (_, index) => index * 7),
  );
  const argument = width === 64 ? va(PFN_ARGUMENT) : va32(PFN_ARGUMENT);
  machine.poke(argument, SHUTDOWN_SUSPEND);
  machine.hypercall(SCHED_OP, 2, argument, at(PFN_START_INFO));
  xen.storeRegisters(domain);
  return machine;
}

function imageOf(machine: TestMachine, domain: Domain): DomainImage {
  const image = captureDomain(machine.xen, domain);
  if (isRefusal(image)) throw new Error(image.reason);
  return image;
}

describe.each([64, 32] as const)('a %i-bit domain', (width) => {
  test('goes on in other frames as it was', () => {
    const machine = suspended(width);
    const { xen, domain: old } = machine;
    const oldFrames = Array.from({ length: PAGES }, (_, pfn) => machine.mfn(pfn));
    const image = imageOf(machine, old);
    xen.destroy(old);
    const restored = restoreDomain(xen, image);
    if (isRefusal(restored)) throw new Error(restored.reason);
    const { domain, connections } = restored;
    const at = (pfn: number) => machine.mfn(pfn, domain);
    expect(findViolations(xen)).toEqual([]);
    expect(domain).toMatchObject({ domid: 2, name: 'test', state: 'paused', totalPages: PAGES });
    expect(oldFrames.filter((mfn, pfn) => mfn === at(pfn)).length).toBeLessThan(PAGES / 2);

    // Every mapping leads to the same page, and every page holds the same.
    for (let pfn = 0; pfn < PAGES; pfn++) {
      const entry = machine.ram.i32[machine.ram.offsetOf(machine.machine(PFN_L1, pfn * 8, domain)) >>> 2] as number;
      expect(entry >>> 12).toBe(at(pfn));
      expect(readWord(machine, width, at(PFN_LIST), pfn)).toBe(at(pfn));
    }
    expect(readWord(machine, width, at(PFN_LIST), PFN_LOST)).toBe(-1);
    expect(readWord(machine, width, at(PFN_LIST), PFN_MARKED)).toBe(MARK);
    expect(machine.ram.frame(at(PFN_DATA))[100]).toBe(700 & 0xff);

    const info = new StructView(START_INFO, width, machine.ram.frame(at(PFN_START_INFO)).slice());
    expect(info.text('magic')).toBe(width === 64 ? 'xen-3.0-x86_64' : 'xen-3.0-x86_32p');
    expect(info.text('cmd_line')).toBe('stays');
    expect([info.get('store_mfn'), info.get('console_mfn')]).toEqual([at(PFN_STORE), at(PFN_CONSOLE)]);
    expect([info.get('store_evtchn'), info.get('console_evtchn')]).toEqual([
      connections.xenstorePort,
      connections.consolePort,
    ]);
    expect(info.get('shared_info')).toBe(domain.sharedInfoMfn * 4096);
    expect(domain.vcpus[0]?.registers.low[RDX]).toBe(at(PFN_START_INFO));
    const masks = machine.ram.offsetOf(sharedInfoAddress(domain, 'evtchn_mask'));
    expect(machine.ram.u8.slice(masks, masks + width).every((byte) => byte === 0xff)).toBe(true);
    expect(machine.ram.read32(sharedInfoAddress(domain, 'arch_pfn_to_mfn_frame_list_list'))).toBe(0);

    // It runs, and its hypercall has answered 0.
    xen.unpause(domain);
    const before = machine.clock.instructions;
    expect(xen.run(1000).kind).toBe('budget');
    expect(machine.clock.instructions).toBe(before + 1000);
    expect(domain.vcpus[0]?.registers.rip).toBe(
      image.vcpus[0] && (image.vcpus[0].fields.registers as { rip: number }).rip,
    );
    expect(findViolations(xen)).toEqual([]);
  });

  test('is refused, and left as it is, where its memory cannot be carried over', () => {
    const reasons: readonly (readonly [change: (machine: TestMachine) => void, reason: RegExp])[] = [
      [({ ram, domain }) => ram.write32(sharedInfoAddress(domain, 'arch_max_pfn'), 0), /0 pfns/],
      [({ ram, domain }) => ram.write32(sharedInfoAddress(domain, 'arch_max_pfn'), 0x7fffffff), /2147483647 pfns/],
      [
        ({ ram, domain }) => ram.write32(sharedInfoAddress(domain, 'arch_pfn_to_mfn_frame_list_list'), 5),
        /has not said where/,
      ],
      [({ ram, domain }) => ram.write32(sharedInfoAddress(domain, 'arch_p2m_cr3'), 0x5000), /not mapped/],
      [(machine) => writeWord(machine, width, machine.mfn(PFN_MIDDLE), 0, 5), /lies in mfn 0x5, not its own/],
      [(machine) => writeWord(machine, width, machine.mfn(PFN_TOP), 0, 5), /tree of frame lists is not its own/],
      [({ domain }) => void domain.vcpus[0]?.registers.low.set([5], RDX), /start_info/],
      [
        (machine) => machine.ram.write32(machine.machine(PFN_START_INFO, START_INFO[width].offset.store_mfn), 5000),
        /pfns 5000 and 24/,
      ],
      [
        // As it would be with shared info still mapped: counted, and not the domain's own page.
        (machine) => machine.write64(PFN_L1, 30, machine.domain.sharedInfoMfn * 4096 + 1),
        /slot 30 maps mfn .* not its own/,
      ],
    ];
    for (const [change, reason] of reasons) {
      const machine = suspended(width);
      change(machine);
      const free = machine.xen.frames.freeFrames;
      const result = captureDomain(machine.xen, machine.domain);
      expect(isRefusal(result) ? result.reason : 'captured').toMatch(reason);
      expect(machine.domain.suspended).toBe(true);
      expect(machine.xen.frames.freeFrames).toBe(free);
    }
  });

  test('does not fit where too little memory is free, and leaves nothing behind', () => {
    const machine = suspended(width);
    const image = imageOf(machine, machine.domain);
    const { frames } = machine.xen;
    while (frames.freeFrames > PAGES + 1) frames.allocate(0x7ff2 as never);
    const free = frames.freeFrames;
    expect(restoreDomain(machine.xen, image)).toMatchObject({ errno: 12 });
    expect(frames.freeFrames).toBe(free);
    expect(machine.xen.domains.size).toBe(1);
  });
});
