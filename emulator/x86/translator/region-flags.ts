import { ArithmeticFlags } from '../isa/arithmetic-flags.ts';
import type { Emitter, Size } from '../isa/emitter.ts';
import type { Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { TYPE_I32, TYPE_I64 } from '../wasm/module-builder.ts';

type Kind = 'unknown' | 'subtract' | 'logic';

/**
 * Flags inside a region: what the last instruction of the block compared is remembered while code is emitted, so that
 * a condition after it is one comparison. The lazy words are written all the same; where nobody reads them, the
 * WebAssembly compiler leaves their computation out.
 */
export class RegionFlags extends ArithmeticFlags {
  private kind: Kind = 'unknown';
  private size: Size = 32;
  private readonly operands: Readonly<Record<32 | 64, readonly [Local, Local, Local]>>;

  constructor(e: Emitter) {
    super(e);
    const three = (type: 0x7f | 0x7e): [Local, Local, Local] => [
      e.body.local(type),
      e.body.local(type),
      e.body.local(type),
    ];
    this.operands = { 32: three(TYPE_I32), 64: three(TYPE_I64) };
  }

  /** Nothing is known: a block begins, or the words were written directly. */
  forget(): void {
    this.kind = 'unknown';
  }

  private remember(kind: Kind, size: Size, values: readonly [Int, Int, Int]): void {
    const locals = this.operands[size === 64 ? 64 : 32];
    for (const [index, value] of values.entries()) this.e.body.set(locals[index] as Local, value);
    this.kind = kind;
    this.size = size;
  }

  override subtract(size: Size, a: Int, b: Int, result: Int): void {
    super.subtract(size, a, b, result);
    this.remember('subtract', size, [a, b, result]);
  }

  override logic(size: Size, result: Int): void {
    super.logic(size, result);
    this.remember('logic', size, [result, result, result]);
  }

  private operand(index: 0 | 1 | 2): Int {
    return this.e.body.get(this.operands[this.size === 64 ? 64 : 32][index]);
  }

  private signed(index: 0 | 1 | 2): Int {
    return this.e.signExtend(this.operand(index), this.size);
  }

  override carry(): Int {
    if (this.kind === 'subtract') return this.operand(0).ltU(this.operand(1));
    return this.kind === 'logic' ? Int.constant(32, 0) : super.carry();
  }

  override zero(): Int {
    return this.kind === 'unknown' ? super.zero() : this.operand(2).eqz();
  }

  override condition(code: number): Int {
    const positive = (code & 1) === 0;
    if (this.kind === 'unknown') return super.condition(code);
    const zero = this.e.constant(0, this.size);
    const logic = this.kind === 'logic';
    switch (code >> 1) {
      case 1:
        if (logic) return Int.constant(32, positive ? 0 : 1);
        return positive ? this.operand(0).ltU(this.operand(1)) : this.operand(0).geU(this.operand(1));
      case 2:
        return positive ? this.operand(2).eqz() : this.operand(2).ne(0);
      case 3:
        if (logic) return positive ? this.operand(2).eqz() : this.operand(2).ne(0);
        return positive ? this.operand(0).leU(this.operand(1)) : this.operand(0).gtU(this.operand(1));
      case 4:
        return positive ? this.signed(2).ltS(zero) : this.signed(2).geS(zero);
      case 6:
        if (logic) return positive ? this.signed(2).ltS(zero) : this.signed(2).geS(zero);
        return positive ? this.signed(0).ltS(this.signed(1)) : this.signed(0).geS(this.signed(1));
      case 7:
        if (logic) return positive ? this.signed(2).leS(zero) : this.signed(2).gtS(zero);
        return positive ? this.signed(0).leS(this.signed(1)) : this.signed(0).gtS(this.signed(1));
      default:
        return super.condition(code);
    }
  }
}
