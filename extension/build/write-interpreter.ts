/** npm run gen: writes the interpreter's WebAssembly modules into emulator/x86/generated. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { interpreterSource } from '../../emulator/x86/gen/interpreter-source.ts';

mkdirSync('emulator/x86/generated', { recursive: true });
writeFileSync(
  'emulator/x86/generated/interpreter.ts',
  interpreterSource((bytes) => Buffer.from(bytes).toString('base64')),
);
