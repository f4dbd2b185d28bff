import { describe, expect, it } from 'vitest';
import type { Mfn } from '../../../../emulator/base/numbers.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { grantEntryAddress, readGrantStatus } from '../../../../emulator/xen/common/grant-table.ts';
import { P, PFN_FREE, PFN_L1, PFN_SCRATCH, RW, TestMachine, va } from '../pv/test-machine.ts';
import { findViolations } from './invariants.ts';

/** Grant tables as grant_table.c and pv/grant_table.c of Xen 4.17 have them, between real domains. */
const SCRATCH = va(PFN_SCRATCH);
const SELF = 0x7ff0;
const PERMIT = 1;
const ACCEPT = 2;
const TRANSITIVE = 3;
const READONLY = 4;
const SUB_PAGE = 0x100;
const DEVICE_MAP = 1;
const HOST_MAP = 2;
const MAP_READONLY = 4;
const CONTAINS_PTE = 16;
const PLACE = va(100);

class Pair {
  readonly machine = new TestMachine().start();
  readonly other = this.machine.newDomain('other');
  readonly frame: number = this.machine.mfn(20, this.other);

  grant(ref: number, flags: number, frame = this.frame, granter: Domain = this.other, to = 1): void {
    const at = grantEntryAddress(granter.grantTable, ref);
    this.machine.ram.write64(at, flags | (to << 16), granter.grantTable.version === 1 ? frame : 0);
    if (granter.grantTable.version === 2) this.machine.ram.write64((at + 8) as never, frame, 0);
  }

  flags(ref: number, granter: Domain = this.other): number {
    return readGrantStatus(this.machine.xen, granter.grantTable, ref);
  }

  /** Status of map_grant_ref; the handle is in the second word of the answer. */
  map(ref: number, flags = HOST_MAP, address: number = PLACE, dom: number = this.other.domid): number {
    const high = Math.floor(address / 2 ** 32);
    this.machine.poke(SCRATCH, address | 0, high, flags, ref, dom, 0, 0, 0);
    expect(this.machine.hypercall(20, 0, SCRATCH, 1)).toBe(0);
    return this.machine.peek32(SCRATCH + 16) >> 16;
  }

  get handle(): number {
    return this.machine.peek32(SCRATCH + 20);
  }

  unmap(handle: number, address: number = PLACE, device = 0): number {
    const words = [address, device].flatMap((value) => [value | 0, Math.floor(value / 2 ** 32)]);
    this.machine.poke(SCRATCH, ...words, handle, 0);
    expect(this.machine.hypercall(20, 1, SCRATCH, 1)).toBe(0);
    return (this.machine.peek32(SCRATCH + 20) << 16) >> 16;
  }

  replace(handle: number, address: number, replacement: number): number {
    const words = [address, replacement].flatMap((value) => [value | 0, Math.floor(value / 2 ** 32)]);
    this.machine.poke(SCRATCH, ...words, handle, 0);
    expect(this.machine.hypercall(20, 7, SCRATCH, 1)).toBe(0);
    return (this.machine.peek32(SCRATCH + 20) << 16) >> 16;
  }

  copy(source: readonly number[], dest: readonly number[], length: number, flags: number): number {
    const end = ([ref, domid, offset]: readonly number[]) => [
      ref as number,
      0,
      (domid as number) | ((offset as number) << 16),
      0,
    ];
    this.machine.poke(SCRATCH, ...end(source), ...end(dest), length | (flags << 16), 0);
    expect(this.machine.hypercall(20, 5, SCRATCH, 1)).toBe(0);
    return (this.machine.peek32(SCRATCH + 36) << 16) >> 16;
  }

  transfer(frame: number, domid: number, ref: number): number {
    this.machine.poke(SCRATCH, frame, 0, domid, ref, 0, 0);
    expect(this.machine.hypercall(20, 4, SCRATCH, 1)).toBe(0);
    return (this.machine.peek32(SCRATCH + 16) << 16) >> 16;
  }

