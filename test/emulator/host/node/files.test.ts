import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { readFile } from '../../../../emulator/host/node/files.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'xenoscope-'));
const file = path.join(folder, 'a b.txt');
writeFileSync(file, 'text');
const text = async (name: string, relativeTo: string | undefined): Promise<string> =>
  new TextDecoder().decode(await readFile(name, relativeTo));

test('by path, by URI, and relative to either', async () => {
  expect(await text(file, undefined)).toBe('text');
  expect(await text(pathToFileURL(file).href, undefined)).toBe('text');
  expect(await text('a b.txt', folder)).toBe('text');
  expect(await text('a b.txt', pathToFileURL(folder).href)).toBe('text');
  expect(await text(file, '/elsewhere')).toBe('text');
});

test('what cannot be read is named, with the reason', async () => {
  await expect(readFile('none', folder)).rejects.toMatchObject({
    id: 'file.unreadable',
    message: `Cannot read ${path.join(folder, 'none')}: there is no such file.`,
  });
  await expect(readFile(folder, undefined)).rejects.toThrow(/it is a folder/);
});
