import { formatAddress, type VirtualAddress } from '../../base/numbers.ts';
import type { DecodedArgument, HypercallRecord } from '../common/trace.ts';
import { type Field, type Format, type StructDefinition, StructView, type Width } from '../public/struct.ts';
import type { HypercallContext } from './call.ts';
import { hypercallRow } from './columns.ts';
import { type ArgumentSpec, argumentsOf, type HypercallRow, type SuboperationRow } from './row.ts';
import { findSuboperation } from './suboperation.ts';
import { formatDomid, formatFlush, formatMmuPointer, formatPageTableEntry, hexadecimal } from './value-format.ts';

/** Arguments of a hypercall as nested names and values, from the rows of the table. Touches nothing in the guest. */

/** Elements of an array that are shown; the rest is counted. */
const MAX_ELEMENTS = 64;
/** count of -1: the array ends with an element of all zeros in its last field (trap table). */
const ZERO_TERMINATED = -1;

export function decodeHypercall(
  call: HypercallContext,
  number: number,
  multicallIndex: number | undefined,
): HypercallRecord {
  const { xen, domain, vcpu } = call;
  const row = hypercallRow(domain, number);
  const suboperation = row === undefined ? undefined : findSuboperation(call, row);
  return {
    domain,
    vcpu,
    instructions: xen.clock.instructions,
    now: xen.clock.now(),
    number,
    name: row?.name ?? `hypercall ${number}`,
    suboperation: suboperation?.name ?? elementCommand(call, row),
    arguments:
      row === undefined
        ? rawArguments(call)
        : argumentsOf(row, domain.width).map((_, index) => decodeArgument(call, row, suboperation, index)),
    multicallIndex,
    result: undefined,
  };
}

function rawArguments({ args }: HypercallContext): DecodedArgument[] {
  return Array.from({ length: 5 }, (_, index) => ({
    name: `arg${index + 1}`,
    value: hexadecimal(args.low(index), args.high(index)),
    children: [],
  }));
}

/** The command of the only element: "PIN_L4_TABLE". */
function elementCommand(call: HypercallContext, row: HypercallRow | undefined): string | undefined {
  if (row?.elementCommands === undefined || call.args.u32(1) !== 1) return undefined;
  const command = elementCommandNumbers(call, row)[0];
  return command === undefined ? undefined : row.elementCommands[command];
}

/** Commands of all elements of a call whose sub-operations are in its elements. */
export function elementCommandNumbers({ xen, domain, args }: HypercallContext, row: HypercallRow): number[] {
  const struct = row.arguments[0]?.struct;
  if (struct === undefined) return [];
  const { size } = struct[domain.width];
  const count = Math.min(args.u32(1), 4096);
  const bytes = xen.processor.peek(args.address(0), size * count);
  const commands: number[] = [];
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; at += size) {
    const first = data.getUint32(at, true);
    commands.push(row.elementCommand?.(first, data.getUint32(at + 4, true)) ?? first);
  }
  return commands;
}

function decodeArgument(
  call: HypercallContext,
  row: HypercallRow,
  suboperation: SuboperationRow | undefined,
  index: number,
): DecodedArgument {
  const spec = argumentsOf(row, call.domain.width)[index] as ArgumentSpec;
  const { args } = call;
  const isCommand = index === 0 && row.suboperations !== undefined && row.commandInMemory !== true;
  if (isCommand) {
    const name = suboperation === undefined ? 'unknown' : `${row.prefix ?? ''}${suboperation.name}`;
    return { name: spec.name, value: `${name} (${args.u32(0)})`, children: [] };
  }
  const pointed = index === (suboperation?.argument ?? 1) ? suboperation?.struct : undefined;
  const struct = pointed ?? spec.struct;
  const count = pointed === undefined ? spec.count : suboperation?.count;
  const value = formatArgument(call, spec, index);
  if (struct === undefined || args.address(index) === 0) return { name: spec.name, value, children: [] };
  const children =
    count === undefined
      ? decodeStruct(call, struct, args.address(index))
      : decodeArray(call, struct, args.address(index), count === ZERO_TERMINATED ? undefined : args.u32(count));
  if (row.elementCommand !== undefined && index === 0) nameElements(row, elementCommandNumbers(call, row), children);
  return { name: spec.name, value, children };
}

/** Elements whose command is not a field of theirs start with its name: "PIN_L2_TABLE ptr=…". */
function nameElements(row: HypercallRow, commands: readonly number[], elements: DecodedArgument[]): void {
  for (const [index, command] of commands.slice(0, MAX_ELEMENTS).entries()) {
    const element = elements[index];
    const name = row.elementCommands?.[command];
    if (element !== undefined && name !== undefined)
      elements[index] = { ...element, value: `${name} ${element.value}` };
  }
}

function formatArgument({ args }: HypercallContext, spec: ArgumentSpec, index: number): string {
  const number = args.unsigned(index);
  if (spec.values !== undefined) return named(spec.values[number], number);
  switch (spec.format) {
    case 'decimal':
      return String(args.address(index));
    case 'domid':
      return formatDomid(number);
    case 'pte':
      return formatPageTableEntry(args.low(index), args.high(index));
    case 'uvm-flags':
      return formatFlush(args.low(index), args.high(index));
    case 'address':
      return formatAddress(args.address(index));
    default:
      return hexadecimal(args.low(index), args.high(index));
  }
}

