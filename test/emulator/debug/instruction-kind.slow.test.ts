import { Decoder, DecoderOptions, FlowControl, Mnemonic } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { instructionKind } from '../../../emulator/debug/instruction-kind.ts';

/** Returns that ring 3 can make. */
const RETURNS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Ret,
  Mnemonic.Retf,
  Mnemonic.Iret,
  Mnemonic.Iretd,
  Mnemonic.Iretq,
]);

/** What iced-x86, which knows every instruction, says of the same bytes. */
function expected(bytes: Uint8Array, bits: 64 | 32): { readonly kind: string; readonly length?: number } | undefined {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  try {
    if (instruction.isInvalid) return undefined;
    const { flowControl, length, mnemonic } = instruction;
    const excursion = { kind: 'excursion', length };
    if (flowControl === FlowControl.Return) {
      return RETURNS.has(mnemonic) ? { kind: 'return' } : undefined;
    }
    if (flowControl === FlowControl.Call || flowControl === FlowControl.IndirectCall) {
      // VMCALL and its kin count as calls for iced; no guest of ours may run them.
      const far = mnemonic === Mnemonic.Call || mnemonic === Mnemonic.Syscall || mnemonic === Mnemonic.Sysenter;
      return far ? excursion : undefined;
    }
    if (flowControl === FlowControl.Interrupt) {
      return mnemonic === Mnemonic.Int || mnemonic === Mnemonic.Int3 ? excursion : undefined;
    }
    const repeated = instruction.isStringInstruction && (instruction.hasRepPrefix || instruction.hasRepnePrefix);
    return repeated ? excursion : { kind: 'other' };
  } finally {
    instruction.free();
    decoder.free();
  }
}

describe.each([64, 32] as const)('instructionKind in %i-bit code', (bits) => {
  it('agrees with iced-x86 on 200,000 random byte strings', () => {
    let state = 12345 + bits;
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    };
    const interesting = [
      0xe8, 0xff, 0xc3, 0xc2, 0xcb, 0xcf, 0xcc, 0xcd, 0x0f, 0xf3, 0xf2, 0xa4, 0xab, 0x48, 0x66, 0x9a,
    ];
    for (let round = 0; round < 200_000; round++) {
      const bytes = Uint8Array.from({ length: 15 }, random);
      for (let at = 0; at < 2; at++)
        if (random() < 128) bytes[at] = interesting[random() % interesting.length] as number;
      const wanted = expected(bytes, bits);
      // 16-bit addressing and operand sizes of calls do not occur in kernels.
      if (wanted === undefined || bytes.subarray(0, 6).includes(0x66) || bytes.subarray(0, 6).includes(0x67)) continue;
      expect(instructionKind(bytes, bits), Buffer.from(bytes).toString('hex')).toEqual(wanted);
    }
  });
});
