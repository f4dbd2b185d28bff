import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/**
 * Unpacks a gzipped tar file (ustar, with the long names of GNU and pax). Only regular files are written, never
 * outside `folder`; `accept` decides by name. The number of files written.
 */
export function unpackTarball(tarball: Uint8Array, folder: string, accept: (name: string) => boolean): number {
  const bytes = gunzipSync(tarball);
  let count = 0;
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const header = bytes.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8);
    const type = String.fromCharCode(header[156] ?? 0);
    const contents = bytes.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'L') longName = text(contents, 0, size);
    else if (type === 'x') longName = paxPath(contents) ?? longName;
    else {
      const name = longName ?? headerName(header);
      longName = undefined;
      if ((type === '0' || type === '\0') && accept(name)) {
        writeInside(folder, name, contents);
        count += 1;
      }
    }
  }
  return count;
}

function headerName(header: Uint8Array): string {
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Field "path" of a pax extended header: records of "LENGTH KEY=VALUE\n". */
function paxPath(contents: Uint8Array): string | undefined {
  const record = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(new TextDecoder().decode(contents));
  return record?.[1];
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function writeInside(folder: string, name: string, contents: Uint8Array): void {
  const target = path.resolve(folder, name);
  if (!target.startsWith(path.resolve(folder) + path.sep)) throw new Error(`${name} would lie outside ${folder}`);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, contents);
}
