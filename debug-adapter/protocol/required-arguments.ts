import { badArguments } from './errors.ts';
import type { Command } from './requests.ts';

type Kind = 'string' | 'number' | 'strings' | 'object' | { readonly listOf: Fields; readonly optional?: true };
type Fields = { readonly [name: string]: Kind };

const listOf = (fields: Fields): Kind => ({ listOf: fields });

/** Arguments without which a request makes no sense, as the DAP schema and our own requests have them. */
const REQUIRED: Partial<Record<Command, Fields>> = {
  setBreakpoints: { breakpoints: { listOf: { line: 'number' }, optional: true } },
  setFunctionBreakpoints: { breakpoints: listOf({ name: 'string' }) },
  setInstructionBreakpoints: { breakpoints: listOf({ instructionReference: 'string' }) },
  setExceptionBreakpoints: { filters: 'strings', filterOptions: { listOf: { filterId: 'string' }, optional: true } },
  dataBreakpointInfo: { name: 'string' },
  setDataBreakpoints: { breakpoints: listOf({ dataId: 'string' }) },
  breakpointLocations: { source: 'object', line: 'number' },
  gotoTargets: { source: 'object', line: 'number' },
  goto: { threadId: 'number', targetId: 'number' },
  next: { threadId: 'number' },
  stepIn: { threadId: 'number' },
  stepOut: { threadId: 'number' },
  stackTrace: { threadId: 'number' },
  scopes: { frameId: 'number' },
  variables: { variablesReference: 'number' },
  setVariable: { variablesReference: 'number', name: 'string', value: 'string' },
  exceptionInfo: { threadId: 'number' },
  evaluate: { expression: 'string' },
  setExpression: { expression: 'string', value: 'string' },
  completions: { text: 'string', column: 'number' },
  readMemory: { memoryReference: 'string', count: 'number' },
  writeMemory: { memoryReference: 'string', data: 'string' },
  disassemble: { memoryReference: 'string', instructionCount: 'number' },
  xenConsoleInput: { base64: 'string' },
  xenAttachDevice: { kind: 'string', specification: 'string' },
  xenDetachDevice: { kind: 'string', name: 'string' },
  xenPlace: { address: 'string' },
  xenXenstoreNode: { path: 'string' },
  xenXenstoreWrite: { path: 'string' },
  xenFrame: { mfn: 'string' },
  xenTranslate: { space: 'string', address: 'string' },
  xenCheckEntry: { table: 'string', index: 'number', entry: 'string' },
  xenReadMemory: { space: 'string', address: 'string', count: 'number' },
  xenWriteMemory: { space: 'string', address: 'string', base64: 'string' },
};

/** The arguments as an object, checked. Throws `ProtocolError`. */
export function checkArguments(command: string, given: unknown): Record<string, unknown> {
  if (given !== undefined && given !== null && !isObject(given)) throw badArguments('"arguments" must be an object');
  const args = given ?? {};
  const required = Object.hasOwn(REQUIRED, command) ? REQUIRED[command as Command] : undefined;
  if (required !== undefined) checkFields(args, required, '');
  return args;
}

function checkFields(values: Record<string, unknown>, fields: Fields, path: string): void {
  for (const [name, kind] of Object.entries(fields)) checkField(values[name], kind, `${path}${name}`);
}

function checkField(value: unknown, kind: Kind, name: string): void {
  if (kind === 'string' || kind === 'number') {
    if (typeof value !== kind) throw badArguments(`"${name}" must be a ${kind}`);
    return;
  }
  if (kind === 'object') {
    if (!isObject(value)) throw badArguments(`"${name}" must be an object`);
    return;
  }
  if (kind === 'strings') {
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw badArguments(`"${name}" must be a list of strings`);
    }
    return;
  }
  if (value === undefined && kind.optional === true) return;
  if (!Array.isArray(value) || !value.every(isObject)) throw badArguments(`"${name}" must be a list of objects`);
  for (const item of value) checkFields(item, kind.listOf, `${name}.`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
