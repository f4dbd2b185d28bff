import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { FOLDER_SCHEME, workbenchPage } from './page.ts';
import { inside, serveWorkspaceFile } from './workspace-files.ts';

export interface WorkbenchOptions {
  /** Unpacked web build of VS Code. */
  readonly build: string;
  /** Folder with the extension's package.json: the checkout, or an unpacked .vsix. */
  readonly extension: string;
  /** Built file-system extension (see file-system/). */
  readonly fileSystem: string;
  /** The folder that the workbench opens. */
  readonly workspace: string;
  /** 0: any free one. */
  readonly port: number;
  /** Serve with COOP and COEP, so that the page may use SharedArrayBuffer. */
  readonly isolated: boolean;
  /** Defaults of VS Code settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface WorkbenchServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Webviews and the extension host live at `{{uuid}}.vscode.localhost`, which is same-site with this name only; browsers
 * resolve every name under localhost to this machine.
 */
const HOST = 'vscode.localhost';
/** Of the checkout only this is served. */
const EXTENSION_PARTS = /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|dist\/|media\/)/;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.cjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
  '.md': 'text/markdown; charset=utf-8',
};

/** Serves the workbench on loopback. */
export async function serveWorkbench(options: WorkbenchOptions): Promise<WorkbenchServer> {
  let authority = '';
  const server = createServer((request, response) => {
    respond(options, authority, request, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(error.message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  authority = `${HOST}:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${authority}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  options: WorkbenchOptions,
  authority: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isOurs(request, authority)) {
    response.writeHead(403).end('This server answers only its own pages.');
    return;
  }
  setHeaders(options, request, response);
  if (request.method === 'OPTIONS') {
    response.writeHead(204).end();
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', `http://${authority}`);
  const [, area = '', ...rest] = pathname.split('/').map(decodeURIComponent);
  const name = rest.join('/');
  switch (area) {
    case '':
      response.writeHead(200, { 'Content-Type': CONTENT_TYPES['.html'] }).end(workbenchPage(options, authority));
      return;
    case 'build':
      return serveFile(options.build, name, response);
    case 'extension':
      return serveFile(options.extension, EXTENSION_PARTS.test(name) ? name : 'not-served', response);
    case 'file-system':
      return serveFile(options.fileSystem, name, response);
    case FOLDER_SCHEME:
      return serveWorkspaceFile(options.workspace, name, request, searchParams, response);
    default:
      response.writeHead(404).end();
  }
}

/** Neither another site's script nor a name that was rebound to loopback reaches the user's files. */
function isOurs({ headers }: IncomingMessage, authority: string): boolean {
  const isHere = (host: string): boolean => host === authority || host.endsWith(`.${authority}`);
  if (!isHere(headers.host ?? '')) return false;
  const { origin } = headers;
  return origin === undefined || origin === 'null' ? origin === undefined : isHere(origin.replace('http://', ''));
}

function setHeaders({ isolated }: WorkbenchOptions, { headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.origin !== undefined) {
    response.setHeader('Access-Control-Allow-Origin', headers.origin);
    response.setHeader('Access-Control-Allow-Methods', 'GET, PUT, POST, DELETE');
    response.setHeader('Access-Control-Allow-Headers', '*');
    response.setHeader('Vary', 'Origin');
  }
  response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
  if (!isolated) return;
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
}

async function serveFile(root: string, name: string, response: ServerResponse): Promise<void> {
  const file = inside(root, name);
  const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || found?.isFile() !== true) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': CONTENT_TYPES[path.extname(file)] ?? 'application/octet-stream',
    'Content-Length': found.size,
    'Cache-Control': 'no-cache',
  });
  createReadStream(file).pipe(response);
}
