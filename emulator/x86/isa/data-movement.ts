import type { Emitter, Size } from './emitter.ts';
import { CONDITIONS, type Row, row, type Semantics } from './row.ts';

function move(e: Emitter): void {
  e.write(0, e.read(1));
}

function extend(from: Size, signed: boolean): Semantics {
  return (e) => {
    const value = e.read(1, from);
    if (!signed) {
      e.write(0, value.toWidth(e.width(e.size)));
      return;
    }
    const wide = e.signExtend(value, from);
    e.write(0, e.size === 64 ? wide.toI64S() : e.truncate(wide, e.size));
  };
}

function exchange(e: Emitter): void {
  const source = e.let(e.registerOperand(1, e.size));
  const destination = e.modify(0);
  destination.store(source);
  e.setRegisterOperand(1, e.size, destination.value);
}

function loadEffectiveAddress(e: Emitter): void {
  const address = e.effectiveAddress();
  e.write(0, e.size === 64 ? address.toI64U() : e.truncate(address.toI32(), e.size));
}

function exchangeAdd(e: Emitter): void {
  const source = e.let(e.registerOperand(1, e.size));
  const destination = e.modify(0);
  const result = e.let(destination.value.add(source));
  if (e.isMemory(0)) {
    destination.store(result);
    e.setRegisterOperand(1, e.size, destination.value);
  } else {
    e.setRegisterOperand(1, e.size, destination.value);
    destination.store(result);
  }
  e.flags.add(e.size, destination.value, source, result);
}

function compareExchange(e: Emitter): void {
  const accumulator = e.let(e.register(0, e.size));
  const source = e.let(e.registerOperand(1, e.size));
  const destination = e.modify(0);
  const result = e.let(accumulator.sub(destination.value));
  const equal = e.let(accumulator.eq(destination.value));
  // A register destination is left alone, upper half included, when the comparison fails.
  if (e.isMemory(0)) destination.store(source.select(equal, destination.value));
  else e.body.if(equal, () => destination.store(source));
  e.body.if(equal.eqz(), () => e.setRegister(0, e.size, destination.value));
  e.flags.subtract(e.size, accumulator, destination.value, result);
}

/** CMPXCHG8B and, with 64-bit halves, CMPXCHG16B (whose operand must be aligned). */
function compareExchangePair(half: 32 | 64): Semantics {
  return (e) => {
    const address = e.let(e.linearAddress());
    if (half === 64) e.raiseIf(address.toI32().and(15), 13, 0);
    const pointer = e.writePointer(half * 2, address);
    const low = e.let(e.body.load(half, pointer));
    const high = e.let(e.body.load(half, pointer, half / 8));
    const equal = e.let(low.eq(e.register(0, half)).and(high.eq(e.register(2, half))));
    e.body.store(half, pointer, e.register(3, half).select(equal, low));
    e.body.store(half, pointer, e.register(1, half).select(equal, high), half / 8);
    e.commit(half * 2, address, pointer);
    e.body.if(equal.eqz(), () => {
      e.setRegister(0, half, low);
      e.setRegister(2, half, high);
    });
    setZero(e, equal);
  };
}

/** Changes ZF alone. */
function setZero(e: Emitter, zero: ReturnType<Emitter['let']>): void {
  const word = e.let(e.flags.lowByte());
  const overflow = e.let(e.flags.overflow());
  e.flags.fromWord(word.and(~0x40).or(zero.shl(6)), overflow);
}

function byteSwap(e: Emitter): void {
  const value = e.let(e.registerOperand(0, e.size));
  e.setRegisterOperand(0, e.size, swapped(e, value, e.size));
}

function swapped(e: Emitter, value: ReturnType<Emitter['let']>, size: Size): ReturnType<Emitter['let']> {
  const swap32 = (word: ReturnType<Emitter['let']>) => word.rotl(8).and(0x00ff00ff).or(word.rotr(8).and(-0xff0100));
  if (size === 16) return value.shl(8).or(value.shrU(8)).and(0xffff);
  if (size === 32) return swap32(value);
  const low = e.let(value.toI32());
  const high = e.let(value.shrU(32).toI32());
  return swap32(low).toI64U().shl(32).or(swap32(high).toI64U());
}

function moveSwapped(e: Emitter): void {
  e.write(0, swapped(e, e.let(e.read(1)), e.size));
}