function decodeArray(
  call: HypercallContext,
  struct: StructDefinition<string>,
  address: VirtualAddress,
  count: number | undefined,
): DecodedArgument[] {
  const { size, fields } = struct[call.domain.width];
  const last = fields.at(-1) as Field;
  const elements: DecodedArgument[] = [];
  for (let index = 0; index < Math.min(count ?? MAX_ELEMENTS * 4, count === undefined ? 256 : MAX_ELEMENTS); index++) {
    const bytes = call.xen.processor.peek((address + index * size) as VirtualAddress, size);
    if (bytes.length < size) break;
    const view = new StructView(struct, call.domain.width, bytes);
    if (count === undefined && view.get(last.name) === 0) break;
    const children = decodeFields(view, call.domain.width);
    elements.push({
      name: `[${index}]`,
      value: children.map((child) => `${child.name}=${child.value}`).join(' '),
      children,
    });
  }
  if (count !== undefined && count > MAX_ELEMENTS) {
    elements.push({ name: '…', value: `${count - MAX_ELEMENTS} more`, children: [] });
  }
  return elements;
}

function decodeStruct(
  call: HypercallContext,
  struct: StructDefinition<string>,
  address: VirtualAddress,
): DecodedArgument[] {
  const { size } = struct[call.domain.width];
  const bytes = call.xen.processor.peek(address, size);
  if (bytes.length < size) return [{ name: struct.name, value: 'not readable', children: [] }];
  return decodeFields(new StructView(struct, call.domain.width, bytes), call.domain.width);
}

/** Fields of a structure, in order. Paddings are left out. */
export function decodeFields(view: StructView<string>, width: Width): DecodedArgument[] {
  return view.definition[width].fields
    .filter((field) => !/^pad\d*$/.test(field.name))
    .map((field) => decodeField(view, field, width));
}

function decodeField(view: StructView<string>, field: Field, width: Width): DecodedArgument {
  const { type } = field.spec;
  if (typeof type !== 'string') {
    const inner = (index: number): DecodedArgument[] =>
      decodeFields(
        new StructView(type, width, view.bytes, view.start + field.offset + index * field.elementSize),
        width,
      );
    if (field.count === 1) return { name: field.name, value: type.name, children: inner(0) };
    const children = Array.from({ length: Math.min(field.count, MAX_ELEMENTS) }, (_, index) => ({
      name: `[${index}]`,
      value: type.name,
      children: inner(index),
    }));
    return { name: field.name, value: `${type.name}[${field.count}]`, children };
  }
  if (type === 'char' && field.count > 1)
    return { name: field.name, value: JSON.stringify(view.text(field.name)), children: [] };
  if (field.count === 1) return { name: field.name, value: formatField(view, field, 0), children: [] };
  const shown = Math.min(field.count, MAX_ELEMENTS);
  const values = Array.from({ length: shown }, (_, index) => formatField(view, field, index));
  return { name: field.name, value: `${values.join(', ')}${field.count > shown ? ', …' : ''}`, children: [] };
}

function formatField(view: StructView<string>, field: Field, index: number): string {
  const { type } = field.spec;
  const format: Format = field.spec.format ?? defaultFormat(type as string);
  if (format === 'decimal') return String(view.get(field.name, index));
  if (format === 'domid') return formatDomid(view.get(field.name, index));
  if (format === 'pte') return formatPageTableEntry(view.low(field.name, index), view.high(field.name, index));
  if (format === 'mmu-pointer') return formatMmuPointer(view.low(field.name, index), view.high(field.name, index));
  if (format === 'hex') {
    return field.elementSize === 8
      ? hexadecimal(view.low(field.name, index), view.high(field.name, index))
      : hexadecimal(view.get(field.name, index), 0);
  }
  const value = view.get(field.name, index);
  if ('values' in format) return named(format.values[value], value);
  const names = Object.entries(format.flags)
    .filter(([bit]) => (value & Number(bit)) !== 0)
    .map(([, name]) => name);
  return names.length === 0 ? hexadecimal(value, 0) : `${hexadecimal(value, 0)} (${names.join(' | ')})`;
}

function defaultFormat(type: string): Format {
  return type === 'ulong' || type === 'pointer' || type === 'frame' || type === 'u64' || type === 'u64a'
    ? 'hex'
    : 'decimal';
}

function named(name: string | undefined, value: number): string {
  return name === undefined ? String(value) : `${name} (${value})`;
}

/** "event_channel_op(EVTCHNOP_send, port=3) = 0": one line for a trace. */
export function formatRecord(record: HypercallRecord): string {
  const call = `${record.multicallIndex === undefined ? '' : '· '}${record.name}(${formatArguments(record)})`;
  if (record.result === undefined) return call;
  const { value, errno, reason } = record.result;
  const outcome = errno !== undefined ? `-${errno}` : value === undefined ? '(registers replaced)' : String(value);
  return `${call} = ${outcome}${reason === undefined ? '' : `: ${reason}`}`;
}

/** "EVTCHNOP_send, {port=3}". */
export function formatArguments(record: HypercallRecord): string {
  const parts = record.arguments.map((argument) => {
    if (argument.children.length === 0) return argument.value;
    const inner = argument.children.map((child) =>
      child.name.startsWith('[') ? `{${child.value}}` : `${child.name}=${child.value}`,
    );
    return argument.children[0]?.name.startsWith('[') ? `[${inner.join(' ')}]` : `{${inner.join(' ')}}`;
  });
  return parts.join(', ');
}
