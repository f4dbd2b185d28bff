/**
 * npm start [-- FOLDER] [--web] [--check] [--isolated] [--port N]
 *
 * Opens a VS Code with this checkout's extension in it: the local `code` where there is one, else a web build on
 * loopback. Without FOLDER, the sample. `--web` takes the web build in any case; `--check` starts, asks whether the
 * workbench answers, and leaves; `--isolated` serves it with cross-origin isolation.
 */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { assembleFileSystem } from './assemble.ts';
import { codeOss } from './code-oss.ts';
import { serveWorkbench, type WorkbenchServer } from './server.ts';

const isWindows = process.platform === 'win32';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    web: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    isolated: { type: 'boolean', default: false },
    port: { type: 'string', default: '3000' },
  },
});
const workspace = path.resolve(positionals[0] ?? 'media/sample');

function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function hasLocalCode(): boolean {
  const { status } = spawnSync('code', ['--version'], { stdio: 'ignore', shell: isWindows });
  return status === 0;
}

function openLocalCode(): void {
  const args = [`--extensionDevelopmentPath=${path.resolve('.')}`, workspace];
  console.log(`code ${args.join(' ')}`);
  if (values.check) return;
  spawn('code', args, { stdio: 'inherit', shell: isWindows });
}

/** Every part of the page that can be missing, asked for once. */
async function check({ url }: WorkbenchServer): Promise<void> {
  const parts = ['', 'build/workbench.js', 'build/out/vs/workbench/workbench.web.main.internal.js'];
  parts.push('extension/package.json', 'extension/dist/extension-web.js', 'file-system/extension.js');
  for (const part of parts) {
    // Node resolves no names under localhost, so the name goes into the header alone.
    const { host, port } = new URL(url);
    const { status } = await get(Number(port), host, `/${part}`);
    if (status !== 200) throw new Error(`${url}${part} answers ${status}`);
  }
  console.log(`The workbench answers at ${url}`);
}

async function get(port: number, host: string, location: string): Promise<{ status: number }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: location, headers: { host } }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0 }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function openBrowser(url: string): void {
  const opener = isWindows ? 'start' : process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true, shell: isWindows });
  // Without a desktop there is nothing to open it with; the address was printed.
  child.on('error', () => undefined);
  child.unref();
}

async function listen(port: number): Promise<WorkbenchServer> {
  const options = {
    build: codeOss(console.log),
    extension: path.resolve('.'),
    fileSystem: await assembleFileSystem(),
    workspace,
    isolated: values.isolated,
  };
  try {
    return await serveWorkbench({ ...options, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return serveWorkbench({ ...options, port: 0 });
  }
}

run(process.execPath, ['run-typescript.mjs', 'extension/build/bundle.ts']);
if (!values.web && hasLocalCode()) openLocalCode();
else {
  const server = await listen(values.check ? 0 : Number(values.port));
  if (values.check) {
    await check(server);
    await server.close();
  } else {
    console.log(`VS Code for the Web with Xenoscope: ${server.url}  (${workspace}; Ctrl-C ends it)`);
    openBrowser(server.url);
  }
}
