import { STATE_X87, STATE_X87_CONTROL, STATE_X87_STATUS, STATE_X87_TAGS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics, systemRow } from './row.ts';
import { requireX87 } from './sse-operands.ts';

/**
 * Control and state of the x87 unit.
 *
 * NOT IMPLEMENTED: last instruction and data pointers and the last opcode are stored as zeros and ignored when loaded.
 */

const constant = (value: number): Int => Int.constant(32, value);
const RARE = { routine: true } as const;
const SUMMARY = 0x8080;

const status = (e: Emitter): Int => e.state(32, STATE_X87_STATUS);

/** ES and B follow from flags and masks. */
function setStatus(e: Emitter, value: Int): void {
  const held = e.let(value);
  const pending = held.and(0x3f).and(e.state(32, STATE_X87_CONTROL).not());
  e.setState(32, STATE_X87_STATUS, held.and(~SUMMARY).or(constant(SUMMARY).select(pending, 0)));
}

function setControl(e: Emitter, value: Int): void {
  // Bit 6 reads as one, bits 7 and 13–15 as zero (SDM vol. 1, 8.1.5).
  e.setState(32, STATE_X87_CONTROL, value.and(0x1f3f).or(constant(0x40)));
}

function initialise(e: Emitter): void {
  e.setState(32, STATE_X87_CONTROL, constant(0x37f));
  e.setState(32, STATE_X87_STATUS, constant(0));
  e.setState(64, STATE_X87_TAGS, Int.constant(64, 0));
}

/** Tag word: two bits per physical register; 0 valid, 1 zero, 2 special, 3 empty (SDM vol. 1, 8.1.7). */
function tagWord(e: Emitter): Int {
  let word = constant(0);
  for (let i = 0; i < 8; i++) {
    const exponent = e.let(e.state(16, STATE_X87 + 16 * i + 8).and(0x7fff));
    const mantissa = e.state(64, STATE_X87 + 16 * i);
    const zero = exponent.eqz().and(mantissa.eqz());
    const special = exponent.eqz().or(exponent.eq(0x7fff)).or(mantissa.shrU(63).eqz());
    const kind = constant(1).select(zero, constant(2).select(special, 0));
    word = e.let(word.or(kind.select(e.state(8, STATE_X87_TAGS + i), 3).shl(2 * i)));
  }
  return word;
}

function setTags(e: Emitter, word: Int): void {
  for (let i = 0; i < 8; i++)
    e.setState(
      8,
      STATE_X87_TAGS + i,
      word
        .shrU(2 * i)
        .and(3)
        .ne(3),
    );
}

/** Fields of the environment are 4 bytes apart, or 2 with a 16-bit operand size. */
const step = (e: Emitter): number => (e.size === 16 ? 2 : 4);
const environmentSize = (e: Emitter): number => 7 * step(e);

function writeEnvironment(e: Emitter, pointer: Int): void {
  const bits = 8 * step(e);
  const reserved = bits === 32 ? -0x10000 : 0;
  const field = (number: number, value: Int): void => e.body.store(bits, pointer, value, number * step(e));
  field(0, e.state(32, STATE_X87_CONTROL).or(reserved));
  field(1, status(e).or(reserved));
  field(2, tagWord(e).or(reserved));
  for (let i = 3; i < 6; i++) field(i, constant(0));
  field(6, constant(reserved));
}

function readEnvironment(e: Emitter, pointer: Int): void {
  const field = (number: number): Int => e.let(e.body.load(16, pointer, number * step(e)));
  const control = field(0);
  const word = field(1);
  const tags = field(2);
  setControl(e, control);
  setStatus(e, word);
  setTags(e, tags);
}

/** The first field and the last byte are looked at first, so that nothing is stored when not all can be. */
function probe(e: Emitter, address: Int, bytes: number): void {
  e.probeWrite(8 * step(e), address);
  e.probeWrite(8, address.add(bytes - 1));
}

/** The environment, at most 28 bytes, is stored as one piece. */
function storeEnvironmentAt(e: Emitter, address: Int): void {
  e.storeThrough(8 * environmentSize(e), address, (pointer) => writeEnvironment(e, pointer));
}

const storeEnvironment: Semantics = (e) => {
  e.requireFpu();
  const address = e.linearAddress();
  probe(e, address, environmentSize(e));
  storeEnvironmentAt(e, address);
  // All exceptions are masked afterwards (SDM vol. 2, FSTENV).
  e.setState(32, STATE_X87_CONTROL, e.state(32, STATE_X87_CONTROL).or(constant(0x3f)));
  setStatus(e, status(e));
};

