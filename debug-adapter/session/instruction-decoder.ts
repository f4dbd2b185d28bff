import type { Decoder, Formatter, Instruction } from 'iced-x86';
import type { Disposable } from '../../emulator/base/disposable.ts';

type Iced = typeof import('iced-x86');

export interface Decoded {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Intel syntax. */
  readonly text: string;
  /** Where a near branch or call goes, or the address of a RIP-relative operand. */
  readonly target: bigint | undefined;
  /** No instruction: the processor raises #UD. */
  readonly bad: boolean;
  /** The bytes end within the instruction. */
  readonly truncated: boolean;
}

/** Decodes and formats with iced-x86, which is loaded when the first disassembly is asked for. */
export class InstructionDecoder implements Disposable {
  private readonly formatter: Formatter;
  private readonly instruction: Instruction;

  private constructor(private readonly iced: Iced) {
    this.instruction = new iced.Instruction();
    this.formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
    this.formatter.hexPrefix = '0x';
    this.formatter.hexSuffix = '';
    this.formatter.uppercaseHex = false;
    this.formatter.spaceAfterOperandSeparator = true;
    this.formatter.ripRelativeAddresses = false;
    this.formatter.branchLeadingZeros = false;
    this.formatter.smallHexNumbersInDecimal = true;
  }

  static async load(): Promise<InstructionDecoder> {
    const loaded = (await import('iced-x86')) as Iced & { readonly default?: Iced };
    return new InstructionDecoder(loaded.default ?? loaded);
  }

  /** At most `count` instructions from the start of `bytes`, to their end. */
  decode(bits: 64 | 32, address: bigint, bytes: Uint8Array, count: number): readonly Decoded[] {
    const decoder = new this.iced.Decoder(bits, bytes, this.iced.DecoderOptions.None);
    decoder.ip = BigInt.asUintN(64, address);
    const found: Decoded[] = [];
    try {
      while (decoder.canDecode && found.length < count) found.push(this.next(decoder, bytes));
    } finally {
      decoder.free();
    }
    return found;
  }

  dispose(): void {
    this.instruction.free();
    this.formatter.free();
  }

  private next(decoder: Decoder, bytes: Uint8Array): Decoded {
    const start = decoder.position;
    const address = decoder.ip;
    decoder.decodeOut(this.instruction);
    if (decoder.lastError === this.iced.DecoderError.NoMoreBytes) {
      const rest = bytes.subarray(start);
      decoder.position = bytes.length;
      return { address, bytes: rest, text: '??', target: undefined, bad: true, truncated: true };
    }
    const bad = this.instruction.code === this.iced.Code.INVALID;
    // Whatever iced takes for the length of no instruction, one byte at a time is what one wants to see.
    const length = bad ? 1 : this.instruction.length;
    if (bad) {
      decoder.position = start + 1;
      decoder.ip = address + 1n;
    }
    const own = bytes.slice(start, start + length);
    const text = bad
      ? `db 0x${(own[0] as number).toString(16).padStart(2, '0')}`
      : this.formatter.format(this.instruction);
    return { address, bytes: own, text, target: bad ? undefined : this.target(), bad, truncated: false };
  }

  private target(): bigint | undefined {
    const { instruction, iced } = this;
    if (instruction.isIpRelMemoryOperand) return instruction.ipRelMemoryAddress;
    switch (instruction.op0Kind) {
      case iced.OpKind.NearBranch16:
      case iced.OpKind.NearBranch32:
      case iced.OpKind.NearBranch64:
        return instruction.nearBranchTarget;
      default:
        return undefined;
    }
  }
}
