import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { interpreterSource } from '../../../../emulator/x86/gen/interpreter-source.ts';

it('generated/interpreter.ts is what the rows make: else run `npm run gen`', () => {
  const generated = interpreterSource((bytes) => Buffer.from(bytes).toString('base64'));
  expect(readFileSync('emulator/x86/generated/interpreter.ts', 'utf8') === generated).toBe(true);
});
