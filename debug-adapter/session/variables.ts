import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { ArgumentInfo, HypercallInfo } from '../../emulator/debug/target.ts';
import { ExpressionError } from '../expression/error.ts';
import { evaluateNumber } from '../expression/evaluator.ts';
import { badExpression, notSettable } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';
import { frameEnvironment } from './frame-environment.ts';
import { invalidate } from './invalidate.ts';
import { composeRegister } from './register-names.ts';
import type { FrameHandle, NamedVariable, StopData, VariableContainer } from './stop-data.ts';

export async function scopes(context: SessionContext, args: Dap.ScopesArguments): Promise<Dap.ScopesResponse['body']> {
  const stop = context.stopped;
  const handle = stop.frame(args.frameId);
  const found: Dap.Scope[] = [];
  const add = (name: string, container: VariableContainer, hint: Dap.Scope['presentationHint'] = 'registers'): void => {
    found.push({ name, variablesReference: stop.reference(container), expensive: false, presentationHint: hint });
  };
  const call = handle.level === 0 ? await stop.hypercall(handle.vcpu) : undefined;
  if (call !== undefined)
    add(hypercallTitle(call), { list: () => Promise.resolve(hypercallVariables(call)) }, 'arguments');
  if (handle.level > 0) {
    add('Registers of this frame', { list: () => Promise.resolve(outerRegisters(handle)) });
    return { scopes: found };
  }
  const set = (name: string, text: string): Promise<string> => setRegister(context, handle, name, text);
  const group = (name: 'general' | 'segment' | 'control' | 'vector'): VariableContainer => ({
    list: async () => {
      const symbols = await context.symbols();
      const values = Object.entries((await stop.registers(handle.vcpu))[name]);
      return values.map(([register, value]) => registerVariable(register, value, symbols.describe.bind(symbols)));
    },
    set,
  });
  add('General Registers', group('general'));
  add('Segment Registers', group('segment'));
  add('Control Registers', group('control'));
  add('Flags', { list: () => flagVariables(stop, handle.vcpu), set });
  add('Vector Registers', group('vector'));
  return { scopes: found };
}

export async function variables(
  context: SessionContext,
  args: Dap.VariablesArguments,
): Promise<Dap.VariablesResponse['body']> {
  const stop = context.stopped;
  const all = await stop.container(args.variablesReference).list();
  const first = args.start ?? 0;
  const count = args.count === undefined || args.count === 0 ? all.length : args.count;
  return { variables: all.slice(first, first + count).map((variable) => toDap(stop, variable)) };
}

export async function setVariable(
  context: SessionContext,
  args: Dap.SetVariableArguments,
): Promise<Dap.SetVariableResponse['body']> {
  const container = context.stopped.container(args.variablesReference);
  if (container.set === undefined) throw notSettable(args.name);
  const value = await container.set(args.name, args.value);
  invalidate(context, ['variables', 'stacks']);
  return { value };
}

/** Sets a register, or a part of one, of the innermost frame; the text may be any expression. New value as text. */
export async function setRegister(
  context: SessionContext,
  handle: FrameHandle,
  name: string,
  text: string,
): Promise<string> {
  if (handle.level > 0) throw notSettable(`${name} of an outer frame`);
  const stop = context.stopped;
  // The value as shown may carry a symbol behind it.
  const expression = text.replace(/\s*<[^>]*>\s*$/, '');
  if (/^xmm\d+$/i.test(name)) return await storeRegister(context, handle, name.toLowerCase(), vectorValue(expression));
  let wanted: bigint;
  try {
    wanted = await evaluateNumber(expression, frameEnvironment(context, handle));
  } catch (error) {
    if (error instanceof ExpressionError) throw badExpression(error.message);
    throw error;
  }
  const whole = composeRegister(await stop.registers(handle.vcpu), name, wanted);
  if (whole === undefined) throw notSettable(name);
  return await storeRegister(context, handle, whole.name, whole.value);
}

