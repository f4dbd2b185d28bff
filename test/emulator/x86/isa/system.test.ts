import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  CS,
  EFLAGS_NT,
  EXIT_EXCEPTION,
  FS,
  GS,
  RAX,
  RBX,
  RCX,
  RDX,
  RSP,
  SS,
  STORE_FAULT,
} from '../../../../emulator/x86/cpu/processor.ts';
import { BareMachine, CODE_PAGE, DATA_PAGE, STACK_TOP } from '../cpu/bare-machine.ts';

/**
 * Rows that TypeScript carries out: descriptors, far transfers and what the hypervisor answers. Expected results
 * follow the SDM, vol. 2, "Operation" of each instruction, and vol. 3, 5.8 (privilege checks).
 */
const NEAR_DATA = 0x2b;
const BASED_DATA = 0x3b;
const CODE32 = 0x23;
const CODE64 = 0x33;
const DESCRIPTORS: Readonly<Record<number, readonly [low: number, high: number]>> = {
  [CODE32 & ~7]: [0x0000ffff, 0x00cffb00],
  [NEAR_DATA & ~7]: [0x0000ffff, 0x00cff300],
  [CODE64 & ~7]: [0x0000ffff, 0x00affb00],
  // Base 0x12345000.
  [BASED_DATA & ~7]: [0x5000ffff, 0x12cff334],
  // Ring 0 code and data.
  64: [0x0000ffff, 0x00af9b00],
  72: [0x0000ffff, 0x00cf9300],
  // Ring 3 data, not present; then read-only.
  80: [0x0000ffff, 0x00cf7300],
  88: [0x0000ffff, 0x00cff100],
};
const RING0_CODE = 64;
const RING0_DATA = 72;
const ABSENT_DATA = 80 | 3;
const READ_ONLY_DATA = 88 | 3;

let machine: BareMachine;

async function build(mode: 64 | 32): Promise<void> {
  machine = await BareMachine.create(mode);
  machine.processor.hooks = {
    readOnlyStore: () => STORE_FAULT,
    descriptor: (selector, out) => {
      const found = DESCRIPTORS[selector & ~7];
      if (found === undefined || (selector & 4) !== 0) return false;
      out.set(found);
      return true;
    },
    cpuid: (leaf, subleaf, out) => out.set([leaf + 1, subleaf + 2, 3, 0xf0000004]),
    readTsc: (out) => out.set([0x89abcdef, 0x1234567]),
  };
}

/** Runs one instruction; undefined, or vector and error code. */
function step(code: string): readonly [number, number] | undefined {
  machine.code(code);
  const { processor } = machine;
  processor.rip = CODE_PAGE as VirtualAddress;
  if (processor.run(1) !== EXIT_EXCEPTION) return undefined;
  return [processor.exit.vector, processor.exit.errorCode];
}

function store64(address: number, values: readonly number[]): void {
  values.forEach((value, i) => {
    machine.ram.write64(machine.machine(address + 8 * i), value | 0, 0);
  });
}

function store32(address: number, values: readonly number[]): void {
  values.forEach((value, i) => {
    machine.ram.write32(machine.machine(address + 4 * i), value);
  });
}

