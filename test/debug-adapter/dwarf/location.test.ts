import { describe, expect, it } from 'vitest';
import { evaluateLocation, type Location, type LocationContext } from '../../../debug-adapter/dwarf/location.ts';
import { OP } from '../../../debug-adapter/dwarf/operators.ts';
import { compile, open, signed, tool } from './compile.ts';

const CONTEXT: LocationContext = {
  addressSize: 8,
  unit: undefined,
  register: (number) => (number === 9 ? undefined : BigInt(number) * 0x100n),
  readMemory: (address, length) =>
    Promise.resolve(Uint8Array.from({ length }, (_, at) => Number(address & 0xffn) + at)),
  frameBase: () => Promise.resolve(0x8000n),
  canonicalFrameAddress: () => Promise.resolve(0x9000n),
};

const evaluate = (bytes: readonly number[], context = CONTEXT): Promise<Location> =>
  evaluateLocation(Uint8Array.from(bytes), context);
const memory = (address: bigint): Location => ({ kind: 'memory', address });
const value = (bits: bigint): Location => ({ kind: 'value', value: bits });
/** The top of the stack as a value. */
const computed = (...bytes: readonly number[]): Promise<Location> => evaluate([...bytes, OP.stack_value]);

describe('location expressions (DWARF 5, 2.5 and 2.6)', () => {
  it.each([
    ['DW_OP_addr', [OP.addr, 0, 0, 0x10, 0x80, 0xff, 0xff, 0xff, 0xff], memory(0xffffffff80100000n)],
    ['DW_OP_fbreg -24', [OP.fbreg, 0x68], memory(0x8000n - 24n)],
    ['DW_OP_breg5 +16', [OP.breg0 + 5, 16], memory(0x510n)],
    ['DW_OP_bregx 17 -1', [OP.bregx, 17, 0x7f], memory(0x10ffn)],
    ['DW_OP_call_frame_cfa', [OP.call_frame_cfa], memory(0x9000n)],
    ['DW_OP_reg3', [OP.reg0 + 3], { kind: 'register', register: 3 }],
    ['DW_OP_regx 40', [OP.regx, 40], { kind: 'register', register: 40 }],
    ['DW_OP_implicit_value', [OP.implicit_value, 2, 7, 8], { kind: 'bytes', bytes: Uint8Array.of(7, 8) }],
    ['nothing', [], { kind: 'unavailable', reason: 'optimized out' }],
  ] as const)('%s', async (_, bytes, expected) => {
    expect(await evaluate(bytes)).toEqual(expected);
  });

  it.each([
    ['17 mod 5', [OP.lit0 + 17, OP.lit0 + 5, OP.mod], 2n],
    ['-17 div 5, signed', [OP.const1s, 0xef, OP.lit0 + 5, OP.div], BigInt.asUintN(64, -3n)],
    ['1000 plus_uconst 500', [OP.const2u, 0xe8, 3, OP.plus_uconst, 0xf4, 3], 1500n],
    ['-8 shr 60, unsigned', [OP.const1s, 0xf8, OP.lit0 + 30, OP.lit0 + 30, OP.plus, OP.shr], 15n],
    ['-8 shra 2', [OP.const1s, 0xf8, OP.lit0 + 2, OP.shra], BigInt.asUintN(64, -2n)],
    ['-1 lt 0', [OP.const1s, 0xff, OP.lit0, OP.lt], 1n],
    [
      'over, swap, rot',
      [OP.lit0 + 1, OP.lit0 + 2, OP.lit0 + 3, OP.rot, OP.over, OP.minus],
      BigInt.asUintN(64, 2n - 1n),
    ],
    ['pick 2', [OP.lit0 + 9, OP.lit0 + 2, OP.lit0 + 3, OP.pick, 2], 9n],
    ['bra taken', [OP.lit0 + 1, OP.bra, 1, 0, OP.nop, OP.lit0 + 4], 4n],
    ['deref', [OP.lit0 + 16, OP.deref], 0x1716151413121110n],
    ['deref_size 2', [OP.lit0 + 16, OP.deref_size, 2], 0x1110n],
    ['neg, not, abs', [OP.lit0 + 5, OP.neg, OP.not, OP.const1s, 0xfe, OP.abs, OP.plus], 6n],
  ] as const)('%s', async (_, bytes, expected) => {
    expect(await computed(...bytes)).toEqual(value(expected));
  });

  it('pieces, one of them lost', async () => {
    // DW_OP_reg0, DW_OP_piece 4, nothing, DW_OP_piece 2, DW_OP_lit5 DW_OP_stack_value, DW_OP_piece 2
    const bytes = [OP.reg0, OP.piece, 4, OP.piece, 2, OP.lit0 + 5, OP.stack_value, OP.piece, 2];
    expect(await evaluate(bytes)).toEqual({
      kind: 'pieces',
      pieces: [
        { location: { kind: 'register', register: 0 }, size: 4 },
        { location: { kind: 'unavailable', reason: 'optimized out' }, size: 2 },
        { location: value(5n), size: 2 },
      ],
    });
  });

  it('what cannot be known is unavailable, what is malformed throws', async () => {
    expect(await evaluate([OP.breg0 + 9, 0])).toMatchObject({ kind: 'unavailable' });
    expect(await evaluate([OP.entry_value, 1, OP.reg0 + 5])).toMatchObject({ kind: 'unavailable' });
    await expect(evaluate([OP.plus])).rejects.toThrow('empty stack');
    await expect(evaluate([0xff])).rejects.toThrow('unknown operator 0xff');
    await expect(evaluate([OP.lit0, OP.skip, 0xfc, 0xff])).rejects.toThrow('does not end');
  });
});

describe('what a caller passed, when the callee did not keep it', () => {
  it.each(['-gdwarf-4', '-gdwarf-5'])('is found at the call site (%s)', async (version) => {
    const file = compile('-O1', version);
    const info = open(file);
    // The recursive call in factorial, and where it returns to.
    const code = tool('objdump', ['-d', '--no-show-raw-insn', file]).split('\n');
    const call = code.findIndex((line) => /call .*<factorial>/.test(line));
    const back = signed(`0x${code[call + 1]?.trim().split(':')[0]}`);
    const argument = info.argumentAt(back, Uint8Array.of(OP.reg0 + 5));
    // factorial(n - 1) with n in rbx: DW_OP_breg3 -1.
    expect(argument?.expression).toEqual(Uint8Array.of(OP.breg0 + 3, 0x7f));
    expect(info.argumentAt(back, Uint8Array.of(OP.reg0 + 4))).toBeUndefined();
    expect(info.argumentAt(back + 1, Uint8Array.of(OP.reg0 + 5))).toBeUndefined();
  });
});
