import { afterEach, beforeEach, expect, it } from 'vitest';
import { XenDebugSession } from '../../../debug-adapter/session/xen-debug-session.ts';
import { DapClient } from '../../support/dap-client.ts';
import { FakeTarget, STACK } from './fake-target.ts';

let target: FakeTarget;
let session: XenDebugSession;
let client: DapClient;

beforeEach(async () => {
  target = new FakeTarget();
  session = new XenDebugSession({
    readFile: () => Promise.reject(new Error('not here')),
    createTarget: () => Promise.resolve(target),
  });
  client = new DapClient((message) => session.handleMessage(JSON.parse(JSON.stringify(message))));
  session.onDidSendMessage((message) => client.receive(JSON.parse(JSON.stringify(message))));
  await client.request('initialize', { adapterID: 'xen' });
  await client.request('launch', { kernel: 'vmlinux', stopOnEntry: true });
  await client.untilStopped('configurationDone');
});
afterEach(() => session.dispose());

it('an address is any expression, and the first domain is meant', async () => {
  target.inspections.set('translate', { virtual: [] });
  await client.request('xenTranslate', { space: 'virtual', address: 'rsp - 0xf00' });
  expect(target.log.at(-1)).toBe(
    `inspect translate ${JSON.stringify({ domain: 1, space: 'virtual', address: `0x${STACK.toString(16)}` })}`,
  );
  await expect(client.request('xenTranslate', { space: 'virtual', address: 'nonsense' })).rejects.toThrow('nonsense');
  await expect(client.request('xenTranslate', { space: 'outer', address: '1' })).rejects.toThrow('no memory space');
});

it.each([
  ['xenGrants', {}, 'There is no such domain.'],
  ['xenGrants', { domain: 7 }, 'There is no domain 7.'],
  ['xenFrame', { mfn: '4' }, '"mfn" must be a hexadecimal number with 0x'],
  ['xenFrame', {}, '"mfn" must be a string'],
  ['xenPageTable', { table: 'x' }, '"table" must be a hexadecimal number with 0x'],
  ['xenCheckEntry', { table: '0x1', index: 512, entry: '0x0' }, '"index" is from 0 to 511'],
  ['xenXenstoreNode', { path: '/x' }, 'There is no such xenstore node.'],
  ['xenXenstoreWrite', { path: 'x', value: '1' }, 'no path'],
  ['xenHypercallHistory', { keep: -1 }, '"keep" is from 0 to 1000000'],
  ['xenPlace', { address: 'here' }, '"address" must be a hexadecimal number with 0x'],
])('%s of what is not there: %j', async (command, args, message) => {
  await expect(client.request(command, args)).rejects.toThrow(message);
});

it('a history is switched on once, and again for a machine that was started anew', async () => {
  target.inspections.set('hypercall-history', { first: 0, next: 0, entries: [] });
  const ask = () => client.request('xenHypercallHistory', { keep: 100 });
  await ask();
  await ask();
  expect(target.log.filter((line) => line.startsWith('history'))).toEqual(['history 100 0']);
  target.inspections.set('xenstore-history', { first: 0, next: 0, entries: [] });
  await client.request('xenXenstoreHistory', { keep: 50, since: 3 });
  expect(target.log.filter((line) => line.startsWith('history'))).toEqual(['history 100 0', 'history 100 50']);
  expect(target.log.at(-1)).toBe('inspect xenstore-history {"since":3,"count":2000}');
  await client.request('restart');
  expect(target.log.filter((line) => line.startsWith('history')).at(-1)).toBe('history 100 50');
});

it('the caller of a stub stands for the stub', async () => {
  const entry = { rip: '0xffffffff81000007', name: 'sched_op', number: 29, text: '', arguments: [] };
  target.inspections.set('hypercall-history', {
    ...{ first: 0, next: 2 },
    entries: [
      { ...entry, top: '0xffffffff81000008' },
      { ...entry, rip: '0xffffffff90000002', top: '0xffffffff81000008' },
    ],
  });
  const { entries } = await client.request('xenHypercallHistory', { keep: 100 });
  expect(entries.map(({ caller }: { caller: string }) => caller)).toEqual([
    expect.stringMatching(/^twice|^start\+0x5/),
    expect.stringMatching(/^twice|^start\+0x8/),
  ]);
});

it('writes to xenstore as the toolstack does', async () => {
  await client.request('xenXenstoreWrite', { path: '/local/domain/1/name', value: 'x' });
  await client.request('xenXenstoreWrite', { path: '/local/domain/1/name' });
  expect(target.log.slice(-2)).toEqual(['xenstore /local/domain/1/name x', 'xenstore /local/domain/1/name undefined']);
});
