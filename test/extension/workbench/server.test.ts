import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveWorkbench, type WorkbenchServer } from '../../../extension/workbench/server.ts';

let folder: string;
let server: WorkbenchServer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'xenoscope-server-'));
  for (const name of ['build', 'extension', 'file-system', 'workspace']) mkdirSync(path.join(folder, name));
  writeFileSync(path.join(folder, 'secret'), 'secret');
  writeFileSync(path.join(folder, 'extension', 'package.json'), '{}');
  writeFileSync(path.join(folder, 'extension', '.env'), 'secret');
  writeFileSync(path.join(folder, 'workspace', 'a b.txt'), 'hello');
  server = await serveWorkbench({
    build: path.join(folder, 'build'),
    extension: path.join(folder, 'extension'),
    fileSystem: path.join(folder, 'file-system'),
    workspace: path.join(folder, 'workspace'),
    port: 0,
    isolated: true,
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function send(
  location: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  body = '',
): Promise<Answer> {
  const { host, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: location, method, headers: { host, ...headers } };
    const sent = request(options, (response) => {
      const chunks: Uint8Array[] = [];
      response.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('the page carries its configuration and the headers of cross-origin isolation', async () => {
  const { status, headers, body } = await send('/');
  expect(status).toBe(200);
  expect(headers['cross-origin-opener-policy']).toBe('same-origin');
  expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
  expect(body).toContain('&quot;scheme&quot;:&quot;xenoscope-folder&quot;');
});

test('files of the opened folder can be described, read and written', async () => {
  expect((await send('/xenoscope-folder/a%20b.txt')).body).toBe('hello');
  expect(JSON.parse((await send('/xenoscope-folder/?list')).body)).toEqual([['a b.txt', false]]);
  expect(JSON.parse((await send('/xenoscope-folder/a%20b.txt?stat')).body)).toMatchObject({ folder: false, size: 5 });
  await send('/xenoscope-folder/new', {}, 'PUT', 'contents');
  expect(readFileSync(path.join(folder, 'workspace', 'new'), 'utf8')).toBe('contents');
  await send('/xenoscope-folder/new', {}, 'DELETE');
  expect((await send('/xenoscope-folder/new')).status).toBe(404);
});

test('nothing outside the served folders can be had', async () => {
  for (const name of ['..%2fsecret', '%2e%2e/secret', '..%5csecret']) {
    expect((await send(`/xenoscope-folder/${name}`)).body).not.toContain('secret');
  }
  expect((await send('/extension/.env')).status).toBe(404);
});

test('another site, and a name rebound to loopback, are turned away', async () => {
  expect((await send('/xenoscope-folder/a%20b.txt', { host: 'evil.example' })).status).toBe(403);
  expect((await send('/xenoscope-folder/a%20b.txt', { origin: 'http://evil.example' })).status).toBe(403);
  expect((await send('/xenoscope-folder/a%20b.txt', { origin: 'null' })).status).toBe(403);
  const authority = new URL(server.url).host;
  expect((await send('/xenoscope-folder/a%20b.txt', { origin: `http://id.${authority}` })).status).toBe(200);
});
