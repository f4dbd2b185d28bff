import { describe, expect, it } from 'vitest';
import type { PlainSymbol } from '../../../../emulator/base/symbol-list.ts';
import { readKallsyms } from '../../../../emulator/debug/introspection/kallsyms.ts';
import { debianCloudKernel, debianKernel } from '../../../support/guests.ts';
import { loadKernel } from '../../../support/kernel-memory.ts';

describe.each([
  ['amd64', debianKernel],
  ['cloud-amd64', debianCloudKernel],
])('symbols of the stripped Debian kernel, %s', (_, file) => {
  const { memory, base, entry, symbols } = loadKernel(file());
  const address = (name: string): number => {
    const found = symbols.filter((symbol) => symbol.name === name);
    expect(found, name).toHaveLength(1);
    return (found[0] as PlainSymbol).address;
  };
  const bytesAt = (name: string, count: number): Uint8Array => memory.subarray(address(name) - base).subarray(0, count);

  it('has as many as a kernel of this size has, all in the kernel half', () => {
    expect(symbols.length).toBeGreaterThan(80_000);
    expect(symbols.every((symbol) => symbol.address >= -0x80000000 && symbol.address < 0)).toBe(true);
  });

  it('agrees with the entry point in the Xen notes', () => {
    expect(address('startup_xen')).toBe(entry);
  });

  it('agrees with the bytes at the symbols', () => {
    expect(new TextDecoder().decode(bytesAt('linux_banner', 18))).toBe('Linux version 6.1.');
    // The return addresses of memcpy's aliases agree, and every function begins inside the text.
    expect(address('__memcpy')).toBe(address('memcpy'));
    const text = symbols.filter(({ kind }) => kind === 'function').map((symbol) => BigInt(symbol.address));
    expect(text.length).toBeGreaterThan(40_000);
  });

  it('agrees with a call: x86_64_start_kernel or xen_start_kernel jumps to start_kernel', () => {
    // xen_start_kernel ends by calling x86_64_start_reservations: E8 rel32 somewhere in its first 4 KiB.
    const start = address('xen_start_kernel');
    const code = bytesAt('xen_start_kernel', 4096);
    const target = address('x86_64_start_reservations');
    const calls = [...code.keys()].filter((at) => {
      if ((code[at] !== 0xe8 && code[at] !== 0xe9) || at + 5 > code.length) return false;
      const distance = new DataView(code.buffer, code.byteOffset + at + 1, 4).getInt32(0, true);
      return start + at + 5 + distance === target;
    });
    expect(calls.length).toBeGreaterThan(0);
  });
});

it('finds nothing in noise and in a table cut short', () => {
  const noise = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7919) >> 3);
  expect(readKallsyms(noise, -0x7f000000)).toBeUndefined();
  const digits = new Uint8Array(1000);
  for (let digit = 0; digit < 10; digit++) digits[500 + 2 * digit] = 0x30 + digit;
  expect(readKallsyms(digits, -0x7f000000)).toBeUndefined();
});
