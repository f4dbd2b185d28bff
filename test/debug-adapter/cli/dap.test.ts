import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { serveStreams, serveTcp } from '../../../debug-adapter/cli/dap.ts';
import { encodeMessage, MessageReader } from '../../../debug-adapter/protocol/framing.ts';
import type { SessionHost } from '../../../debug-adapter/session/host.ts';
import { DapClient } from '../../support/dap-client.ts';
import { FakeTarget } from '../session/fake-target.ts';

const host: SessionHost = {
  readFile: () => Promise.reject(new Error('no files here')),
  createTarget: async () => new FakeTarget(),
};

function clientOver(
  write: (bytes: Uint8Array) => void,
  onData: (listener: (piece: Uint8Array) => void) => void,
): DapClient {
  const reader = new MessageReader();
  const client = new DapClient((message) => write(encodeMessage(message)));
  onData((piece) => {
    for (const message of reader.push(piece)) client.receive(message as Parameters<DapClient['receive']>[0]);
  });
  return client;
}

it('serves a session over a pair of streams, and ends after disconnect', async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const status = serveStreams(host, { input, output, log: () => {} });
  const client = clientOver(
    (bytes) => input.write(bytes),
    (listener) => output.on('data', listener),
  );
  await client.request('initialize', { adapterID: 'xen' });
  await client.request('launch', { kernel: 'vmlinux', stopOnEntry: true });
  expect(await client.untilStopped('configurationDone')).toMatchObject({ reason: 'entry' });
  await client.request('disconnect');
  expect(await status).toBe(0);
});

it('ends when the client goes away', async () => {
  const input = new PassThrough();
  const status = serveStreams(host, { input, output: new PassThrough().resume(), log: () => {} });
  input.end();
  expect(await status).toBe(0);
});

it('says that the other side is no debugger', async () => {
  const input = new PassThrough();
  const lines: string[] = [];
  const status = serveStreams(host, { input, output: new PassThrough().resume(), log: (line) => lines.push(line) });
  input.write('GET / HTTP/1.1\r\n\r\n');
  expect(await status).toBe(2);
  expect(lines).toEqual(['xenoscope dap: a header without a believable Content-Length; is the other side a debugger?']);
});

it('serves several clients on a TCP port of this machine', async () => {
  const server = await serveTcp(host, 0, () => {});
  const { port, address } = server.address() as AddressInfo;
  expect(address).toBe('127.0.0.1');
  for (let turn = 0; turn < 2; turn++) {
    const socket = connect(port, '127.0.0.1');
    const client = clientOver(
      (bytes) => socket.write(bytes),
      (listener) => socket.on('data', listener),
    );
    expect(await client.request('initialize', { adapterID: 'xen' })).toMatchObject({
      supportsDisassembleRequest: true,
    });
    await client.request('disconnect');
    socket.destroy();
  }
  await new Promise((resolve) => server.close(resolve));
});
