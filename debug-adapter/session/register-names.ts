import type { Registers } from '../../emulator/debug/target.ts';

interface Part {
  readonly of: string;
  readonly shift: bigint;
  readonly bits: number;
}

const LEGACY = ['ax', 'bx', 'cx', 'dx'] as const;
const POINTERS = ['si', 'di', 'bp', 'sp'] as const;
const NUMBERED = [8, 9, 10, 11, 12, 13, 14, 15] as const;

const part = (of: string, bits: number, shift = 0n): Part => ({ of, bits, shift });

/** Names for parts of the 64-bit registers (SDM vol. 1, 3.4.1.1). */
const PARTS: ReadonlyMap<string, Part> = new Map([
  ...LEGACY.flatMap((name): [string, Part][] => [
    [`e${name}`, part(`r${name}`, 32)],
    [name, part(`r${name}`, 16)],
    [`${name.charAt(0)}l`, part(`r${name}`, 8)],
    [`${name.charAt(0)}h`, part(`r${name}`, 8, 8n)],
  ]),
  ...POINTERS.flatMap((name): [string, Part][] => [
    [`e${name}`, part(`r${name}`, 32)],
    [name, part(`r${name}`, 16)],
    [`${name}l`, part(`r${name}`, 8)],
  ]),
  ...NUMBERED.flatMap((number): [string, Part][] => [
    [`r${number}d`, part(`r${number}`, 32)],
    [`r${number}w`, part(`r${number}`, 16)],
    [`r${number}b`, part(`r${number}`, 8)],
  ]),
  ['eip', part('rip', 32)],
  ['eflags', part('rflags', 32)],
]);

/** Other names for the same register, as gdb has them; `sp` is the whole stack pointer there. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['pc', 'rip'],
  ['sp', 'rsp'],
  ['fp', 'rbp'],
]);

/** Single flags, by bit number (SDM vol. 1, 3.4.3). */
const FLAGS: ReadonlyMap<string, bigint> = new Map([
  ['cf', 0n],
  ['pf', 2n],
  ['af', 4n],
  ['zf', 6n],
  ['sf', 7n],
  ['tf', 8n],
  ['if', 9n],
  ['df', 10n],
  ['of', 11n],
]);

/** Value of a register, a part of one, or a single flag; undefined: no such name. Case does not matter. */
export function readRegister(registers: Registers, asked: string): bigint | undefined {
  const name = asked.toLowerCase();
  const whole = wholeRegister(registers, ALIASES.get(name) ?? name);
  if (whole !== undefined) return whole;
  const found = PARTS.get(name);
  if (found !== undefined) {
    const value = wholeRegister(registers, found.of);
    return value === undefined ? undefined : BigInt.asUintN(found.bits, value >> found.shift);
  }
  const bit = FLAGS.get(name);
  return bit === undefined ? undefined : (BigInt(registers.flags.value) >> bit) & 1n;
}

function wholeRegister(registers: Registers, name: string): bigint | undefined {
  if (name === 'rflags') return BigInt(registers.flags.value);
  for (const group of [registers.general, registers.segment, registers.control]) {
    const text = group[name];
    if (text !== undefined && /^(0x)?[0-9a-f]+$/i.test(text)) return BigInt(text);
  }
  return undefined;
}

/** The whole register that a write to `asked` changes, and its new value. Undefined: no such register. */
export function composeRegister(
  registers: Registers,
  asked: string,
  value: bigint,
): { readonly name: string; readonly value: bigint } | undefined {
  const lower = asked.toLowerCase();
  const name = ALIASES.get(lower) ?? lower;
  if (wholeRegister(registers, name) !== undefined) return { name, value: BigInt.asUintN(64, value) };
  const found = PARTS.get(name);
  const bit = FLAGS.get(name);
  const of = found?.of ?? (bit === undefined ? undefined : 'rflags');
  const old = of === undefined ? undefined : wholeRegister(registers, of);
  if (of === undefined || old === undefined) return undefined;
  const bits = found?.bits ?? 1;
  // Writing a 32-bit register clears the upper half (SDM vol. 1, 3.4.1.1).
  if (found?.bits === 32 && of !== 'rflags') return { name: of, value: BigInt.asUintN(32, value) };
  const shift = found?.shift ?? bit ?? 0n;
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  return { name: of, value: (old & ~mask) | ((value << shift) & mask) };
}

/** All names an expression may use, for completion. */
export function registerNames(registers: Registers): readonly string[] {
  return [
    ...Object.keys(registers.general),
    'rflags',
    ...Object.keys(registers.segment),
    ...Object.keys(registers.control),
    ...PARTS.keys(),
  ];
}