const loadEnvironment: Semantics = (e) => {
  requireX87(e);
  const pointer = e.readPointer(8 * environmentSize(e), e.linearAddress());
  readEnvironment(e, pointer);
};

/** State address of ST(i) under a given status word. */
const stackRegister = (top: Int, i: number): Int => top.add(i).and(7).shl(4).add(STATE_X87);

/** The registers follow the environment in stack order, ten bytes each. */
const save: Semantics = (e) => {
  e.requireFpu();
  const address = e.linearAddress();
  const top = e.let(status(e).shrU(11));
  probe(e, address, environmentSize(e) + 80);
  storeEnvironmentAt(e, address);
  for (let i = 0; i < 8; i++) {
    const register = e.let(stackRegister(top, i));
    e.storeThrough(80, e.let(address.add(environmentSize(e) + 10 * i)), (pointer) => {
      e.body.store(64, pointer, e.body.load(64, register));
      e.body.store(16, pointer, e.body.load(16, register, 8), 8);
    });
  }
  initialise(e);
};

/** All is read before anything changes, since a read may fault. */
const restore: Semantics = (e) => {
  requireX87(e);
  const address = e.linearAddress();
  const registers = Array.from({ length: 8 }, (_, i) => {
    const pointer = e.readPointer(80, e.let(address.add(environmentSize(e) + 10 * i)));
    return { mantissa: e.let(e.body.load(64, pointer)), high: e.let(e.body.load(16, pointer, 8)) };
  });
  readEnvironment(e, e.readPointer(8 * environmentSize(e), address));
  const top = e.let(status(e).shrU(11));
  registers.forEach(({ mantissa, high }, i) => {
    const register = e.let(stackRegister(top, i));
    e.body.store(64, register, mantissa);
    e.body.store(16, register, high, 8);
  });
};

/** Transcendental instructions go to TypeScript (fpu/transcendental.ts), in arbitrary precision. */
const TRANSCENDENTAL = [
  ['F0', 'f2xm1'],
  ['F1', 'fyl2x'],
  ['F2', 'fptan'],
  ['F3', 'fpatan'],
  ['F9', 'fyl2xp1'],
  ['FB', 'fsincos'],
  ['FE', 'fsin'],
  ['FF', 'fcos'],
] as const;

export const X87_STATE: readonly Row[] = [
  row('9B', 'fwait', '', requireX87, RARE),
  row(
    'DB E2',
    'fnclex',
    '',
    (e) => {
      e.requireFpu();
      e.setState(32, STATE_X87_STATUS, status(e).and(0x7f00));
    },
    RARE,
  ),
  row(
    'DB E3',
    'fninit',
    '',
    (e) => {
      e.requireFpu();
      initialise(e);
    },
    RARE,
  ),
  ...['DB E0', 'DB E1', 'DB E4'].map((encoding) => row(encoding, 'fnop', '', (e) => e.requireFpu(), RARE)),
  row(
    'D9 /5',
    'fldcw',
    'Mw',
    (e) => {
      requireX87(e);
      setControl(e, e.read(0, 16));
      setStatus(e, status(e));
    },
    RARE,
  ),
  row(
    'D9 /7',
    'fnstcw',
    'Mw',
    (e) => {
      e.requireFpu();
      e.write(0, e.state(32, STATE_X87_CONTROL), 16);
    },
    RARE,
  ),
  row(
    'DD /7',
    'fnstsw',
    'Mw',
    (e) => {
      e.requireFpu();
      e.write(0, status(e), 16);
    },
    RARE,
  ),
  row(
    'DF E0',
    'fnstsw',
    '',
    (e) => {
      e.requireFpu();
      e.setRegister(0, 16, status(e));
    },
    RARE,
  ),
  row('D9 /4', 'fldenv', 'Mv', loadEnvironment, RARE),
  row('D9 /6', 'fnstenv', 'Mv', storeEnvironment, RARE),
  row('DD /4', 'frstor', 'Mv', restore, RARE),
  row('DD /6', 'fnsave', 'Mv', save, RARE),
  ...TRANSCENDENTAL.map(([modrm, name]) => systemRow(`D9 ${modrm}`, name, '', name)),
];