  setVersion(version: number): number {
    this.machine.poke(SCRATCH, version);
    return this.machine.hypercall(20, 8, SCRATCH, 1);
  }

  expectSound(): void {
    expect(findViolations(this.machine.xen)).toEqual([]);
  }
}

describe('map_grant_ref', () => {
  it('refuses with the status of each rule', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT | READONLY);
    pair.grant(10, PERMIT, pair.machine.mfn(PFN_L1, pair.other));
    pair.grant(11, PERMIT, 0x12345);
    pair.grant(12, PERMIT, pair.frame, pair.other, 7);
    pair.grant(13, PERMIT | SUB_PAGE);
    expect(pair.map(9, 0)).toBe(-3);
    expect(pair.map(9, HOST_MAP, PLACE, 99)).toBe(-2);
    expect(pair.map(9, HOST_MAP, PLACE, SELF)).toBe(-2);
    expect(pair.map(9, HOST_MAP, PLACE, 0)).toBe(-1);
    expect(pair.map(600, HOST_MAP, PLACE)).toBe(-3);
    expect(pair.map(9)).toBe(-1);
    expect(pair.map(10)).toBe(-1);
    expect(pair.map(10, HOST_MAP | MAP_READONLY)).toBe(0);
    expect(pair.unmap(pair.handle)).toBe(0);
    expect(pair.map(11)).toBe(-9);
    expect(pair.map(12)).toBe(-1);
    expect(pair.map(13)).toBe(-1);
    // No table maps the address; the address of an entry is crooked or in no table.
    pair.grant(9, PERMIT);
    expect(pair.map(9, HOST_MAP, 0x1000)).toBe(-1);
    expect(pair.map(9, HOST_MAP | CONTAINS_PTE, pair.machine.machine(PFN_L1, 4))).toBe(-1);
    expect(pair.map(9, HOST_MAP | CONTAINS_PTE, pair.machine.machine(PFN_FREE))).toBe(-1);
    expect(pair.flags(9)).toBe(PERMIT);
    pair.expectSound();
  });

  it('by the address of an entry, with available bits, not executable', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    const entry = pair.machine.machine(PFN_L1, 100 * 8);
    expect(pair.map(9, HOST_MAP | CONTAINS_PTE | (5 << 16), entry)).toBe(0);
    const { handle } = pair;
    const { low, high } = pair.machine.read64(PFN_L1, 100);
    expect(low & 0xfff).toBe(0x001 | RW | 0x004 | 0x060 | (5 << 9));
    expect(high >>> 31).toBe(1);
    expect(pair.replace(handle, entry, va(PFN_FREE))).toBe(-1);
    expect(pair.unmap(handle, entry)).toBe(0);
    pair.expectSound();
  });

  it('host and device halves are counted and ended apart', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    expect(pair.map(9, HOST_MAP | DEVICE_MAP)).toBe(0);
    const { handle } = pair;
    expect(pair.other.grantTable.active.get(9)).toMatchObject({ readers: 0, writers: 2 });
    expect(pair.unmap(handle, 0, pair.frame * 4096 + 4096)).toBe(-6);
    expect(pair.unmap(handle, 0, 0)).toBe(0);
    expect(pair.unmap(handle, PLACE)).toBe(0);
    expect(pair.flags(9)).toBe(PERMIT | 8 | 16);
    expect(pair.unmap(handle, 0, pair.frame * 4096)).toBe(0);
    expect(pair.flags(9)).toBe(PERMIT);
    expect(pair.unmap(handle, 0, pair.frame * 4096)).toBe(-4);
    pair.expectSound();
  });

  it('an entry that was changed behind its back cannot be unmapped', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    expect(pair.map(9)).toBe(0);
    const { handle } = pair;
    expect(pair.machine.hypercall(14, PLACE, 0, 0)).toBe(0);
    expect(pair.unmap(handle)).toBe(-1);
    // The granter's frame is held until the domain is gone.
    expect(pair.machine.xen.frames.describe(pair.frame as Mfn).count).toBe(3);
    pair.expectSound();
    pair.machine.xen.destroy(pair.machine.domain);
    expect(pair.machine.xen.frames.describe(pair.frame as Mfn).count).toBe(2);
    expect(findViolations(pair.machine.xen)).toEqual([]);
  });

  it('one grant, one user, at most 128 times each way', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    for (let count = 0; count < 128; count++) expect(pair.map(9, DEVICE_MAP | MAP_READONLY)).toBe(0);
    expect(pair.map(9, DEVICE_MAP | MAP_READONLY)).toBe(-1);
    pair.expectSound();
  });

  it('the granter may die first: the mapper keeps the frame, and its number is not used again', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    expect(pair.map(9)).toBe(0);
    const { handle } = pair;
    const { xen } = pair.machine;
    const free = xen.frames.freeFrames;
    xen.destroy(pair.other);
    expect(xen.frames.describe(pair.frame as Mfn)).toMatchObject({ owner: 2, count: 2 });
    expect(xen.frames.freeFrames).toBe(free + pair.machine.pages + 1);
    pair.machine.poke(PLACE, 0x1234);
    // Numbers count up and wrap; here they come round.
    xen.lastDomid = 1;
    expect(pair.machine.newDomain('third').domid).toBe(3);
    expect(pair.unmap(handle)).toBe(0);
    expect(xen.frames.owner(pair.frame)).toBeUndefined();
    expect(pair.machine.newDomain('fourth').domid).toBe(4);
    xen.lastDomid = 0x7fef;
    expect(pair.machine.newDomain('fifth').domid).toBe(2);
    pair.expectSound();
  });
});

