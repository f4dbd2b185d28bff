import { describe, expect, it } from 'vitest';
import { MemoryAccess } from '../../../emulator/debug/memory-access.ts';
import { readRegisters, writeRegister } from '../../../emulator/debug/registers.ts';
import { CompatMachine, va32 } from '../xen/pv/compat-machine.ts';

describe('registers and memory of a 32-bit domain', () => {
  it('has eight general ones of 32 bits, and eight XMM', () => {
    const machine = new CompatMachine().start();
    machine.processor.setRegister(0, -1, 0x123);
    const { general, segment, vector } = readRegisters(machine.xen, machine.vcpu);
    expect(Object.keys(general)).toEqual(['rip', 'rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp']);
    expect(general.rax).toBe('0xffffffff');
    expect(segment).toMatchObject({ cs: '0xe019', ss: '0xe021', ds: '0xe021' });
    expect(Object.keys(segment)).not.toContain('gs_base_user');
    expect(Object.keys(vector)).not.toContain('xmm8');
    expect(writeRegister(machine.xen, machine.vcpu, 'rax', -2n)).toBe(true);
    expect([machine.processor.low(0), machine.processor.high(0)]).toEqual([-2, 0]);
    expect(writeRegister(machine.xen, machine.vcpu, 'rip', -0x1000n)).toBe(true);
    expect(machine.processor.rip).toBe(0xfffff000);
    expect(writeRegister(machine.xen, machine.vcpu, 'r8', 1n)).toBe(false);
  });

  it('is walked from the L4 that Xen keeps, before the first instruction too', () => {
    const machine = new CompatMachine();
    const memory = new MemoryAccess(machine.xen);
    machine.ram.write32(machine.machine(9, 8), 0x12345678);
    expect([...memory.read('virtual', BigInt(va32(9, 8)), 4, machine.vcpu)]).toEqual([0x78, 0x56, 0x34, 0x12]);
  });
});
