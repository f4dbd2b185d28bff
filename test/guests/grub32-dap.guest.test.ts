import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grub } from '../support/guests.ts';
import { type DapProcess, startDap } from './dap-process.ts';

describe('GRUB as a 32-bit PAE guest under a plain DAP client', () => {
  let dap: DapProcess;
  beforeAll(async () => {
    dap = await startDap();
    await dap.client.request('initialize', { adapterID: 'xen', clientID: 'test' });
    await dap.client.request('launch', { kernel: grub(32), memory: 64, stopOnEntry: true });
    await dap.client.event('initialized');
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  const evaluate = async (expression: string): Promise<string> =>
    (await dap.client.request('evaluate', { expression })).result;

  it('stands at its entry in ring 1, its memory readable before the first instruction', async () => {
    expect(await dap.client.untilStopped('configurationDone')).toMatchObject({ reason: 'entry', threadId: 1 });
    expect(await evaluate('$cs')).toMatch(/^0xe019/);
    // "xen-3.0-x86_32p": start_info, to which ESI points.
    expect(Number.parseInt(await evaluate('*(u32*)$esi'), 16)).toBe(0x2d6e6578);
    expect((await dap.client.raw('evaluate', { expression: '$r8' })).success).toBe(false);
  });

  it('stops at a hypercall: int 0x82, disassembled as 32-bit code, arguments in EBX, ECX, …', async () => {
    await dap.client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:event_channel_op.send' }] });
    const stop = await dap.client.untilStopped('continue', { threadId: 1 }, 60_000);
    expect(stop).toMatchObject({ reason: 'function breakpoint' });
    const { stackFrames } = await dap.client.request('stackTrace', { threadId: 1 });
    const memoryReference = stackFrames[0].instructionPointerReference;
    expect((await dap.client.request('readMemory', { memoryReference, count: 2 })).data).toBe(
      Buffer.of(0xcd, 0x82).toString('base64'),
    );
    const { instructions } = await dap.client.request('disassemble', { memoryReference, instructionCount: 1 });
    expect(instructions[0].instruction).toMatch(/^int\s+(0x)?82h?$/);
    expect([await evaluate('eax'), await evaluate('$ebx')]).toEqual(['0x20 (32)', '4']);
    expect(await evaluate('arg.port')).toBe(await evaluate('*(u32*)$ecx'));
    // Return addresses by EBP or by what looks like calls: 4 bytes each, inside the image.
    expect(stackFrames.length).toBeGreaterThan(1);
    for (const { instructionPointerReference } of stackFrames)
      expect(Number(instructionPointerReference)).toBeLessThan(2 ** 32);
    const before = Number(memoryReference);
    await dap.client.untilStopped('next', { threadId: 1 });
    const after = await dap.client.request('stackTrace', { threadId: 1 });
    expect(Number(after.stackFrames[0].instructionPointerReference)).toBe(before + 2);
    expect(await evaluate('eax')).toMatch(/^0/);
  });
});
