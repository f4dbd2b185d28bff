import { FunctionBody } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { type ModuleBuilder, TYPE_I64 } from '../wasm/module-builder.ts';

/** Upper half of an unsigned 64 × 64 bit product, by four 32-bit ones. */
export function addHighProduct(builder: ModuleBuilder): number {
  const body = new FunctionBody([TYPE_I64, TYPE_I64]);
  const low = Int.constant64(-1, 0);
  const a = body.get(body.parameter(0));
  const b = body.get(body.parameter(1));
  const aLow = body.let(a.and(low));
  const aHigh = body.let(a.shrU(32));
  const bLow = body.let(b.and(low));
  const bHigh = body.let(b.shrU(32));
  const middle = body.let(aHigh.mul(bLow).add(aLow.mul(bLow).shrU(32)));
  const other = body.let(middle.and(low).add(aLow.mul(bHigh)));
  body.return(aHigh.mul(bHigh).add(middle.shrU(32)).add(other.shrU(32)));
  body.unreachable();
  return builder.addFunction(builder.type([TYPE_I64, TYPE_I64], [TYPE_I64]), body);
}

/** Quotient of (high:low) by a divisor greater than high: one division when high is 0, else bit by bit. */
export function addQuotient128(builder: ModuleBuilder): number {
  const body = new FunctionBody([TYPE_I64, TYPE_I64, TYPE_I64]);
  const high = body.parameter(0);
  const low = body.parameter(1);
  const divisor = body.parameter(2);
  body.if(body.get(high).eqz(), () => body.return(body.get(low).divU(body.get(divisor))));
  const left = body.local(TYPE_I64);
  body.set(left, Int.constant(64, 64));
  const again = body.loop();
  const carry = body.let(body.get(high).shrU(63));
  body.set(high, body.get(high).shl(1).or(body.get(low).shrU(63)));
  body.set(low, body.get(low).shl(1));
  body.if(carry.ne(0).or(body.get(high).geU(body.get(divisor))), () => {
    body.set(high, body.get(high).sub(body.get(divisor)));
    body.set(low, body.get(low).or(1));
  });
  body.set(left, body.get(left).sub(1));
  body.brIf(again, body.get(left).ne(0));
  body.end();
  body.return(body.get(low));
  body.unreachable();
  return builder.addFunction(builder.type([TYPE_I64, TYPE_I64, TYPE_I64], [TYPE_I64]), body);
}
