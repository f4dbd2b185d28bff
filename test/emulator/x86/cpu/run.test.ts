import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualAddress } from '../../../../emulator/base/numbers.ts';
import {
  EFLAGS_TF,
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_INT,
  EXIT_SYSCALL,
  RAX,
  RCX,
  RDI,
  RDX,
  RSI,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_PF,
  VECTOR_UD,
} from '../../../../emulator/x86/cpu/processor.ts';
import { BareMachine, CODE_PAGE, DATA_PAGE, PTE_A, PTE_D, PTE_RW, PTE_US } from './bare-machine.ts';

let machine: BareMachine;
beforeEach(async () => {
  machine = await BareMachine.create();
});

/** inc eax; dec ecx; jnz back; then ud2. */
const LOOP = 'ffc0 ffc9 75fa 0f0b';

describe('budget', () => {
  test('stops after exactly as many instructions as granted, wherever that is in a block', () => {
    machine.code(LOOP);
    const { processor } = machine;
    processor.setRegister(RCX, 1000, 0);
    let total = 0;
    for (const budget of [1, 2, 3, 4, 5, 7, 64, 100]) {
      expect(processor.run(budget)).toBe(EXIT_BUDGET);
      total += budget;
      expect(processor.instructions).toBe(total);
      expect(processor.low(RAX)).toBe(Math.floor((total + 2) / 3));
      expect(processor.rip).toBe(CODE_PAGE + [0, 2, 4][total % 3]);
    }
  });

  test('a faulting instruction has not retired', () => {
    machine.code('90 90 90 0f0b 90');
    expect(machine.processor.run(100)).toBe(EXIT_EXCEPTION);
    expect(machine.processor.exit).toMatchObject({ vector: VECTOR_UD, errorCode: -1 });
    expect(machine.processor.instructions).toBe(3);
    expect(machine.processor.rip).toBe(CODE_PAGE + 3);
  });

  test('one step at a time ends in the same state as one run', async () => {
    const other = await BareMachine.create();
    for (const one of [machine, other]) {
      one.code(LOOP);
      one.processor.setRegister(RCX, 50, 0);
    }
    machine.processor.run(1000);
    let reason = EXIT_BUDGET as number;
    while (reason === EXIT_BUDGET) reason = other.processor.run(1);
    const state = ({ processor }: BareMachine) => [
      processor.instructions,
      processor.rip,
      processor.rflags,
      processor.low(RAX),
    ];
    expect(state(other)).toEqual(state(machine));
    expect(machine.processor.instructions).toBe(150);
  });
});

describe('REP', () => {
  test('each iteration counts as one instruction and can be interrupted', () => {
    machine.code('f3 aa 0f0b'); // rep stosb
    const { processor } = machine;
    processor.setRegister(RCX, 10, 0);
    processor.setRegister(RDI, DATA_PAGE, 0);
    processor.setRegister(RAX, 0x5a, 0);
    expect(processor.run(4)).toBe(EXIT_BUDGET);
    expect([processor.low(RCX), processor.low(RDI), processor.rip, processor.instructions]).toEqual([
      6,
      DATA_PAGE + 4,
      CODE_PAGE,
      4,
    ]);
    expect(processor.run(100)).toBe(EXIT_EXCEPTION);
    expect([processor.low(RCX), processor.low(RDI), processor.instructions]).toEqual([0, DATA_PAGE + 10, 10]);
    expect(machine.word(DATA_PAGE + 8) & 0xffffff).toBe(0x5a5a);
  });

  test('a fault midway leaves the registers of the last whole iteration', () => {
    machine.code('f3 a4 0f0b'); // rep movsb
    const { processor } = machine;
    machine.unmap(DATA_PAGE + 4096);
    processor.setRegister(RCX, 100, 0);
    processor.setRegister(RSI, CODE_PAGE, 0);
    processor.setRegister(RDI, DATA_PAGE + 4096 - 7, 0);
    expect(processor.run(1000)).toBe(EXIT_EXCEPTION);
    expect(processor.exit).toMatchObject({ vector: VECTOR_PF, errorCode: 6, cr2Low: DATA_PAGE + 4096 });
    expect([processor.low(RCX), processor.low(RDI), processor.instructions]).toEqual([93, DATA_PAGE + 4096, 7]);
  });

  test('an overlapping forward copy repeats its first bytes', () => {
    machine.code('f3 a4 0f0b');
    const { processor } = machine;
    machine.ram.write32(machine.machine(DATA_PAGE), 0x00000041);
    processor.setRegister(RCX, 7, 0);
    processor.setRegister(RSI, DATA_PAGE, 0);
    processor.setRegister(RDI, DATA_PAGE + 1, 0);
    processor.run(100);
    expect([machine.word(DATA_PAGE), machine.word(DATA_PAGE + 4)]).toEqual([0x41414141, 0x41414141]);
  });
});

