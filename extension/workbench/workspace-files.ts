import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';

/**
 * The opened folder over HTTP, for the file-system extension in the browser (file-system/extension.ts):
 * GET file, GET ?stat, GET ?list, PUT file, PUT ?folder, DELETE, POST ?rename=NEW. Errors carry Node's code as text.
 */
export async function serveWorkspaceFile(
  root: string,
  name: string,
  request: IncomingMessage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const file = inside(root, name);
  if (file === undefined) {
    response.writeHead(403).end('EPERM');
    return;
  }
  try {
    const body = await answer(root, file, request, query);
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' });
    response.end(body);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    response.writeHead(code === 'ENOENT' ? 404 : 500).end(code ?? String(error));
  }
}

async function answer(
  root: string,
  file: string,
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<Uint8Array | string> {
  switch (request.method) {
    case 'GET':
      if (query.has('stat')) return JSON.stringify(await describe(file));
      if (query.has('list')) return JSON.stringify(await list(file));
      return readFile(file);
    case 'PUT':
      if (query.has('folder')) await mkdir(file, { recursive: true });
      else await writeFile(file, await bodyOf(request));
      return '';
    case 'DELETE':
      await rm(file, { recursive: true });
      return '';
    case 'POST': {
      const target = inside(root, query.get('rename') ?? '');
      if (target === undefined) throw Object.assign(new Error('outside the folder'), { code: 'EPERM' });
      await rename(file, target);
      return '';
    }
    default:
      throw Object.assign(new Error('unknown method'), { code: 'ENOSYS' });
  }
}

async function describe(file: string) {
  const { size, mtimeMs, birthtimeMs, isDirectory } = await statOf(file);
  return { folder: isDirectory, size, mtime: Math.floor(mtimeMs), ctime: Math.floor(birthtimeMs) };
}

async function statOf(file: string) {
  const found = await stat(file);
  return { ...found, isDirectory: found.isDirectory() };
}

async function list(folder: string): Promise<readonly (readonly [string, boolean])[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      // A link counts as what it points to; a dangling one as a file.
      const isFolder = entry.isSymbolicLink()
        ? await stat(path.join(folder, entry.name)).then(
            (target) => target.isDirectory(),
            () => false,
          )
        : entry.isDirectory();
      return [entry.name, isFolder] as const;
    }),
  );
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** The file that a name below `root` means; undefined if it would lie outside. */
export function inside(root: string, name: string): string | undefined {
  const file = path.resolve(root, `.${path.posix.normalize(`/${name}`)}`);
  const whole = path.resolve(root);
  return file === whole || file.startsWith(whole + path.sep) ? file : undefined;
}
