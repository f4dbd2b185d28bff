import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { XenDebugSession } from '../../../debug-adapter/session/xen-debug-session.ts';
import { DapClient } from '../../support/dap-client.ts';

/** Rows of media/docs/dap.md: capability and "yes" or "no". */
const rows = [...readFileSync('media/docs/dap.md', 'utf8').matchAll(/^\| `(\w+)` \| (yes|no) \| (.*)\|$/gm)];
const named = (answer: string): readonly string[] =>
  rows.filter((row) => row[2] === answer).map((row) => row[1] as string);

it('the table in the documentation has every capability of the protocol', () => {
  const typings = readFileSync('node_modules/@vscode/debugprotocol/lib/debugProtocol.d.ts', 'utf8');
  const [capabilities = ''] = /interface Capabilities \{[\s\S]*?\n\s{1,4}\}\r?\n/.exec(typings) ?? [];
  const names = [...capabilities.matchAll(/^\s+(\w+)\?:/gm)].map((match) => match[1]);
  expect(names.length).toBeGreaterThan(35);
  expect(rows.map((row) => row[1]).sort()).toEqual(names.sort());
});

it('says yes to what initialize announces, and no, with a reason, to all else', async () => {
  const session = new XenDebugSession({
    readFile: () => Promise.reject(new Error('not here')),
    createTarget: () => Promise.reject(new Error('not here')),
  });
  const client = new DapClient((message) => session.handleMessage(message));
  session.onDidSendMessage((message) => client.receive(message));
  const capabilities = await client.request('initialize', { adapterID: 'xen' });
  expect([...named('yes')].sort()).toEqual(Object.keys(capabilities).sort());
  for (const row of rows) if (row[2] === 'no') expect(row[3]?.trim(), row[1]).not.toBe('');
  session.dispose();
});
