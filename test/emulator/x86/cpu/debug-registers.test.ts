import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  EFLAGS_RF,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_INT,
  EXIT_WATCHPOINT,
  RAX,
  RCX,
  RDI,
  RSI,
  VECTOR_DB,
  VECTOR_PF,
} from '../../../../emulator/x86/cpu/processor.ts';
import { BareMachine, CODE_PAGE, DATA_PAGE } from './bare-machine.ts';

let machine: BareMachine;
beforeEach(async () => {
  machine = await BareMachine.create();
});

const watch = (address: number, length: number, kind: 'read' | 'write' | 'both') =>
  machine.processor.setWatchpoints([
    { address: address as VirtualAddress, length, read: kind !== 'write', write: kind !== 'read' },
  ]);

describe('watchpoints of the debugger', () => {
  test('stop after the instruction that touched the range, exactly', () => {
    machine.code('90 8907 8b07 90 90'); // nop; mov [rdi], eax; mov eax, [rdi]; nop; nop
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE + 8, 0);
    processor.setRegister(RAX, 7, 0);
    watch(DATA_PAGE + 11, 1, 'write');
    expect(processor.run(100)).toBe(EXIT_WATCHPOINT);
    expect([processor.rip, processor.instructions, machine.word(DATA_PAGE + 8)]).toEqual([CODE_PAGE + 3, 2, 7]);
    expect(processor.hitWatchpoints).toEqual([0]);
    expect(processor.run(3)).toBe(EXIT_BUDGET);
    watch(DATA_PAGE + 8, 1, 'read');
    processor.rip = CODE_PAGE as VirtualAddress;
    expect(processor.run(100)).toBe(EXIT_WATCHPOINT);
    expect(processor.rip).toBe(CODE_PAGE + 5);
  });

  test('neighbours in the page are not hits, and nothing is armed any more when the list is empty', () => {
    machine.code('8907 ebfc'); // mov [rdi], eax; jmp back
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE, 0);
    watch(DATA_PAGE + 4, 4, 'both');
    expect(processor.run(20)).toBe(EXIT_BUDGET);
    watch(DATA_PAGE + 3, 1, 'both');
    expect(processor.run(20)).toBe(EXIT_WATCHPOINT);
    processor.setWatchpoints([]);
    expect(processor.run(20)).toBe(EXIT_BUDGET);
  });

  test('REP stops after the iteration that hit', () => {
    machine.code('f3a4 0f0b');
    const { processor } = machine;
    processor.setRegister(RCX, 100, 0);
    processor.setRegister(RSI, CODE_PAGE, 0);
    processor.setRegister(RDI, DATA_PAGE, 0);
    watch(DATA_PAGE + 10, 1, 'write');
    expect(processor.run(1000)).toBe(EXIT_WATCHPOINT);
    expect([processor.low(RCX), processor.low(RDI), processor.instructions]).toEqual([89, DATA_PAGE + 11, 11]);
  });

  test('a real fault of the instruction wins', () => {
    machine.code('48a5'); // movsq: reads the watched word, then faults in the store
    const { processor } = machine;
    processor.setRegister(RSI, DATA_PAGE, 0);
    processor.setRegister(RDI, CODE_PAGE, 0);
    watch(DATA_PAGE, 8, 'read');
    expect(processor.run(10)).toBe(EXIT_EXCEPTION);
    expect(processor.exit.vector).toBe(VECTOR_PF);
  });

  test('arming does not change what the TLB holds', () => {
    machine.code('8b07 8b07 8b07');
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE, 0);
    machine.ram.write32(machine.machine(DATA_PAGE), 11);
    machine.ram.write32(machine.machine(DATA_PAGE + 4096), 22);
    processor.run(1);
    machine.map(DATA_PAGE, 17, 6);
    watch(DATA_PAGE + 64, 1, 'both');
    processor.run(1);
    expect(processor.low(RAX)).toBe(11);
    processor.setWatchpoints([]);
    processor.run(1);
    expect(processor.low(RAX)).toBe(11);
  });
});