describe('exits', () => {
  test('syscall and int n leave rip at the instruction (SDM: a refusal must be able to restart it)', () => {
    machine.code('0f05 cd80');
    const { processor } = machine;
    expect(processor.run(10)).toBe(EXIT_SYSCALL);
    expect([processor.rip, processor.exit.length]).toEqual([CODE_PAGE, 2]);
    processor.rip = (CODE_PAGE + 2) as VirtualAddress;
    expect(processor.run(10)).toBe(EXIT_INT);
    expect([processor.rip, processor.exit.length, processor.exit.vector]).toEqual([CODE_PAGE + 2, 2, 0x80]);
  });

  test('int3 is a trap: rip after it', () => {
    machine.code('cc');
    expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
    expect([machine.processor.exit.vector, machine.processor.rip]).toEqual([VECTOR_BP, CODE_PAGE + 1]);
  });

  test('TF traps after each instruction (SDM vol. 3, 17.3.1.4), REP iterations included', () => {
    machine.code('90 f3aa 90');
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE, 0);
    processor.setRegister(RCX, 2, 0);
    processor.rflags |= EFLAGS_TF;
    const places: number[] = [];
    for (let step = 0; step < 4; step++) {
      expect(processor.run(100)).toBe(EXIT_EXCEPTION);
      expect(processor.exit.vector).toBe(VECTOR_DB);
      places.push(processor.rip - CODE_PAGE);
    }
    expect(places).toEqual([1, 1, 3, 4]);
    expect(processor.debugRegister(6) & 0x4000).toBe(0x4000);
  });

  test('a breakpoint stops before its instruction and is passed once', () => {
    machine.code(LOOP);
    const { processor } = machine;
    processor.setRegister(RCX, 3, 0);
    processor.setBreakpoints([(CODE_PAGE + 2) as VirtualAddress]);
    for (let round = 1; round <= 3; round++) {
      expect(processor.run(1000)).toBe(EXIT_BREAKPOINT);
      expect([processor.rip, processor.low(RAX)]).toEqual([CODE_PAGE + 2, round]);
      processor.skipBreakpointOnce();
    }
    expect(processor.run(1000)).toBe(EXIT_EXCEPTION);
    expect(processor.instructions).toBe(9);
  });
});

/** Ring 0 only, or IOPL-sensitive: #GP(0) in ring 3 (SDM vol. 2, each instruction's own page). */
describe('privileged instructions raise #GP(0)', () => {
  const rows: readonly [name: string, bytes: string][] = [
    ['hlt', 'f4'],
    ['cli', 'fa'],
    ['sti', 'fb'],
    ['in al, dx', 'ec'],
    ['out 0x80, al', 'e680'],
    ['insb', '6c'],
    ['mov rax, cr0', '0f20c0'],
    ['mov cr3, rax', '0f22d8'],
    ['mov rax, dr7', '0f21f8'],
    ['clts', '0f06'],
    ['invlpg [rax]', '0f0138'],
    ['wbinvd', '0f09'],
    ['rdmsr', '0f32'],
    ['wrmsr', '0f30'],
    ['lgdt [rax]', '0f0110'],
    ['lidt [rax]', '0f0118'],
    ['ltr ax', '0f00d8'],
    ['lldt ax', '0f00d0'],
    ['lmsw ax', '0f01f0'],
    ['swapgs', '0f01f8'],
    ['sysretq', '480f07'],
  ];
  for (const [name, bytes] of rows) {
    test(name, () => {
      machine.code(`90 ${bytes}`);
      expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
      expect(machine.processor.exit).toMatchObject({ vector: VECTOR_GP, errorCode: 0 });
      expect([machine.processor.rip, machine.processor.instructions]).toEqual([CODE_PAGE + 1, 1]);
    });
  }
});

