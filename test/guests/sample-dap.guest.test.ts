import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

  it('plugs a disk and an interface in while the domain runs, and out again', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-devices-'));
    const image = path.join(folder, 'data.img');
    writeFileSync(image, new Uint8Array(1 << 20));
    const list = async (): Promise<readonly { name: string; state: string }[]> =>
      (await dap.client.request('xenDevices')).devices;
    const disk = { kind: 'disk', specification: `format=raw,vdev=xvdb,access=rw,target=${image}` };
    await dap.client.request('xenAttachDevice', disk);
    await dap.client.request('xenAttachDevice', { kind: 'vif', specification: 'bridge=xenbr0' });
    // The sample has no front ends: both wait for one.
    expect(await list()).toMatchObject([
      { name: 'xvdb', specification: image, state: expect.stringContaining('back end InitWait') },
      { name: '0', specification: expect.stringContaining('bridge=xenbr0'), state: expect.stringContaining('vif 0') },
    ]);
    await expect(dap.client.request('xenAttachDevice', disk)).rejects.toThrow('xvdb of domain 1 already');
    const missing = { kind: 'disk', specification: 'format=raw,vdev=xvdc,access=rw,target=missing.img' };
    await expect(dap.client.request('xenAttachDevice', missing)).rejects.toThrow('there is no such file');
    await dap.client.request('xenDetachDevice', { kind: 'disk', name: 'xvdb' });
    await dap.client.request('xenDetachDevice', { kind: 'vif', name: '0', force: true });
    expect(await list()).toEqual([]);
    await expect(dap.client.request('xenDetachDevice', { kind: 'disk', name: 'xvdb' })).rejects.toThrow('no vbd');
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
