import type { FrameRow } from './frame-program.ts';
import { evaluateValue, type FrameState } from './location.ts';

export interface Caller {
  readonly pc: bigint;
  /** Of the frame that was left: the caller's stack pointer there. */
  readonly canonicalFrameAddress: bigint;
  /** What is known of the caller's registers, by DWARF number. */
  readonly registers: ReadonlyMap<number, bigint>;
}

/** Registers by DWARF number: the stack pointer, and those a callee preserves (System V ABI, x86-64 3.2.1; i386 2.2.1). */
const CONVENTIONS = {
  8: { stackPointer: 7, preserved: [3, 6, 12, 13, 14, 15] },
  4: { stackPointer: 4, preserved: [3, 5, 6, 7] },
} as const;

/** Address of the frame that a row describes; undefined: a register is missing. */
export async function canonicalFrameAddress({ cfa }: FrameRow, state: FrameState): Promise<bigint | undefined> {
  if (cfa.kind === 'expression') return await evaluateValue(cfa.expression, { ...methods(state), unit: undefined });
  const base = state.register(cfa.register);
  return base === undefined ? undefined : wrap(base + BigInt(cfa.offset), state);
}

/** The caller of a frame; 'end': the information says that there is none; undefined: something cannot be read. */
export async function callerOf(row: FrameRow, state: FrameState): Promise<Caller | 'end' | undefined> {
  const cfa = await canonicalFrameAddress(row, state);
  if (cfa === undefined) return undefined;
  if (row.rules.get(row.returnRegister)?.kind === 'undefined') return 'end';
  const { stackPointer, preserved } = CONVENTIONS[state.addressSize];
  const registers = new Map<number, bigint>();
  const known = new Set<number>([...preserved, ...row.rules.keys()]);
  for (const register of known) {
    const value = await registerOf(row, register, cfa, state);
    if (value !== undefined) registers.set(register, value);
  }
  const pc = registers.get(row.returnRegister);
  if (pc === undefined) return undefined;
  if (!row.rules.has(stackPointer)) registers.set(stackPointer, cfa);
  return pc === 0n ? 'end' : { pc, canonicalFrameAddress: cfa, registers };
}

async function registerOf(
  row: FrameRow,
  register: number,
  cfa: bigint,
  state: FrameState,
): Promise<bigint | undefined> {
  const rule = row.rules.get(register);
  const context = { ...methods(state), unit: undefined };
  switch (rule?.kind) {
    case undefined:
    case 'same':
      return state.register(register);
    case 'undefined':
      return undefined;
    case 'register':
      return state.register(rule.register);
    case 'value-offset':
      return wrap(cfa + BigInt(rule.offset), state);
    case 'offset':
      return await readWord(wrap(cfa + BigInt(rule.offset), state), state);
    case 'value-expression':
      return await evaluateValue(rule.expression, context, [cfa]);
    case 'expression': {
      const address = await evaluateValue(rule.expression, context, [cfa]);
      return address === undefined ? undefined : await readWord(address, state);
    }
  }
}

async function readWord(address: bigint, state: FrameState): Promise<bigint | undefined> {
  const bytes = await state.readMemory(address, state.addressSize);
  if (bytes.length < state.addressSize) return undefined;
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
  return value;
}

const wrap = (value: bigint, { addressSize }: FrameState): bigint => BigInt.asUintN(8 * addressSize, value);

/** The methods of a state, whatever object carries them. */
const methods = (state: FrameState): FrameState => ({
  addressSize: state.addressSize,
  register: (number) => state.register(number),
  readMemory: (address, length) => state.readMemory(address, length),
});
