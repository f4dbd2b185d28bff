import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, systemRow } from './row.ts';

const RSP = 4;
const RBP = 5;

function push(e: Emitter): void {
  e.push(e.size, e.read(0));
}

/** The address of `pop [rsp+…]` uses rsp after the increment (SDM POP); a fault in the store leaves rsp alone. */
function pop(e: Emitter): void {
  if (!e.isMemory(0)) {
    const value = e.pop(e.size);
    e.write(0, value);
    return;
  }
  const old = e.let(e.stackPointer());
  const value = e.let(e.loadVirtual(e.size, e.stackAddress(old)));
  e.setStackPointer(old.add(e.size / 8));
  const address = e.let(e.linearAddress());
  e.setStackPointer(old);
  e.storeVirtual(e.size, address, value);
  e.setStackPointer(e.stackPointer().add(e.size / 8));
}

function leave(e: Emitter): void {
  const frame = e.let(e.pointer(RBP));
  const value = e.loadVirtual(e.size, e.stackAddress(frame));
  e.setStackPointer(frame.add(e.size / 8));
  e.setRegister(RBP, e.size, value);
}

/** ENTER size, level: level above 0 copies the display of enclosing frames. */
function enter(e: Emitter): void {
  const { body } = e;
  const bytes = e.size / 8;
  const space = e.let(e.read(0, 16));
  const level = e.let(e.immediate2().and(31));
  const top = e.let(e.stackPointer());
  const frame = e.let(top.sub(bytes));
  const old = e.let(e.pointer(RBP));
  e.storeVirtual(e.size, e.stackAddress(frame), e.truncateTo(old, e.size));
  const next = body.temporary(frame.width === 64 ? 0x7e : 0x7f);
  body.set(next, frame);
  body.if(level, () => {
    const index = body.temporary(0x7f);
    body.set(index, Int.constant(32, 1));
    const done = body.block();
    const again = body.loop();
    body.brIf(done, body.get(index).geU(level));
    const from = old.sub(body.get(index).mul(bytes).toWidth(frame.width));
    const value = e.let(e.loadVirtual(e.size, e.stackAddress(from)));
    body.set(next, body.get(next).sub(bytes));
    e.storeVirtual(e.size, e.stackAddress(body.get(next)), value);
    body.set(index, body.get(index).add(1));
    body.br(again);
    body.end();
    body.end();
    body.set(next, body.get(next).sub(bytes));
    e.storeVirtual(e.size, e.stackAddress(body.get(next)), e.truncateTo(frame, e.size));
  });
  const end = e.let(body.get(next).sub(space.toWidth(frame.width)));
  // The last word of the new frame must be writable before anything changes (SDM ENTER).
  e.writePointer(8, e.let(e.stackAddress(end)));
  e.setRegister(RBP, e.size, e.truncateTo(frame, e.size));
  e.setStackPointer(end);
}

function pushAll(e: Emitter): void {
  const bytes = e.size / 8;
  const top = e.let(e.stackPointer());
  for (let number = 0; number < 8; number++) {
    e.storeVirtual(e.size, e.stackAddress(top.sub((number + 1) * bytes)), e.register(number, e.size));
  }
  e.setStackPointer(top.sub(8 * bytes));
}

function popAll(e: Emitter): void {
  const bytes = e.size / 8;
  const top = e.let(e.stackPointer());
  const values: Int[] = [];
  for (let index = 0; index < 8; index++) values.push(e.loadVirtual(e.size, e.stackAddress(top.add(index * bytes))));
  for (let index = 0; index < 8; index++) if (7 - index !== RSP) e.setRegister(7 - index, e.size, values[index] as Int);
  e.setStackPointer(top.add(8 * bytes));
}

const stackTraits = { default64: true } as const;
const segments: readonly [encoding: string, segment: number, only32: boolean][] = [
  ['06', 0, true],
  ['0E', 1, true],
  ['16', 2, true],
  ['1E', 3, true],
  ['0F A0', 4, false],
  ['0F A8', 5, false],
];

export const STACK: readonly Row[] = [
  row('50 +r', 'push', 'Zv', push, stackTraits),
  row('58 +r', 'pop', 'Zv', pop, stackTraits),
  row('68', 'push', 'Iz', push, { ...stackTraits }),
  row('6A', 'push', 'sIv', push, stackTraits),
  row('FF /6', 'push', 'Ev', push, stackTraits),
  row('8F /0', 'pop', 'Ev', pop, stackTraits),
  row('C9', 'leave', '_v', leave, stackTraits),
  row('C8', 'enter', 'Iw Kb _v', enter, { ...stackTraits, routine: true }),
  row('60', 'pusha', '_v', pushAll, { mode: 32, routine: true }),
  row('61', 'popa', '_v', popAll, { mode: 32, routine: true }),
  ...segments.map(([encoding, segment, only32]) =>
    row(encoding, 'push', `s${segment} _v`, (e) => e.push(e.size, e.selector(segment).toWidth(e.width(e.size))), {
      ...stackTraits,
      ...(only32 ? { mode: 32 as const } : {}),
    }),
  ),
  systemRow('07', 'pop', 's0 _v', 'pop segment', { mode: 32, default64: true, ends: true }),
  systemRow('17', 'pop', 's2 _v', 'pop segment', { mode: 32, default64: true, ends: true }),
  systemRow('1F', 'pop', 's3 _v', 'pop segment', { mode: 32, default64: true, ends: true }),
  systemRow('0F A1', 'pop', 's4 _v', 'pop segment', { default64: true, ends: true }),
  systemRow('0F A9', 'pop', 's5 _v', 'pop segment', { default64: true, ends: true }),
  systemRow('9C', 'pushf', '_v', 'pushf', stackTraits),
  systemRow('9D', 'popf', '_v', 'popf', { ...stackTraits, ends: true }),
];
