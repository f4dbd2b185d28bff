import { describe, expect, test } from 'vitest';
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  CS,
  DS,
  EFLAGS_AC,
  ES,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  RAX,
  RBX,
  RCX,
  RDI,
  RSP,
  SS,
  VECTOR_AC,
  VECTOR_GP,
  VECTOR_SS,
} from '../../../../emulator/x86/cpu/processor.ts';
import { BareMachine, CODE_PAGE, DATA_PAGE } from './bare-machine.ts';

/** SDM vol. 3, 6.15 (#AC): ring 3, CR0.AM, EFLAGS.AC; table 6-7 for what must be aligned. */
describe('alignment checks', () => {
  const cases: readonly [what: string, bytes: string, offset: number, faults: boolean][] = [
    ['a word at an odd address', '668b07', 1, true],
    ['a doubleword at 2', '8b07', 2, true],
    ['a quadword at 4', '488b07', 4, true],
    ['a byte anywhere', '8a07', 3, false],
    ['an aligned quadword', '488b07', 8, false],
    ['a store', '8907', 3, true],
    ['a locked addition', 'f0830701', 1, true],
    ['movups, which needs no alignment', '0f1007', 1, false],
  ];
  for (const [what, bytes, offset, faults] of cases) {
    test(`${what}: ${faults ? '#AC(0)' : 'no fault'}`, async () => {
      const machine = await BareMachine.create();
      machine.code(bytes);
      machine.processor.setRegister(RDI, DATA_PAGE + offset, 0);
      machine.processor.rflags |= EFLAGS_AC;
      const reason = machine.processor.run(1);
      expect(reason).toBe(faults ? EXIT_EXCEPTION : EXIT_BUDGET);
      if (faults) expect(machine.processor.exit).toMatchObject({ vector: VECTOR_AC, errorCode: 0 });
    });
  }

  test('POPF turns it on and off for the very next instruction', async () => {
    const machine = await BareMachine.create();
    // push 0x40202; popf; mov eax, [rdi]
    machine.code('6802020400 9d 8b07 90');
    machine.processor.setRegister(RDI, DATA_PAGE + 1, 0);
    expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
    expect([machine.processor.exit.vector, machine.processor.instructions]).toEqual([VECTOR_AC, 2]);
    machine.processor.rflags &= ~EFLAGS_AC;
    expect(machine.processor.run(1)).toBe(EXIT_BUDGET);
  });
});