describe('unmap_and_replace', () => {
  it('moves the entry of another address into the place', () => {
    const pair = new Pair();
    const { machine } = pair;
    pair.grant(9, PERMIT);
    expect(pair.map(9)).toBe(0);
    const moved = machine.read64(PFN_L1, PFN_FREE);
    expect(pair.replace(pair.handle, PLACE, va(PFN_FREE))).toBe(0);
    expect(machine.read64(PFN_L1, 100)).toEqual(moved);
    expect(machine.read64(PFN_L1, PFN_FREE)).toEqual({ low: 0, high: 0 });
    expect(pair.flags(9)).toBe(PERMIT);
    pair.expectSound();
  });

  it('onto itself destroys the mapping and fails (XSA-234)', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT);
    expect(pair.map(9)).toBe(0);
    expect(pair.replace(pair.handle, PLACE, PLACE)).toBe(-1);
    expect(pair.machine.read64(PFN_L1, 100)).toEqual({ low: 0, high: 0 });
    pair.expectSound();
  });
});

describe('version 2', () => {
  it('clears the table but for the reserved entries, and grows status frames', () => {
    const pair = new Pair();
    const { machine } = pair;
    const { domain } = machine;
    machine.xen.seedGrant(domain, 1 as never, 0 as never, machine.mfn(PFN_FREE));
    machine.xen.hostGrantFrame(domain, 1 as never, true);
    pair.grant(9, PERMIT, machine.mfn(PFN_FREE), domain, 2);
    expect(pair.setVersion(2)).toBe(0);
    expect(domain.grantTable.entries).toBe(256);
    expect(pair.flags(1, domain)).toBe(8 | 16);
    const entry = machine.ram.offsetOf(grantEntryAddress(domain.grantTable, 1)) >>> 2;
    expect([...machine.ram.i32.subarray(entry, entry + 4)]).toEqual([PERMIT, 0, machine.mfn(PFN_FREE), 0]);
    machine.poke(SCRATCH, 1, SELF, (SCRATCH + 64) | 0, -1);
    expect(machine.hypercall(20, 9, SCRATCH, 1)).toBe(0);
    const status = machine.peek32(SCRATCH + 64);
    expect(domain.grantTable.statusFrames).toEqual([status]);
    machine.poke(SCRATCH, 2, SELF, (SCRATCH + 64) | 0, -1);
    machine.hypercall(20, 9, SCRATCH, 1);
    expect(machine.peek32(SCRATCH + 4) >> 16).toBe(-1);
    // While the guest maps the status frame, there is no way back; then there is.
    expect(machine.hypercall(14, PLACE, status * 4096 + P + RW, 0)).toBe(0);
    expect(pair.setVersion(1)).toBe(-16);
    expect(machine.hypercall(14, PLACE, 0, 0)).toBe(0);
    expect(pair.setVersion(1)).toBe(0);
    expect(machine.xen.frames.owner(status)).toBeUndefined();
    expect(pair.flags(1, domain)).toBe(PERMIT | 8 | 16);
    machine.xen.hostGrantRelease(domain, 1 as never, true);
    pair.expectSound();
  });

  it('does not change while grants are in use, nor to entries it cannot write', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT, pair.machine.mfn(PFN_FREE), pair.machine.domain);
    expect(pair.map(9, HOST_MAP, PLACE, 1)).toBe(0);
    const { handle } = pair;
    expect(pair.setVersion(2)).toBe(-16);
    expect(pair.machine.peek32(SCRATCH)).toBe(1);
    expect(pair.unmap(handle)).toBe(0);
    expect(pair.setVersion(2)).toBe(0);
    pair.grant(3, TRANSITIVE, 0, pair.machine.domain);
    expect(pair.setVersion(1)).toBe(-34);
  });

  it('maps with the status apart, and copies parts and through a third domain', () => {
    const pair = new Pair();
    const { machine, other } = pair;
    const third = machine.newDomain('third');
    machine.onVcpu(() => 0);
    // The other two switch by hand: only the running domain makes hypercalls here.
    for (const domain of [other, third]) {
      domain.grantTable.version = 2;
      domain.grantTable.statusFrames.push(machine.xen.allocateSharedFrame(domain) as never);
    }
    pair.grant(9, PERMIT);
    expect(pair.map(9)).toBe(0);
    const entry = machine.ram.read32(grantEntryAddress(other.grantTable, 9)) & 0xffff;
    expect([entry, pair.flags(9)]).toEqual([PERMIT, 8 | 16]);
    expect(pair.unmap(pair.handle)).toBe(0);
    expect(pair.flags(9)).toBe(0);
    // A part of 32 bytes from 64.
    pair.grant(10, PERMIT | SUB_PAGE);
    machine.ram.write32((grantEntryAddress(other.grantTable, 10) + 4) as never, 64 | (32 << 16));
    machine.ram.write32(machine.machine(20, 64, other), 0x5eed);
    const own = [machine.mfn(PFN_FREE), SELF, 0];
    expect(pair.copy([10, 2, 64], own, 32, 1)).toBe(0);
    expect(machine.peek32(va(PFN_FREE))).toBe(0x5eed);
    expect(pair.copy([10, 2, 60], own, 8, 1)).toBe(-1);
    expect(pair.copy([10, 2, 64], own, 33, 1)).toBe(-1);
    expect(pair.copy([10, 2, 4090], own, 33, 1)).toBe(-10);
    // Domain 3 grants to 2, which grants it on to 1.
    pair.grant(11, PERMIT, machine.mfn(21, third), third, 2);
    pair.grant(12, TRANSITIVE, 11);
    machine.ram.write32((grantEntryAddress(other.grantTable, 12) + 4) as never, 3);
    machine.ram.write32(machine.machine(21, 0, third), 0x7ea);
    expect(pair.copy([12, 2, 0], own, 4, 1)).toBe(0);
    expect(machine.peek32(va(PFN_FREE))).toBe(0x7ea);
    expect(pair.map(12)).toBe(-1);
    // Not twice on, and not to oneself.
    pair.grant(11, TRANSITIVE, 9, third, 2);
    machine.ram.write32((grantEntryAddress(third.grantTable, 11) + 4) as never, 2);
    expect(pair.copy([12, 2, 0], own, 4, 1)).toBe(-1);
    machine.ram.write32((grantEntryAddress(other.grantTable, 12) + 4) as never, 2);
    expect(pair.copy([12, 2, 0], own, 4, 1)).toBe(-1);
    expect([pair.flags(12), pair.flags(11, third)]).toEqual([0, 0]);
    pair.expectSound();
  });
});

