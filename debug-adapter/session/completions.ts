import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { SessionContext } from './context.ts';
import { registerNames } from './register-names.ts';
import { COMMAND_NAMES } from './repl-commands.ts';

export const COMPLETION_TRIGGERS: readonly string[] = ['$', '.'];
const MAXIMUM_SYMBOLS = 50;

/** Registers, arguments of the hypercall stopped at, commands at the beginning, and symbols. */
export async function completions(
  context: SessionContext,
  args: Dap.CompletionsArguments,
): Promise<Dap.CompletionsResponse['body']> {
  const stop = context.stopped;
  const { vcpu } = stop.event;
  const base = context.client.columnsStartAt1 === false ? 0 : 1;
  const before = args.text.slice(0, args.column - base);
  const word = /[$%]?[A-Za-z_][\w]*$|[$%]$/.exec(before)?.[0] ?? '';
  const place = { start: before.length - word.length + base, length: word.length };
  const sigil = /^[$%]/.exec(word)?.[0] ?? '';
  const name = word.slice(sigil.length).toLowerCase();
  const found: Dap.CompletionItem[] = registerNames(await stop.registers(vcpu))
    .filter((register) => register.startsWith(name))
    .map((register) => ({ label: `${sigil}${register}`, type: 'variable', ...place }));
  if (sigil !== '') return { targets: found };
  const call = await stop.hypercall(vcpu);
  for (const argument of call?.arguments ?? []) {
    if (argument.name.toLowerCase().startsWith(name)) found.unshift({ label: argument.name, type: 'field', ...place });
  }
  if (before.trim() === word) {
    for (const command of COMMAND_NAMES) {
      if (command.startsWith(name)) found.push({ label: command, type: 'keyword', ...place });
    }
  }
  if (word !== '') {
    for (const symbol of (await context.symbols()).search(word, MAXIMUM_SYMBOLS)) {
      found.push({ label: symbol.name, type: symbol.kind === 'function' ? 'function' : 'reference', ...place });
    }
  }
  return { targets: found };
}