describe('64-bit mode', () => {
  beforeEach(() => build(64));

  test('iretq takes rip, cs, rflags, rsp and ss from the frame', () => {
    const { processor } = machine;
    const frame = STACK_TOP - 64;
    store64(frame, [CODE_PAGE + 0x123, CODE64, 0x8d7 | 0x200, DATA_PAGE + 0x800, NEAR_DATA]);
    processor.setRegister(RSP, frame, 0);
    expect(step('48cf')).toBeUndefined();
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 0x123, DATA_PAGE + 0x800]);
    expect([processor.selector(CS), processor.selector(SS), processor.longMode]).toEqual([CODE64, NEAR_DATA, true]);
    expect(processor.rflags & 0xfff).toBe(0xad7);
  });

  test('iretq to a 32-bit code segment leaves 64-bit mode, a far jump comes back', () => {
    const { processor } = machine;
    const frame = STACK_TOP - 64;
    store64(frame, [CODE_PAGE + 0x40, CODE32, 0x202, STACK_TOP - 16, NEAR_DATA]);
    processor.setRegister(RSP, frame, 0);
    expect(step('48cf')).toBeUndefined();
    expect([processor.longMode, processor.rip]).toEqual([false, CODE_PAGE + 0x40]);
    // inc eax, which would be a REX prefix in 64-bit mode; jmp 0x33:CODE_PAGE + 0x80
    machine.code('40 ea 80004000 3300', CODE_PAGE + 0x40);
    machine.code('48ffc3', CODE_PAGE + 0x80);
    processor.run(3);
    expect([processor.low(RAX), processor.longMode, processor.low(RBX)]).toEqual([1, true, 1]);
  });

  test.each([
    ['a ring 0 code segment', [CODE_PAGE, RING0_CODE, 0x202, STACK_TOP, NEAR_DATA], [13, RING0_CODE]],
    ['data as code', [CODE_PAGE, NEAR_DATA, 0x202, STACK_TOP, NEAR_DATA], [13, NEAR_DATA & ~3]],
    ['a null code segment', [CODE_PAGE, 0, 0x202, STACK_TOP, NEAR_DATA], [13, 0]],
    ['a stack of ring 0', [CODE_PAGE, CODE64, 0x202, STACK_TOP, RING0_DATA], [13, RING0_DATA]],
    ['a read-only stack', [CODE_PAGE, CODE64, 0x202, STACK_TOP, READ_ONLY_DATA], [13, READ_ONLY_DATA & ~3]],
    ['a stack that is not present', [CODE_PAGE, CODE64, 0x202, STACK_TOP, ABSENT_DATA], [12, ABSENT_DATA & ~3]],
  ] as const)('iretq refuses %s', (_what, frame, fault) => {
    const { processor } = machine;
    store64(STACK_TOP - 64, frame);
    processor.setRegister(RSP, STACK_TOP - 64, 0);
    expect(step('48cf')).toEqual(fault);
    expect([processor.low(RSP), processor.selector(CS)]).toEqual([STACK_TOP - 64, CODE64]);
  });

  test('iretq refuses NT and a target that is not canonical', () => {
    const { processor } = machine;
    store64(STACK_TOP - 64, [CODE_PAGE, CODE64, 0x202, STACK_TOP, NEAR_DATA]);
    processor.setRegister(RSP, STACK_TOP - 64, 0);
    processor.rflags |= EFLAGS_NT;
    expect(step('48cf')).toEqual([13, 0]);
    processor.rflags &= ~EFLAGS_NT;
    machine.ram.write64(machine.machine(STACK_TOP - 64), 0, 0x00008000);
    expect(step('48cf')).toEqual([13, 0]);
    expect(processor.low(RSP)).toBe(STACK_TOP - 64);
  });

  test('retf, and far calls and jumps through memory', () => {
    const { processor } = machine;
    store32(STACK_TOP - 32, [CODE_PAGE + 0x200, CODE64, 0, 0]);
    processor.setRegister(RSP, STACK_TOP - 32, 0);
    expect(step('cb')).toBeUndefined();
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 0x200, STACK_TOP - 24]);
    processor.setRegister(RSP, STACK_TOP - 32, 0);
    expect(step('ca 0800')).toBeUndefined();
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 0x200, STACK_TOP - 16]);
    store32(DATA_PAGE, [CODE_PAGE + 0x300, CODE64]);
    processor.setRegister(RAX, DATA_PAGE, 0);
    expect(step('ff28')).toBeUndefined();
    expect(processor.rip).toBe(CODE_PAGE + 0x300);
    processor.setRegister(RSP, STACK_TOP, 0);
    expect(step('ff18')).toBeUndefined();
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 0x300, STACK_TOP - 8]);
    expect([machine.word(STACK_TOP - 8), machine.word(STACK_TOP - 4)]).toEqual([CODE_PAGE + 2, CODE64]);
  });

  test('loading FS and GS takes the base from the descriptor; SS has to be writable', () => {
    const { processor } = machine;
    processor.setRegister(RAX, BASED_DATA, 0);
    expect(step('8ee0')).toBeUndefined();
    expect([processor.selector(FS), processor.segmentBaseLow(FS)]).toEqual([BASED_DATA, 0x12345000]);
    store64(STACK_TOP - 8, [BASED_DATA]);
    processor.setRegister(RSP, STACK_TOP - 8, 0);
    expect(step('0fa9')).toBeUndefined();
    expect([processor.selector(GS), processor.low(RSP)]).toEqual([BASED_DATA, STACK_TOP]);
    store32(DATA_PAGE, [0x11223344, BASED_DATA]);
    processor.setRegister(RCX, DATA_PAGE, 0);
    expect(step('0fb401')).toBeUndefined();
    expect([processor.low(RAX), processor.selector(FS)]).toEqual([0x11223344, BASED_DATA]);
    store32(DATA_PAGE, [STACK_TOP - 128, NEAR_DATA]);
    expect(step('0fb221')).toBeUndefined();
    expect([processor.low(RSP), processor.selector(SS)]).toEqual([STACK_TOP - 128, NEAR_DATA]);
    for (const [selector, fault] of [
      [0, [13, 0]],
      [READ_ONLY_DATA, [13, READ_ONLY_DATA & ~3]],
      [RING0_DATA, [13, RING0_DATA]],
      [ABSENT_DATA, [12, ABSENT_DATA & ~3]],
      [CODE64, [13, CODE64 & ~3]],
    ] as const) {
      processor.setRegister(RAX, selector, 0);
      expect(step('8ed0'), `SS ${selector}`).toEqual(fault);
    }
    processor.setRegister(RAX, ABSENT_DATA, 0);
    expect(step('8ed8')).toEqual([11, ABSENT_DATA & ~3]);
    // CS cannot be loaded by MOV, and there are six segment registers.
    expect([step('8ec8'), step('8ef0'), step('8cf8')]).toEqual([
      [6, -1],
      [6, -1],
      [6, -1],
    ]);
  });

  test('cpuid and rdtsc ask the hypervisor and clear the upper halves', () => {
    const { processor } = machine;
    for (const register of [RAX, RBX, RCX, RDX]) processor.setRegister(register, 7, -1);
    expect(step('0fa2')).toBeUndefined();
    expect([RAX, RBX, RCX, RDX].map((register) => processor.low(register) >>> 0)).toEqual([8, 9, 3, 0xf0000004]);
    expect([RAX, RBX, RCX, RDX].map((register) => processor.high(register))).toEqual([0, 0, 0, 0]);
    expect(step('0f31')).toBeUndefined();
    expect([processor.low(RAX) >>> 0, processor.low(RDX), processor.high(RAX)]).toEqual([0x89abcdef, 0x1234567, 0]);
  });

  test('CR4.TSD makes rdtsc privileged', () => {
    machine.processor.cr4 |= 4;
    expect(step('0f31')).toEqual([13, 0]);
  });
});