describe('copy', () => {
  it('takes frames of DOMID_SELF only, and grants in every direction', () => {
    const pair = new Pair();
    const { machine } = pair;
    const own = [machine.mfn(PFN_FREE), SELF, 0];
    pair.grant(9, PERMIT);
    pair.grant(8, PERMIT, machine.mfn(PFN_FREE + 1), machine.domain);
    machine.poke(va(PFN_FREE), 0xabc);
    expect(pair.copy(own, [9, 2, 16], 4, 2)).toBe(0);
    expect(machine.ram.read32(machine.machine(20, 16, pair.other))).toBe(0xabc);
    expect(pair.copy([9, 2, 16], [8, 1, 0], 4, 3)).toBe(0);
    expect(machine.peek32(va(PFN_FREE + 1))).toBe(0xabc);
    expect(pair.copy([8, SELF, 0], own, 4, 1)).toBe(0);
    expect(pair.copy([machine.mfn(PFN_FREE), 1, 0], own, 4, 0)).toBe(-8);
    expect(pair.copy([9, 99, 0], own, 4, 1)).toBe(-2);
    expect(pair.copy([0x12345, SELF, 0], own, 4, 0)).toBe(-9);
    expect(pair.copy(own, [machine.mfn(PFN_L1), SELF, 0], 4, 0)).toBe(-1);
    pair.expectSound();
  });

  it('a read-only use does not open the way to a writing one', () => {
    const pair = new Pair();
    pair.grant(9, PERMIT | READONLY);
    expect(pair.map(9, HOST_MAP | MAP_READONLY)).toBe(0);
    expect(pair.map(9, HOST_MAP, va(101))).toBe(-1);
    expect(pair.copy([pair.machine.mfn(PFN_FREE), SELF, 0], [9, 2, 0], 4, 2)).toBe(-1);
    expect(pair.flags(9)).toBe(PERMIT | READONLY | 8);
  });
});

