import { afterEach, expect, test } from 'vitest';
import { consoleShows, type DapProcess, startDap } from './dap-process.ts';

let dap: DapProcess | undefined;

afterEach(async () => {
  await dap?.close();
  dap = undefined;
});

test.each([
  ['2.0', 'guest-2.0.cfg', 'xen-2.0.c', ['event', 'channels_take', 'take_events', 'upcall', 'upcall_entry_2_0']],
  ['1.2', 'guest-1.2.cfg', 'xen-1.2.c', ['event', 'take_events', 'upcall', 'upcall_entry_1_2']],
])('on Xen %s, the sample stops by source, and its stack leads through an event', async (_, config, source, names) => {
  dap = await startDap();
  const { client } = dap;
  await client.request('initialize', { adapterID: 'xen', clientID: 'test' });
  await client.request('launch', { config: `media/sample/${config}` });
  await client.event('initialized');
  await client.request('configurationDone');
  await consoleShows(client, 'sample> ', 30_000);
  await client.untilStopped('setFunctionBreakpoints', { breakpoints: [{ name: 'timer_event' }] }, 30_000);
  const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
  const list = stackFrames.map((frame: { name: string }) => frame.name);
  expect(list.slice(0, names.length + 2)).toEqual(['timer_event', ...names, 'block (interrupted)']);
  expect(list.slice(-2)).toEqual(['main', '_start']);
  const block = stackFrames[names.length + 1] as { source: { name: string } };
  expect(block.source.name).toBe(source);
  const evaluate = { expression: 'abi->name', frameId: stackFrames[0].id, context: 'watch' };
  expect((await client.request('evaluate', evaluate)).result).toContain(`"Xen ${config.slice(6, 9)}"`);
});
