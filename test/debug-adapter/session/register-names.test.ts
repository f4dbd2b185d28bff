import { describe, expect, it } from 'vitest';
import { composeRegister, readRegister } from '../../../debug-adapter/session/register-names.ts';
import type { Registers } from '../../../emulator/debug/target.ts';

const registers: Registers = {
  general: { rip: '0x1000', rax: '0x1122334455667788', rsp: '0xffffc90000013f00', r8: '0xaabbccddeeff0011' },
  segment: { cs: '0xe033' },
  control: { cr3: '0x5000', mode: 'kernel' },
  flags: { value: '0x246', words: 'IF ZF PF' },
  vector: {},
};

describe('names of registers and their parts', () => {
  it.each([
    ['rax', 0x1122334455667788n],
    ['RAX', 0x1122334455667788n],
    ['eax', 0x55667788n],
    ['ax', 0x7788n],
    ['al', 0x88n],
    ['ah', 0x77n],
    ['r8d', 0xeeff0011n],
    ['r8w', 0x11n],
    ['r8b', 0x11n],
    ['pc', 0x1000n],
    ['sp', 0xffffc90000013f00n],
    ['esp', 0x13f00n],
    ['spl', 0x00n],
    ['zf', 1n],
    ['cf', 0n],
    ['if', 1n],
    ['eflags', 0x246n],
    ['cs', 0xe033n],
    ['cr3', 0x5000n],
    ['mode', undefined],
    ['rbx', undefined],
    ['r99', undefined],
  ])('%s reads as %s', (name, expected) => {
    expect(readRegister(registers, name)).toBe(expected);
  });

  it.each([
    ['rax', -1n, 'rax', 0xffffffffffffffffn],
    // Writing a 32-bit register clears the upper half (SDM vol. 1, 3.4.1.1).
    ['eax', 1n, 'rax', 1n],
    ['ax', 0x1ffffn, 'rax', 0x112233445566ffffn],
    ['ah', 0n, 'rax', 0x1122334455660088n],
    ['r8b', 0xffn, 'r8', 0xaabbccddeeff00ffn],
    ['zf', 0n, 'rflags', 0x206n],
    ['cf', 1n, 'rflags', 0x247n],
    ['pc', 0x2000n, 'rip', 0x2000n],
  ])('%s = %s sets %s', (name, value, whole, expected) => {
    expect(composeRegister(registers, name, value)).toEqual({ name: whole, value: expected });
  });

  it('knows nothing of others', () => {
    expect(composeRegister(registers, 'rbx', 1n)).toBeUndefined();
    expect(composeRegister(registers, 'bl', 1n)).toBeUndefined();
  });
});