function signExtendAccumulator(e: Emitter): void {
  if (e.size === 16) e.setRegister(0, 16, e.register(0, 8).extend8S());
  else if (e.size === 32) e.setRegister(0, 32, e.register(0, 16).extend16S());
  else e.setRegister(0, 64, e.register(0, 32).toI64S());
}

function signIntoData(e: Emitter): void {
  const value = e.signExtend(e.register(0, e.size), e.size);
  e.setRegister(2, e.size, value.shrS(e.size === 64 ? 63 : 31));
}

function translateByte(e: Emitter): void {
  e.setRegister(0, 8, e.loadVirtual(8, e.linearAddress().add(e.register(0, 8).toWidth(e.mode))));
}

const conditional: readonly Row[] = CONDITIONS.flatMap((condition, code) => {
  const digit = code.toString(16).toUpperCase();
  return [
    row(`0F 4${digit} /r`, `cmov${condition}`, 'Gv Ev', (e) => {
      const source = e.let(e.read(1));
      const taken = e.let(e.flags.condition(code));
      e.write(0, source.select(taken, e.registerOperand(0, e.size)));
    }),
    row(`0F 9${digit} /r`, `set${condition}`, 'Eb', (e) => e.write(0, e.flags.condition(code))),
  ];
});

export const DATA_MOVEMENT: readonly Row[] = [
  row('88 /r', 'mov', 'Eb Gb', move),
  row('89 /r', 'mov', 'Ev Gv', move),
  row('8A /r', 'mov', 'Gb Eb', move),
  row('8B /r', 'mov', 'Gv Ev', move),
  row('A0', 'mov', 'AL Ob', move),
  row('A1', 'mov', 'rAX Ov', move),
  row('A2', 'mov', 'Ob AL', move),
  row('A3', 'mov', 'Ov rAX', move),
  row('B0 +r', 'mov', 'Zb Ib', move),
  row('B8 +r', 'mov', 'Zv Iv', move),
  row('C6 /0', 'mov', 'Eb Ib', move),
  row('C7 /0', 'mov', 'Ev Iz', move),
  row('8D /r', 'lea', 'Gv M', loadEffectiveAddress),
  row(
    '63 /r',
    'movsxd',
    'Gv Ed',
    (e) => {
      const value = e.read(1, 32);
      e.write(0, e.size === 64 ? value.toI64S() : e.truncate(value, e.size));
    },
    { mode: 64 },
  ),
  row('0F B6 /r', 'movzx', 'Gv Eb', extend(8, false)),
  row('0F B7 /r', 'movzx', 'Gv Ew', extend(16, false)),
  row('0F BE /r', 'movsx', 'Gv Eb', extend(8, true)),
  row('0F BF /r', 'movsx', 'Gv Ew', extend(16, true)),
  row('86 /r', 'xchg', 'Eb Gb', exchange, { lock: true }),
  row('87 /r', 'xchg', 'Ev Gv', exchange, { lock: true }),
  row('90', 'nop', '', () => {}),
  row('90 +r', 'xchg', 'Zv rAX', exchange),
  row('98', 'cbw', '_v', signExtendAccumulator),
  row('99', 'cwd', '_v', signIntoData),
  row('D7', 'xlat', 'XL', translateByte),
  row('0F C8 +r', 'bswap', 'Zv', byteSwap),
  row('NP 0F C3 /r', 'movnti', 'My Gy', move),
  row('NFx 0F 38 F0 /r', 'movbe', 'Gv Mv', moveSwapped),
  row('NFx 0F 38 F1 /r', 'movbe', 'Mv Gv', moveSwapped),
  row('0F C0 /r', 'xadd', 'Eb Gb', exchangeAdd, { lock: true }),
  row('0F C1 /r', 'xadd', 'Ev Gv', exchangeAdd, { lock: true }),
  row('0F B0 /r', 'cmpxchg', 'Eb Gb', compareExchange, { lock: true }),
  row('0F B1 /r', 'cmpxchg', 'Ev Gv', compareExchange, { lock: true }),
  row('REX.W 0F C7 /1', 'cmpxchg16b', 'Mx', compareExchangePair(64), { lock: true, routine: true, mode: 64 }),
  row('0F C7 /1', 'cmpxchg8b', 'Mq', compareExchangePair(32), { lock: true, routine: true }),
  ...conditional,
];
