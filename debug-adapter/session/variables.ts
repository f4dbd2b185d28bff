import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { ArgumentInfo, HypercallInfo } from '../../emulator/debug/target.ts';
import { notSettable } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';
import { invalidate } from './invalidate.ts';
import { setRegister } from './set-register.ts';
import { namesOf } from './source/registers.ts';
import { sourceScopes } from './source/scopes.ts';
import type { FrameHandle, NamedVariable, StopData, VariableContainer } from './stop-data.ts';

export async function scopes(context: SessionContext, args: Dap.ScopesArguments): Promise<Dap.ScopesResponse['body']> {
  const stop = context.stopped;
  const handle = stop.frame(args.frameId);
  const found: Dap.Scope[] = [];
  const add = (name: string, container: VariableContainer, hint: Dap.Scope['presentationHint'] = 'registers'): void => {
    found.push({ name, variablesReference: stop.reference(container), expensive: false, presentationHint: hint });
  };
  const call = handle.level === 0 ? await stop.hypercall(handle.vcpu) : undefined;
  const events = handle.level === 0 && handle.vcpu === stop.event.vcpu ? (stop.event.events ?? []) : [];
  for (const { text, arguments: list } of events)
    add(`Event: ${text}`, { list: () => Promise.resolve(argumentVariables(list)) }, 'arguments');
  if (call !== undefined)
    add(hypercallTitle(call), { list: () => Promise.resolve(hypercallVariables(call)) }, 'arguments');
  for (const { name, hint, container } of sourceScopes(context, handle)) add(name, container, hint);
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
  const container = stop.container(args.variablesReference);
  const first = args.start ?? 0;
  if (args.filter === 'named' && container.isIndexed === true) return { variables: [] };
  const wanted = args.count === undefined || args.count === 0 ? undefined : args.count;
  const list = await container.list(container.isIndexed === true ? first : undefined, wanted);
  const part = container.isIndexed === true ? list : list.slice(first, first + (wanted ?? list.length));
  return { variables: part.map((variable) => toDap(stop, variable)) };
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

export function toDap(stop: StopData, variable: NamedVariable): Dap.Variable {
  const { name, value, type, memoryReference, evaluateName, children, readOnly, indexedVariables } = variable;
  return {
    name,
    value,
    variablesReference: children === undefined ? 0 : stop.reference(children),
    ...(type === undefined ? {} : { type }),
    ...(memoryReference === undefined ? {} : { memoryReference }),
    ...(evaluateName === undefined ? {} : { evaluateName }),
    ...(indexedVariables === undefined ? {} : { indexedVariables }),
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

function outerRegisters({ frame, source }: FrameHandle): readonly NamedVariable[] {
  const show = (name: string, value: bigint | undefined): NamedVariable => {
    if (value === undefined) return { name, value: 'unknown', readOnly: true };
    const text = `0x${value.toString(16)}`;
    return { name, value: text, memoryReference: text, evaluateName: `$${name}`, readOnly: true };
  };
  const own = [show('rip', frame.rip), show('rsp', frame.rsp), show('rbp', frame.rbp)];
  const names = namesOf(source?.view.addressSize ?? 8);
  const saved = [...(frame.registers ?? [])].flatMap(([number, value]) => {
    const name = names[number];
    return name === undefined || own.some((known) => known.name === name) ? [] : [show(name, value)];
  });
  return [...own, ...saved];
}
