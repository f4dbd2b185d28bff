import { buildForms } from '../interpreter/forms.ts';
import { buildInterpreter } from '../interpreter/interpreter-module.ts';

const LINE = 116;

/** Text of generated/interpreter.ts: both interpreters' modules, base64 in lines. */
export function interpreterSource(encode: (bytes: Uint8Array) => string): string {
  const modules = ([32, 64] as const).map((mode) => {
    const text = encode(buildInterpreter(buildForms(mode)));
    const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
    return `const MODULE${mode} = \`\n${lines.join('\n')}\n\`;\n`;
  });
  return `/* Made by \`npm run gen\` from emulator/x86/isa. Do not edit. */

${modules.join('\n')}
/** WebAssembly module of the interpreter for 32-bit or 64-bit code. */
export function interpreterBytes(mode: 32 | 64): Uint8Array<ArrayBuffer> {
  const text = atob((mode === 64 ? MODULE64 : MODULE32).replaceAll('\\n', ''));
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
`;
}
