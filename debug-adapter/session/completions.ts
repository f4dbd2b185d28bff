import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { ExpressionError } from '../expression/error.ts';
import { evaluate } from '../expression/evaluator.ts';
import type { SessionContext } from './context.ts';
import { frameEnvironment } from './frame-environment.ts';
import { registerNames } from './register-names.ts';
import { COMMAND_NAMES } from './repl-commands.ts';
import { globalsOf, localsOf } from './source/frame-variables.ts';
import type { SourceFrame } from './source/source-frames.ts';
import { frameOrInnermost } from './stack.ts';
import type { FrameHandle } from './stop-data.ts';

export const COMPLETION_TRIGGERS: readonly string[] = ['$', '.'];
const MAXIMUM_SYMBOLS = 50;

/** Locals, arguments and globals of the frame. */
function sourceNames(source: SourceFrame, fits: (label: string) => boolean): readonly Dap.CompletionItem[] {
  const labels = [...localsOf(source), ...globalsOf(source)].map((variable) => variable.name);
  return [...new Set(labels)].filter(fits).map((label) => ({ label, type: 'variable' }));
}

/** What stands before "->" or "." at the end: its members are due. */
const MEMBER_OF = /([A-Za-z_$][\w$]*(?:(?:->|\.)\w+|\[[^\]]*\])*)(?:->|\.)\w*$/;

async function memberNames(context: SessionContext, frame: FrameHandle, path: string): Promise<readonly string[]> {
  try {
    const value = await evaluate(path, frameEnvironment(context, frame));
    if (value.kind === 'tree') return value.tree.children.map((child) => child.name);
    const type = value.type.kind === 'pointer' ? value.type.to : value.type;
    return type.kind === 'struct' ? type.members.flatMap((member) => member.name ?? []) : [];
  } catch (error) {
    if (error instanceof ExpressionError) return [];
    throw error;
  }
}

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
  const frame = await frameOrInnermost(context, args.frameId);
  const fits = (label: string): boolean => label.toLowerCase().startsWith(name);
  const path = MEMBER_OF.exec(before)?.[1];
  const members = path === undefined ? [] : await memberNames(context, frame, path);
  if (members.length > 0) {
    return { targets: members.filter(fits).map((label) => ({ label, type: 'field', ...place })) };
  }
  const found: Dap.CompletionItem[] = registerNames(await stop.registers(vcpu))
    .filter((register) => register.startsWith(name))
    .map((register) => ({ label: `${sigil}${register}`, type: 'variable', ...place }));
  if (sigil !== '') return { targets: found };
  if (frame.source !== undefined)
    found.unshift(...sourceNames(frame.source, fits).map((item) => ({ ...item, ...place })));
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