describe('transfer', () => {
  const give = (pair: Pair): number => {
    expect(pair.machine.hypercall(14, va(PFN_FREE), 0, 0)).toBe(0);
    return pair.machine.mfn(PFN_FREE);
  };

  it('moves a page into the place that the taker asks for', () => {
    const pair = new Pair();
    const { machine, other } = pair;
    const frame = give(pair);
    other.maxPages++;
    pair.grant(9, ACCEPT, 63);
    // Its own page there is given back, though its tables still map it.
    expect(machine.xen.references.deallocate(machine.mfn(63, other))).toBe(true);
    expect(pair.transfer(frame, 2, 9)).toBe(0);
    const entry = machine.ram.offsetOf(grantEntryAddress(other.grantTable, 9)) >>> 2;
    expect([...machine.ram.i32.subarray(entry, entry + 2)]).toEqual([ACCEPT | 12 | (1 << 16), frame]);
    expect(machine.xen.frames.describe(frame as never)).toMatchObject({ owner: 2, count: 1 });
    expect(other.mfnOf(63)).toBe(frame);
    expect([machine.domain.totalPages, other.totalPages]).toEqual([63, 65]);
  });

  it('a page in use stays; one that nobody takes is lost', () => {
    const pair = new Pair();
    const { machine } = pair;
    expect(pair.transfer(machine.mfn(PFN_FREE), 2, 9)).toBe(-9);
    expect(pair.transfer(machine.domain.sharedInfoMfn, 2, 9)).toBe(-9);
    expect(pair.transfer(0x12345, 2, 9)).toBe(-9);
    const frame = give(pair);
    expect(pair.transfer(frame, 99, 9)).toBe(-2);
    expect(machine.xen.frames.owner(frame)).toBeUndefined();
    expect(machine.domain.totalPages).toBe(63);
    pair.expectSound();
  });
});
