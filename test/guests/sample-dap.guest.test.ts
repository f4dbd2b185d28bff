import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, consoleShows, type DapProcess, startDap } from './dap-process.ts';

describe('the sample under a plain DAP client', () => {
  let dap: DapProcess;
  beforeAll(async () => {
    dap = await startDap();
    await dap.client.request('initialize', { adapterID: 'xen', clientID: 'test' });
    await dap.client.request('launch', { config: 'media/sample/guest.cfg' });
    await dap.client.event('initialized');
    await dap.client.request('configurationDone');
    await consoleShows(dap.client, 'sample>', 30_000);
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  const names = async (): Promise<readonly string[]> => {
    const { stackFrames } = await dap.client.request('stackTrace', { threadId: 1 });
    return stackFrames.map(({ name }: { name: string }) => name.replace(/\+0x[0-9a-f]+/, ''));
  };

  it('the call stack under an event goes on with what the event interrupted', async () => {
    await dap.client.untilStopped('setFunctionBreakpoints', { breakpoints: [{ name: 'timer_tick' }] });
    // main waits for input in SCHEDOP_block: the event came on the way out of that hypercall.
    expect(await names()).toEqual(['timer_tick', 'upcall', 'upcall_entry', 'main (interrupted)', '_start']);
    await dap.client.request('setFunctionBreakpoints', { breakpoints: [] });
    await dap.client.request('continue', { threadId: 1 });
  });

  it('the call stack of a crash that the guest reports leads to the instruction that faulted', async () => {
    const stop = await dap.client.untilStopped('xenConsoleInput', { base64: base64('crash\n') });
    expect(stop.text).toContain('the guest reported that it crashed');
    const list = await names();
    const trap = list.indexOf('trap');
    expect(list.slice(trap)).toEqual(['trap', 'trap_page_fault', 'obey (inlined)', 'main (interrupted)', '_start']);
    // What the console says of it: a store to 0xdead000.
    const { stackFrames } = await dap.client.request('stackTrace', { threadId: 1 });
    const at = stackFrames[trap + 2].instructionPointerReference;
    const { instructions } = await dap.client.request('disassemble', { memoryReference: at, instructionCount: 1 });
    expect(instructions[0].instruction).toMatch(/^mov .*0xdead000/i);
  });
});
