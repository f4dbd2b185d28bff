import { expect, it } from 'vitest';
import { EXIT_EXCEPTION } from '../../../../emulator/x86/cpu/processor.ts';
import { EAGER_OPTIONS } from '../../../../emulator/x86/translator/translator.ts';
import { BareMachine } from '../cpu/bare-machine.ts';

const [RAX, RCX, RDX, RBX] = [0, 1, 2, 3];

it.each([64, 32] as const)('conditions after SBB count the borrow, in %i-bit code', async (mode) => {
  const machine = await BareMachine.create(mode, EAGER_OPTIONS);
  // sub eax, ebx; sbb edx, ecx; setl al; setb ah; ud2: the upper halves are equal, so the borrow decides.
  machine.code('29d8 19ca 0f9cc0 0f92c4 0f0b');
  machine.processor.setRegister(RAX, 0, 0);
  machine.processor.setRegister(RBX, 1, 0);
  for (const register of [RCX, RDX]) machine.processor.setRegister(register, 5, 0);
  expect(machine.processor.run(10)).toBe(EXIT_EXCEPTION);
  expect(machine.processor.low(RAX) & 0xffff).toBe(0x0101);
  expect(machine.processor.instructions).toBe(4);
});
