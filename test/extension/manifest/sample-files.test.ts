import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SAMPLE_FILES } from '../../../extension/manifest/sample-files.ts';

test('the list names every file of the sample workspace', () => {
  const folder = 'media/sample';
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => statSync(path.join(folder, file)).isFile());
  expect([...SAMPLE_FILES].sort()).toEqual(files.sort());
});
