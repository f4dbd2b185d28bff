import { describe, expect, it } from 'vitest';
import { checkDescriptor2, isValidCodeSelector } from '../../../../emulator/xen/pv/xen-2/descriptor-tables.ts';
import { OldMachine, oldVa, PFN_OLD_SCRATCH } from './old-machine.ts';
import { A, P } from './test-machine.ts';

const EINVAL = -22;
const EPERM = -1;

const { domain } = new OldMachine();
const check = (low: number, high: number) => checkDescriptor2(low, high, domain);

/** check_descriptor of Xen 2.0, arch/x86/x86_32/mm.c. */
describe('descriptors of Xen 2.0', () => {
  it('of 4 KiB grain are cut short where Xen begins', () => {
    // 4 GiB flat for ring 1 and ring 3: limit 0xFC3FF pages (sheet, section 1).
    expect(check(0x0000ffff, 0x00cfba00)).toEqual({ low: 0x0000c3ff, high: 0x00cfba00 });
    expect(check(0x0000ffff, 0x00cff200)).toEqual({ low: 0x0000c3ff, high: 0x00cff200 });
    // From 0x40000000 up to Xen: 0xBC400 pages.
    expect(check(0x0000ffff, 0x40cff200)).toEqual({ low: 0x0000c3ff, high: 0x40cbf200 });
  });

  it('of byte grain that reach Xen are refused, as are those of ring 0 and bases in Xen', () => {
    expect(check(0xf000ffff, 0xfc4ff23f)).toMatchObject({ errno: 22 });
    expect(check(0x0000ffff, 0x00cf9a00)).toMatchObject({
      errno: 22,
      reason: expect.stringMatching(/ring 0/),
    });
    expect(check(0xf0000010, 0xfc40f23f)).toMatchObject({ errno: 22 });
    expect(check(0x00000010, 0x0040f200)).toEqual({ low: 0x10, high: 0x0040f200 });
  });

  it('of system segments are refused but for call gates into the guest kernel', () => {
    expect(check(0, 0x00008b00 | (3 << 13))).toMatchObject({ errno: 22 });
    expect(check(0x00611234, 0xc000ec00)).toEqual({ low: 0x00611234, high: 0xc000ec00 });
    expect(check(0x08081234, 0xc000ec00)).toMatchObject({ errno: 22 });
  });

  it('VALID_CODESEL: ring 1, and of the reserved entries the flat one only', () => {
    expect([0x0819, 0x61, 0x0d].map((selector) => isValidCodeSelector(selector))).toEqual([true, true, true]);
    expect([0x0821, 0x082b, 0x60, 0x63, 0].map((selector) => isValidCodeSelector(selector))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('set_gdt of Xen 2.0', () => {
  it('takes 296 to 8192 entries in pages without a writable mapping, and puts its own in', () => {
    const machine = new OldMachine().start();
    const scratch = oldVa(PFN_OLD_SCRATCH);
    const mfn = machine.mfn(20);
    machine.poke(scratch, mfn);
    expect(machine.hypercall(2, scratch, 295)).toBe(EINVAL);
    expect(machine.hypercall(2, scratch, 8193)).toBe(EINVAL);
    expect(machine.hypercall(2, scratch, 296)).toBe(EINVAL);
    expect(machine.lastReason()).toMatch(/writable_page/);
    // update_va_mapping takes a page number.
    expect(machine.hypercall(14, oldVa(20) / 4096, mfn * 4096 + (P | A), 0)).toBe(0);
    expect(machine.hypercall(2, scratch, 296)).toBe(0);
    expect([machine.peek32(oldVa(20, 259 * 8)), machine.peek32(oldVa(20, 259 * 8 + 4))]).toEqual([0xc3ff, 0x00cfba00]);
    // Xen's entries stay Xen's.
    expect(machine.hypercall(10, (mfn * 4096 + 259 * 8) | 0, 0, 0)).toBe(EINVAL);
    expect(machine.hypercall(10, (mfn * 4096 + 12 * 8) | 0, 0xffff, 0x00cfba00)).toBe(0);
    expect(machine.peek32(oldVa(20, 12 * 8))).toBe(0xc3ff);
  });
});

describe('callbacks and traps of Xen 2.0', () => {
  it('refuse selectors that are not of ring 1; a fast trap is 0x20 to 0x2f or 0x80', () => {
    const machine = new OldMachine().start();
    const scratch = oldVa(PFN_OLD_SCRATCH);
    expect(machine.hypercall(4, 0x819, 0, 0x82b, 0)).toBe(EPERM);
    expect(machine.hypercall(4, 0x819, 0xc0100000, 0x61, 0xc0100010)).toBe(0);
    // Vector 0x80, DPL 3; then one with a bad selector: the first stays.
    machine.poke(scratch, 0x08190380, 0xc0100020, 0x082b0381, 0xc0100030, 0, 0);
    expect(machine.hypercall(0, scratch)).toBe(EPERM);
    expect(machine.vcpu.traps[0x80]).toEqual({ address: 0xc0100020, cs: 0x819, dpl: 3, maskEvents: false });
    expect([0x30, 0x1f, 0x81, 3].map((vector) => machine.hypercall(11, vector))).toEqual([-1, -1, -1, -1]);
    expect([0x80, 0x20, 0].map((vector) => machine.hypercall(11, vector))).toEqual([0, 0, 0]);
    expect(machine.hypercall(3, 0x820, 0)).toBe(EPERM);
  });
});