async function storeRegister(
  context: SessionContext,
  handle: FrameHandle,
  name: string,
  value: bigint,
): Promise<string> {
  const text = `0x${value.toString(16)}`;
  if (!(await context.target.setRegister(handle.vcpu, name, text))) throw notSettable(name);
  context.stopped.forgetValues();
  return text;
}

/** Vector registers are wider than an expression: a plain number only. */
function vectorValue(text: string): bigint {
  if (!/^(0x[0-9a-f]{1,32}|[0-9]{1,39})$/i.test(text)) throw badExpression(`"${text}" is not a 128-bit number.`);
  return BigInt.asUintN(128, BigInt(text));
}

export function toDap(stop: StopData, variable: NamedVariable): Dap.Variable {
  const { name, value, type, memoryReference, evaluateName, children, readOnly } = variable;
  return {
    name,
    value,
    variablesReference: children === undefined ? 0 : stop.reference(children),
    ...(type === undefined ? {} : { type }),
    ...(memoryReference === undefined ? {} : { memoryReference }),
    ...(evaluateName === undefined ? {} : { evaluateName }),
    ...(readOnly === true ? { presentationHint: { attributes: ['readOnly'] } } : {}),
  };
}

/** Decoded arguments as variables, structures as trees. */
export function argumentVariables(list: readonly ArgumentInfo[], path = ''): readonly NamedVariable[] {
  return list.map(({ name, value, children }) => {
    const evaluateName = name.startsWith('[') ? `${path}${name}` : path === '' ? name : `${path}.${name}`;
    const address = /^0x[0-9a-f]+/.exec(value)?.[0];
    return {
      name,
      value,
      evaluateName,
      readOnly: true,
      ...(address === undefined ? {} : { memoryReference: address }),
      ...(children.length === 0
        ? {}
        : { children: { list: () => Promise.resolve(argumentVariables(children, evaluateName)) } }),
    };
  });
}

function hypercallTitle({ name, suboperation }: HypercallInfo): string {
  return `Hypercall ${name}${suboperation === undefined ? '' : `.${suboperation}`}`;
}

function hypercallVariables(call: HypercallInfo): readonly NamedVariable[] {
  const fixed = (name: string, value: string): NamedVariable => ({ name, value, readOnly: true });
  const all = [fixed('number', String(call.number)), ...argumentVariables(call.arguments)];
  if (call.result === undefined) return all;
  const { value, errno, reason } = call.result;
  all.push(fixed('result', errno === undefined ? value : `${value} (${errno})`));
  if (reason !== undefined) all.push(fixed('reason', reason));
  return all;
}

function registerVariable(
  name: string,
  value: string,
  describe: (address: bigint) => string | undefined,
): NamedVariable {
  if (!/^0x[0-9a-f]{1,16}$/i.test(value)) return { name, value };
  const symbol = describe(BigInt(value));
  return {
    name,
    value: symbol === undefined ? value : `${value} <${symbol}>`,
    evaluateName: `$${name}`,
    memoryReference: value,
  };
}

async function flagVariables(stop: StopData, vcpu: number): Promise<readonly NamedVariable[]> {
  const { flags } = await stop.registers(vcpu);
  return [
    { name: 'rflags', value: flags.value, evaluateName: '$rflags' },
    { name: 'flags', value: flags.words === '' ? 'none set' : flags.words, readOnly: true },
  ];
}

function outerRegisters({ frame }: FrameHandle): readonly NamedVariable[] {
  const show = (name: string, value: bigint | undefined): NamedVariable => {
    if (value === undefined) return { name, value: 'unknown', readOnly: true };
    const text = `0x${value.toString(16)}`;
    return { name, value: text, memoryReference: text, evaluateName: `$${name}`, readOnly: true };
  };
  return [show('rip', frame.rip), show('rsp', frame.rsp), show('rbp', frame.rbp)];
}