/** SDM vol. 3, 17.2: DR7 fields; 17.3.1: data breakpoints trap after, instruction breakpoints fault before. */
describe('debug registers of the guest', () => {
  const arm = (address: number, kind: number, length: number): void => {
    machine.processor.setDebugRegister(1, address, 0);
    machine.processor.setDebugRegister(7, (1 << 2) | (kind << 20) | (length << 22), 0);
  };

  test('a data breakpoint raises #DB after the store, with B1 in DR6', () => {
    machine.code('8907 90');
    machine.processor.setRegister(RDI, DATA_PAGE + 4, 0);
    arm(DATA_PAGE + 4, 1, 3);
    expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
    expect(machine.processor.exit.vector).toBe(VECTOR_DB);
    expect([machine.processor.rip, machine.processor.debugRegister(6) & 15]).toEqual([CODE_PAGE + 2, 2]);
  });

  test('a write breakpoint ignores reads', () => {
    machine.code('8b07 90 90');
    machine.processor.setRegister(RDI, DATA_PAGE + 4, 0);
    arm(DATA_PAGE + 4, 1, 3);
    expect(machine.processor.run(3)).toBe(EXIT_BUDGET);
  });

  test('an instruction breakpoint raises #DB before it; RF passes it once', () => {
    machine.code('90 90 ebfc'); // nop; nop; jmp back
    const { processor } = machine;
    arm(CODE_PAGE + 1, 0, 0);
    for (let round = 0; round < 2; round++) {
      expect(processor.run(100)).toBe(EXIT_EXCEPTION);
      expect([processor.exit.vector, processor.rip]).toEqual([VECTOR_DB, CODE_PAGE + 1]);
      processor.rflags |= EFLAGS_RF;
    }
    expect(processor.instructions).toBe(4);
  });

  /** SDM vol. 3, 6.8.3: MOV SS and POP SS hold debug exceptions back until the next instruction has run. */
  test.each([64, 32] as const)('what MOV SS touches is raised one instruction later (%i-bit code)', async (mode) => {
    const bare = await BareMachine.create(mode);
    const { processor } = bare;
    processor.hooks = {
      ...processor.hooks,
      descriptor: (_selector, out) => {
        out[0] = 0xffff;
        out[1] = 0x00cff300;
        return true;
      },
    };
    processor.setDebugRegister(1, DATA_PAGE + 4, 0);
    processor.setDebugRegister(7, (1 << 2) | (3 << 20) | (3 << 22), 0);
    bare.code('8e17 90 90'); // mov ss, [rdi]; nop; nop
    processor.setRegister(RDI, DATA_PAGE + 4, 0);
    bare.ram.write32(bare.machine(DATA_PAGE + 4), 0x2b);
    expect(processor.run(10)).toBe(EXIT_EXCEPTION);
    expect([processor.exit.vector, processor.rip, processor.debugRegister(6) & 15]).toEqual([
      VECTOR_DB,
      CODE_PAGE + 3,
      2,
    ]);
    // An interrupt instruction behind it: the #DB is gone (XSA-260).
    processor.setDebugRegister(6, 0, 0);
    bare.code('8e17 cd80');
    processor.rip = CODE_PAGE as VirtualAddress;
    expect(processor.run(10)).toBe(EXIT_INT);
    bare.code('90', CODE_PAGE + 0x100);
    processor.rip = (CODE_PAGE + 0x100) as VirtualAddress;
    expect(processor.run(1)).toBe(EXIT_BUDGET);
    expect(processor.debugRegister(6) & 15).toBe(0);
    // With TF, no trap between the two.
    processor.setDebugRegister(7, 0, 0);
    bare.code('8e17 90 90');
    processor.rip = CODE_PAGE as VirtualAddress;
    processor.rflags |= 0x100;
    expect(processor.run(10)).toBe(EXIT_EXCEPTION);
    expect([processor.exit.vector, processor.rip]).toEqual([VECTOR_DB, CODE_PAGE + 3]);
  });
});
