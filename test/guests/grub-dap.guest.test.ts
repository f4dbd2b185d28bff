import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grub } from '../support/guests.ts';
import { base64, consoleShows, type DapProcess, startDap } from './dap-process.ts';

describe('GRUB under a plain DAP client over stdio', () => {
  let dap: DapProcess;
  beforeAll(async () => {
    dap = await startDap();
    await dap.client.request('initialize', { adapterID: 'xen', clientID: 'test' });
    await dap.client.request('launch', { kernel: grub(), memory: 64, stopOnEntry: true });
    await dap.client.event('initialized');
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  it('stands at the entry point, which GRUB puts at address 0', async () => {
    expect(await dap.client.untilStopped('configurationDone')).toMatchObject({ reason: 'entry', threadId: 1 });
    const { stackFrames } = await dap.client.request('stackTrace', { threadId: 1 });
    expect(stackFrames[0].instructionPointerReference).toBe('0x0');
    expect(await dap.client.request('xenStatistics')).toMatchObject({ instructions: 0 });
  });

  it('stops at the first notification of an event channel, decoded', async () => {
    const { breakpoints } = await dap.client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'hypercall:event_channel_op.send' }],
    });
    const stop = await dap.client.untilStopped('continue', { threadId: 1 }, 30_000);
    expect(stop).toMatchObject({ reason: 'function breakpoint', hitBreakpointIds: [breakpoints[0].id] });
    // syscall is 0F 05, and RAX holds the number of event_channel_op, 32 (public/xen.h).
    const { stackFrames } = await dap.client.request('stackTrace', { threadId: 1 });
    const at = stackFrames[0].instructionPointerReference;
    expect((await dap.client.request('readMemory', { memoryReference: at, count: 2 })).data).toBe(base64('\x0f\x05'));
    expect((await dap.client.request('evaluate', { expression: 'eax' })).result).toBe('0x20 (32)');
    // EVTCHNOP_send is 4; its argument points to the port, as a 32-bit word.
    const port = await dap.client.request('evaluate', { expression: '*(u32*)$rsi' });
    expect((await dap.client.request('evaluate', { expression: '$rdi' })).result).toBe('4');
    expect((await dap.client.request('evaluate', { expression: 'arg.port' })).result).toBe(port.result);
    // The first one is for xenstore, whose request already lies in the ring.
    const { rings } = await dap.client.request('xenRings');
    const xenstore = rings.find(({ name }: { name: string }) => name === 'xenstore');
    expect(String(xenstore.port)).toBe(port.result);
    expect(xenstore.directions[0].producer).toBeGreaterThan(xenstore.directions[0].consumer);
  });

  it('reaches its prompt, and answers what is typed', async () => {
    await dap.client.request('setFunctionBreakpoints', { breakpoints: [] });
    await dap.client.request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'grub>', 60_000);
    await dap.client.request('xenConsoleInput', { base64: base64('echo typed by DAP\r') });
    // The echo comes letter by letter between cursor movements; in one piece it is the answer.
    await consoleShows(dap.client, 'typed by DAP', 30_000);
    const { rings } = await dap.client.request('xenRings');
    const console = rings.find(({ name }: { name: string }) => name === 'console');
    expect(console.indices.map(({ name }: { name: string }) => name)).toEqual([
      'out_cons',
      'out_prod',
      'in_cons',
      'in_prod',
    ]);
    expect(console.directions[1].messages.map(({ summary }: { summary: string }) => summary).join('')).toContain(
      'echo typed',
    );
    const history = await dap.client.request('xenConsoleHistory');
    expect(Buffer.from(history.base64, 'base64').toString()).toBe(dap.client.consoleText());
  });

  it('pauses within 50 ms, and restarts from the beginning', async () => {
    // The fastest of a few: the machine under the test may be busy with something else.
    let fastest = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 5; turn++) {
      const asked = performance.now();
      await dap.client.untilStopped('pause', { threadId: 1 });
      fastest = Math.min(fastest, performance.now() - asked);
      await dap.client.request('continue', { threadId: 1 });
    }
    expect(fastest).toBeLessThan(50);
    await dap.client.untilStopped('pause', { threadId: 1 });
    expect(await dap.client.untilStopped('restart')).toMatchObject({ reason: 'entry' });
    expect(await dap.client.request('xenStatistics')).toMatchObject({ instructions: 0 });
  });
});

it('looking changes nothing: the same instruction count with stops and steps on the way, and without', async () => {
  const dap = await startDap();
  const { client } = dap;
  await client.request('initialize', { adapterID: 'xen' });
  await client.request('launch', { kernel: grub(), memory: 64, stopOnEntry: true, pace: 'free' });
  await client.untilStopped('configurationDone');
  const count = async (): Promise<number> => (await client.request('xenStatistics')).instructions;

  const name = 'hypercall:event_channel_op.send';
  await client.request('setFunctionBreakpoints', { breakpoints: [{ name, hitCondition: '==5' }] });
  await client.untilStopped('continue', { threadId: 1 }, 30_000);
  const straight = await count();

  await client.untilStopped('restart');
  await client.request('setFunctionBreakpoints', { breakpoints: [{ name }] });
  for (let turn = 1; turn <= 5; turn++) {
    await client.untilStopped('continue', { threadId: 1 }, 30_000);
    if (turn === 5) break;
    for (const step of ['stepIn', 'next', 'next', 'stepOut']) await client.untilStopped(step, { threadId: 1 });
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    await client.request('scopes', { frameId: stackFrames[0].id });
    const memoryReference = stackFrames[0].instructionPointerReference;
    await client.request('disassemble', { memoryReference, instructionOffset: -50, instructionCount: 100 });
    await client.request('xenReadMemory', { space: 'machine', address: '0x40000000', count: 65536 });
    await client.request('xenRings');
  }
  expect(await count()).toBe(straight);
  expect(await dap.close()).toBe(0);
});

it('an image that is none fails the launch in words', async () => {
  const dap = await startDap();
  await dap.client.request('initialize', { adapterID: 'xen' });
  const response = await dap.client.raw('launch', { kernel: process.execPath.replace(/node$/, 'no-such-file') });
  expect(response).toMatchObject({ success: false, message: 'file.unreadable' });
  await dap.close();
});
