/** Register values between the debug target's words and the protocol's little-endian digits. */
import type { Registers } from '../../emulator/debug/target.ts';
import type { RegisterRow } from './target-description.ts';

/** Digits of one register; "x" for those that are not there. */
export function encodeRegister({ bits, source }: RegisterRow, registers: Registers): string {
  const text = source === undefined ? undefined : lookUp(registers, source);
  if (text === undefined) return 'x'.repeat(bits / 4);
  let value = BigInt.asUintN(bits, BigInt(text));
  let digits = '';
  for (let at = 0; at < bits; at += 8) {
    digits += Number(value & 0xffn)
      .toString(16)
      .padStart(2, '0');
    value >>= 8n;
  }
  return digits;
}

function lookUp(registers: Registers, { group, name }: NonNullable<RegisterRow['source']>): string | undefined {
  return group === 'flags' ? registers.flags.value : registers[group][name];
}

/** Hexadecimal value of little-endian digits; undefined when they are no number ("x": gdb does not know it either). */
export function decodeRegister(digits: string): string | undefined {
  if (digits === '' || !/^([0-9a-fA-F]{2})+$/.test(digits)) return undefined;
  return `0x${(digits.match(/../g) ?? []).reverse().join('')}`;
}