describe('32-bit mode', () => {
  beforeEach(() => build(32));

  test('iretd to the same privilege takes three words and leaves the stack segment alone', () => {
    const { processor } = machine;
    store32(STACK_TOP - 32, [CODE_PAGE + 0x55, CODE32, 0x202 | 0x41]);
    processor.setRegister(RSP, STACK_TOP - 32, 0);
    expect(step('cf')).toBeUndefined();
    expect([processor.rip, processor.low(RSP), processor.rflags & 0xff]).toEqual([
      CODE_PAGE + 0x55,
      STACK_TOP - 20,
      0x43,
    ]);
  });

  test('far call and far return, direct', () => {
    const { processor } = machine;
    processor.setRegister(RSP, STACK_TOP, 0);
    expect(step('9a 00014000 2300')).toBeUndefined();
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 0x100, STACK_TOP - 8]);
    expect(machine.word(STACK_TOP - 8)).toBe(CODE_PAGE + 7);
    machine.code('cb', CODE_PAGE + 0x100);
    expect(processor.run(1)).not.toBe(EXIT_EXCEPTION);
    expect([processor.rip, processor.low(RSP)]).toEqual([CODE_PAGE + 7, STACK_TOP]);
  });

  test('a segment base moves addresses, and its override selects it', () => {
    const { processor } = machine;
    processor.forceSegment(FS, 0x3b, 0xffff, 0x00cff300);
    processor.setSegmentBase(FS, DATA_PAGE, 0);
    store32(DATA_PAGE + 0x44, [0x5eed]);
    processor.setRegister(RBX, 0x40, 0);
    expect(step('64 8b4304')).toBeUndefined();
    expect(processor.low(RAX)).toBe(0x5eed);
  });
});
