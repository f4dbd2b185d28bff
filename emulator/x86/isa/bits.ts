import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics } from './row.ts';

type Change = ((value: Int, bit: Int) => Int) | undefined;

/** Bit of a register or of a word in memory; a register offset reaches beyond the word in memory (SDM BT). */
function bitTest(change: Change, immediate: boolean): Semantics {
  return (e) => {
    const width = e.width(e.size);
    const offset = e.let(immediate ? e.read(1, 8).toWidth(width) : e.registerOperand(1, e.size));
    const place = e.let(offset.and(e.size - 1));
    let address: Int | undefined;
    if (e.isMemory(0)) {
      if (immediate) address = e.linearAddress();
      else {
        const bytes = e
          .signExtend(offset, e.size)
          .shrS(e.size === 64 ? 6 : e.size === 32 ? 5 : 4)
          .mul(e.size / 8);
        address = e.addressBeyond(e.mode === 64 ? bytes.toI64S() : bytes);
      }
    }
    const bit = e.constant(1).shl(place);
    if (change === undefined) {
      const value = address === undefined ? e.registerOperand(0, e.size) : e.loadVirtual(e.size, address);
      e.flags.setCarry(value.shrU(place).toI32().and(1));
      return;
    }
    const destination = address === undefined ? e.modify(0) : e.modifyVirtual(e.size, address);
    destination.store(change(destination.value, bit));
    e.flags.setCarry(destination.value.shrU(place).toI32().and(1));
  };
}

/** BSF and BSR leave the destination alone when the source is zero; ZF tells. */
function scan(forward: boolean): Semantics {
  return (e) => {
    const value = e.let(e.read(1));
    const index = forward ? value.ctz() : value.clz().xor(e.size === 64 ? 63 : 31);
    const found = e.let(index);
    e.body.if(value.ne(0), () => e.write(0, found));
    e.flags.logic(e.size, value);
  };
}

function populationCount(e: Emitter): void {
  const value = e.let(e.read(1));
  e.write(0, value.popcnt());
  e.flags.logic(e.size, value);
  // PF, SF, OF, AF and CF are cleared: bits 15:8 turn the parity odd, bit 0 the sign positive.
  const negative = e.signExtend(value, e.size).ltS(0);
  const even = value.toI32().and(0xff).popcnt().and(1).xor(1);
  e.setCcAuxiliary(negative.or(even.shl(8)));
}

/** CRC-32C (polynomial 0x11EDC6F41, bit-reflected 0x82F63B78), one bit at a time. */
function crc32(e: Emitter): void {
  const { body } = e;
  const size = e.operandSize(1);
  const crc = body.temporary(0x7f);
  const left = body.temporary(0x7f);
  const data = body.temporary(0x7e);
  body.set(data, e.read(1).toI64U());
  body.set(crc, e.registerOperand(0, 32));
  body.set(left, Int.constant(32, size));
  const again = body.loop();
  const low = e.let(body.get(crc).xor(body.get(data).toI32()).and(1));
  body.set(
    crc,
    body
      .get(crc)
      .shrU(1)
      .xor(Int.constant(32, 0x82f63b78 | 0).and(low.negate())),
  );
  body.set(data, body.get(data).shrU(1));
  body.set(left, body.get(left).sub(1));
  body.brIf(again, body.get(left));
  body.end();
  e.setRegisterOperand(0, 32, body.get(crc));
}

const GROUP: readonly [name: string, change: Change, register: string, digit: number][] = [
  ['bt', undefined, 'A3', 4],
  ['bts', (value, bit) => value.or(bit), 'AB', 5],
  ['btr', (value, bit) => value.and(bit.not()), 'B3', 6],
  ['btc', (value, bit) => value.xor(bit), 'BB', 7],
];

export const BITS: readonly Row[] = [
  ...GROUP.flatMap(([name, change, opcode, digit]) => {
    const locked = change === undefined ? {} : ({ lock: true } as const);
    return [
      row(`0F ${opcode} /r`, name, 'Ev Gv', bitTest(change, false), locked),
      row(`0F BA /${digit}`, name, 'Ev Ib', bitTest(change, true), locked),
    ];
  }),
  row('0F BC /r', 'bsf', 'Gv Ev', scan(true)),
  row('0F BD /r', 'bsr', 'Gv Ev', scan(false)),
  row('F3 0F B8 /r', 'popcnt', 'Gv Ev', populationCount),
  row('F2 0F 38 F0 /r', 'crc32', 'Gy Eb', crc32, { routine: true }),
  row('F2 0F 38 F1 /r', 'crc32', 'Gy Ev', crc32, { routine: true }),
];