/** SDM vol. 3, 5.3: limit and type of the segment that the access goes through; 32-bit mode only. */
describe('segment limits', () => {
  const LIMITED = 0x0040f300; // 32-bit, writable, byte granular: limit in the low word
  const EXPAND_DOWN = 0x0040f700;
  const READ_ONLY = 0x00cff100;
  const cases: readonly [
    what: string,
    bytes: string,
    segment: number,
    low: number,
    high: number,
    address: number,
    vector: number,
  ][] = [
    ['the last byte inside', '8a07', DS, 0xffff, LIMITED, 0xffff, -1],
    ['one byte beyond', '8b07', DS, 0xffff, LIMITED, 0xfffd, VECTOR_GP],
    ['a store to a read-only segment', '8907', DS, 0xffff, READ_ONLY, DATA_PAGE, VECTOR_GP],
    ['expand-down, below its limit', '8b07', DS, 0xffff, EXPAND_DOWN, 0x1000, VECTOR_GP],
    ['a null segment', '8b07', DS, 0, 0, DATA_PAGE, VECTOR_GP],
    ['the stack', '8b442404', SS, 0xffff, LIMITED, 0, VECTOR_SS],
    ['a push', '50', SS, 0xffff, LIMITED, 0, VECTOR_SS],
    ['ES of a string store', 'aa', ES, 0xffff, LIMITED, DATA_PAGE, VECTOR_GP],
    ['DS limited, but ES named', '268b07', DS, 0xffff, LIMITED, DATA_PAGE, -1],
  ];
  for (const [what, bytes, segment, low, high, address, vector] of cases) {
    test(`${what}: ${vector < 0 ? 'no fault' : `vector ${vector}`}`, async () => {
      const machine = await BareMachine.create(32);
      machine.code(bytes);
      const { processor } = machine;
      // A base of DATA_PAGE - 0xf000 puts offset 0xf000 on the first data page.
      const based = low === 0xffff && address < 0x10000 && segment === DS ? DATA_PAGE - 0xf000 : 0;
      processor.forceSegment(
        segment,
        high === 0 ? 0 : 0x3b,
        (low | (based << 16)) >>> 0,
        high | ((based >>> 16) & 0xff),
      );
      processor.setRegister(RDI, address, 0);
      expect(processor.run(1)).toBe(vector < 0 ? EXIT_BUDGET : EXIT_EXCEPTION);
      if (vector >= 0) expect(processor.exit).toMatchObject({ vector, errorCode: 0 });
    });
  }

  test('a fetch beyond the limit of CS is #GP(0) at the offset that is outside', async () => {
    const machine = await BareMachine.create(32);
    machine.code('90 90', CODE_PAGE + 0xffe);
    machine.code('90', CODE_PAGE + 0x1000);
    // Page granular: the last byte inside is CODE_PAGE + 0xfff.
    machine.processor.forceSegment(CS, 0x33, CODE_PAGE >>> 12, 0x00c0fb00);
    machine.processor.rip = (CODE_PAGE + 0xffe) as VirtualAddress;
    expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
    expect(machine.processor.exit).toMatchObject({ vector: VECTOR_GP, errorCode: 0 });
    expect(machine.processor.rip).toBe(CODE_PAGE + 0x1000);
  });

  test('an instruction that crosses into the next page runs while accesses are checked', async () => {
    const machine = await BareMachine.create();
    machine.code('b8 78', CODE_PAGE + 0xffe); // mov eax, 0x12345678; nop
    machine.code('563412 90', CODE_PAGE + 0x1000);
    machine.processor.rflags = 0x40202; // AC
    machine.processor.rip = (CODE_PAGE + 0xffe) as VirtualAddress;
    expect(machine.processor.run(2)).toBe(EXIT_BUDGET);
    expect(machine.processor.low(RAX)).toBe(0x12345678);
  });

  test('a null FS is #GP(0) where it is used, and only there; LEA uses none', async () => {
    const machine = await BareMachine.create(32);
    machine.code('8b07 648d07 648b07'); // mov eax, [edi]; lea eax, fs:[edi]; mov eax, fs:[edi]
    machine.processor.setRegister(RDI, DATA_PAGE, 0);
    expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
    expect(machine.processor.exit).toMatchObject({ vector: VECTOR_GP, errorCode: 0 });
    expect([machine.processor.rip, machine.processor.instructions]).toEqual([CODE_PAGE + 5, 2]);
  });

  test('code runs at the base of CS: fetches move, rip does not', async () => {
    const machine = await BareMachine.create(32);
    // At offset 0x10: inc eax; call 0x20. At 0x20: pop ebx; jmp 0x10.
    machine.code('40 e80a000000', CODE_PAGE + 0x10);
    machine.code('5b ebed', CODE_PAGE + 0x20);
    machine.processor.forceSegment(CS, 0x33, 0xffff, 0x00cffb00 | ((CODE_PAGE >>> 16) & 0xff));
    machine.processor.rip = 0x10 as VirtualAddress;
    expect(machine.processor.run(6)).toBe(EXIT_BUDGET);
    expect([machine.processor.rip, machine.processor.low(RAX), machine.processor.low(RBX)]).toEqual([0x20, 2, 0x16]);
  });

  test('flat segments cost nothing: the fast path is in force', async () => {
    const machine = await BareMachine.create(32);
    machine.code('8b07 49 75fb'); // mov eax, [edi]; dec ecx; jnz back
    machine.processor.setRegister(RDI, DATA_PAGE, 0);
    machine.processor.setRegister(RCX, 1000, 0);
    machine.processor.setRegister(RSP, 0, 0);
    expect(machine.processor.run(2000)).toBe(EXIT_BUDGET);
    expect([machine.processor.low(RAX), machine.processor.instructions]).toEqual([0, 2000]);
  });
});