describe('page tables', () => {
  test('a read sets A, a write A and D (SDM vol. 3, 4.8)', () => {
    machine.code('8b07 8907 0f0b'); // mov eax, [rdi]; mov [rdi], eax
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE, 0);
    expect(machine.pte(DATA_PAGE) & (PTE_A | PTE_D)).toBe(0);
    processor.run(1);
    expect(machine.pte(DATA_PAGE) & (PTE_A | PTE_D)).toBe(PTE_A);
    processor.run(1);
    expect(machine.pte(DATA_PAGE) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
  });

  const faults: readonly [what: string, bytes: string, prepare: (m: BareMachine) => void, errorCode: number][] = [
    ['read of a missing page', '8b07', (m) => m.unmap(DATA_PAGE), 4],
    ['write to a missing page', '8907', (m) => m.unmap(DATA_PAGE), 6],
    ['write to a read-only page', '8907', (m) => m.map(DATA_PAGE, 16, PTE_US), 7],
    ['read of a supervisor page', '8b07', (m) => m.map(DATA_PAGE, 16, PTE_RW), 5],
    ['locked change of a read-only page', 'f0 830701', (m) => m.map(DATA_PAGE, 16, PTE_US), 7],
    ['fetch from a no-execute page', 'ffe7', (m) => m.map(DATA_PAGE, 16, PTE_US, 0x80000000 | 0), 0x15],
  ];
  for (const [what, bytes, prepare, errorCode] of faults) {
    test(`${what}: #PF with error code ${errorCode}`, () => {
      machine.code(bytes);
      prepare(machine);
      machine.processor.setRegister(RDI, DATA_PAGE, 0);
      expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
      expect(machine.processor.exit).toMatchObject({ vector: VECTOR_PF, errorCode, cr2Low: DATA_PAGE });
    });
  }

  test('the TLB keeps a stale translation until it is invalidated', () => {
    machine.code('8b07 8b07 8b07 0f0b');
    const { processor } = machine;
    processor.setRegister(RDI, DATA_PAGE, 0);
    machine.ram.write32(machine.machine(DATA_PAGE), 11);
    machine.ram.write32(machine.machine(DATA_PAGE + 4096), 22);
    processor.run(1);
    machine.map(DATA_PAGE, 17, PTE_RW | PTE_US);
    processor.run(1);
    expect(processor.low(RAX)).toBe(11);
    processor.invalidatePage(DATA_PAGE as VirtualAddress);
    processor.run(1);
    expect(processor.low(RAX)).toBe(22);
  });

  test('an access over a page end touches both pages or neither', () => {
    machine.code('488907 0f0b'); // mov [rdi], rax
    const { processor } = machine;
    machine.map(DATA_PAGE + 4096, 17, PTE_US);
    processor.setRegister(RAX, 0x11223344, 0x55667788);
    processor.setRegister(RDI, DATA_PAGE + 4096 - 4, 0);
    expect(processor.run(1)).toBe(EXIT_EXCEPTION);
    expect(processor.exit).toMatchObject({ errorCode: 7, cr2Low: DATA_PAGE + 4096 });
    expect(machine.word(DATA_PAGE + 4092)).toBe(0);
    machine.map(DATA_PAGE + 4096, 17, PTE_US | PTE_RW);
    processor.run(1);
    expect([machine.word(DATA_PAGE + 4092), machine.word(DATA_PAGE + 4096)]).toEqual([0x11223344, 0x55667788]);
  });
});

describe('code that changes', () => {
  test('a store into the block that is running is seen by the next instruction', () => {
    // mov byte [rip+0], 0x40 → changes the mov's immediate that follows: b8 01 00 00 00 → b8 40 …
    machine.map(CODE_PAGE, 0, PTE_RW | PTE_US);
    machine.code('c605 01000000 40 b8 01000000 0f0b');
    machine.processor.run(2);
    expect(machine.processor.low(RAX)).toBe(0x40);
  });

  test('a loop that patches itself each round', () => {
    machine.map(CODE_PAGE, 0, PTE_RW | PTE_US);
    // fe05 01000000: inc byte [rip+1] → the imm8 below; 83c201: add edx, imm8; ffc9 75f3: dec ecx; jnz
    machine.code('fe05 02000000 83c200 ffc9 75f3 0f0b');
    machine.processor.setRegister(RCX, 100, 0);
    machine.processor.run(1000);
    expect(machine.processor.low(RDX)).toBe(
      Array.from({ length: 100 }, (_, i) => ((i + 1) << 24) >> 24).reduce((a, b) => a + b, 0),
    );
    expect(machine.processor.instructions).toBe(400);
  });

  test('a store from outside (the hypervisor, the debugger) is seen, too', () => {
    machine.code('ffc0 ebfc');
    machine.processor.run(20);
    expect(machine.processor.low(RAX)).toBe(10);
    machine.code('ffc8');
    machine.processor.run(20);
    expect(machine.processor.low(RAX)).toBe(0);
  });

  test('an instruction across a page end follows a new mapping of its second page', () => {
    const end = CODE_PAGE + 4096 - 2;
    machine.code('b8 11', end);
    machine.code('000000 e9 f6ffffff', CODE_PAGE + 4096); // rest of mov eax, 0x11; jmp end
    machine.code('220000 0f0b', CODE_PAGE + 8192);
    machine.processor.rip = end as VirtualAddress;
    machine.processor.run(3);
    expect(machine.processor.low(RAX)).toBe(0x11);
    machine.map(CODE_PAGE + 4096, 2, PTE_US);
    machine.processor.invalidatePage((CODE_PAGE + 4096) as VirtualAddress);
    machine.processor.rip = end as VirtualAddress;
    machine.processor.run(1);
    expect(machine.processor.low(RAX)).toBe(0x2211);
  });
});

describe('decoding limits', () => {
  test('15 bytes are an instruction, 16 are #GP(0) (SDM vol. 3, 6.15)', () => {
    machine.code(`${'66'.repeat(14)}90 ${'66'.repeat(15)}90`);
    machine.processor.run(1);
    expect(machine.processor.rip).toBe(CODE_PAGE + 15);
    expect(machine.processor.run(1)).toBe(EXIT_EXCEPTION);
    expect(machine.processor.exit).toMatchObject({ vector: VECTOR_GP, errorCode: 0 });
  });

  test('LOCK on a register or on a compare is #UD', () => {
    for (const bytes of ['f0 01c8', 'f0 3907', 'f0 8b07']) {
      machine.code(bytes);
      machine.processor.rip = CODE_PAGE as VirtualAddress;
      expect(machine.processor.run(1)).toBe(EXIT_EXCEPTION);
      expect(machine.processor.exit.vector).toBe(VECTOR_UD);
    }
  });
});
