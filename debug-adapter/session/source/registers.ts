/** Registers by DWARF number, under the names they have here (System V ABI: x86-64, figure 3.36; i386, table 2.14). */
const NAMES_64 = [
  ...['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'],
] as const;
const NAMES_32 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'rip'] as const;

/** Parts by size in bytes, of the registers with names of their own (SDM vol. 1, 3.4.1.1). */
const LETTERS: ReadonlyMap<string, string> = new Map(
  ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp', 'sp'].map((name) => [`r${name}`, name] as const),
);

export const namesOf = (addressSize: 8 | 4): readonly string[] => (addressSize === 8 ? NAMES_64 : NAMES_32);

export const STACK_POINTER = { 8: 7, 4: 4 } as const;
export const FRAME_POINTER = { 8: 6, 4: 5 } as const;
export const PROGRAM_COUNTER = { 8: 16, 4: 8 } as const;

/** All that a stopped vCPU has, by DWARF number. */
export function byNumber(general: Readonly<Record<string, bigint>>, addressSize: 8 | 4): ReadonlyMap<number, bigint> {
  const found = new Map<number, bigint>();
  for (const [number, name] of namesOf(addressSize).entries()) {
    const value = general[name];
    if (value !== undefined) found.set(number, addressSize === 8 ? value : BigInt.asUintN(32, value));
  }
  return found;
}

/** Name of the part of a register that holds a value of `size` bytes: what to set to set the value. */
export function partName(number: number, size: number, addressSize: 8 | 4): string | undefined {
  const name = namesOf(addressSize)[number];
  if (name === undefined || size === 8) return name;
  const letters = LETTERS.get(name);
  if (letters === undefined) {
    const suffix = size === 4 ? 'd' : size === 2 ? 'w' : 'b';
    return /^r\d+$/.test(name) ? `${name}${suffix}` : undefined;
  }
  if (size === 4) return `e${letters}`;
  if (size === 2) return letters;
  return letters.endsWith('x') ? `${letters.charAt(0)}l` : `${letters}l`;
}
