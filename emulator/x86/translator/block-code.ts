import type { FormTable } from '../interpreter/forms.ts';
import type { Form } from '../interpreter/operands.ts';
import * as record from '../interpreter/record.ts';
import type { RecordFields } from './region-emitter.ts';

/** One instruction of a decoded block. */
export interface Instruction {
  /** Its first record: a helper's, or the row's. */
  readonly first: number;
  /** The row's record. */
  readonly at: number;
  /** Undefined: the interpreter must carry it out. */
  readonly form: Form | undefined;
}

/** A decoded block, read back from its records. */
export interface BlockCode {
  readonly record: number;
  /** Instructions that it is charged. */
  readonly count: number;
  readonly instructions: readonly Instruction[];
  /** The record that closes it. */
  readonly closing: number;
  /** Blocks of the same page that it has been linked to, by their records. */
  readonly links: readonly number[];
  /** Offset in the page of what follows a call at its end; -1 without one. */
  readonly returnOffset: number;
  /** It ends in RET. */
  readonly returns: boolean;
}

const TRAPS: readonly string[] = ['int3', 'int1', 'into'];

/** Undefined when a block does not begin with an instruction of this page. */
export function readBlock(
  fields: RecordFields,
  table: FormTable,
  start: number,
  records: number,
): BlockCode | undefined {
  const closing = start + (records - 1) * record.RECORD_SIZE;
  const instructions: Instruction[] = [];
  let first = start;
  for (let at = start; at < closing; at += record.RECORD_SIZE) {
    const handler = fields.u16(at);
    if (isHelper(handler)) continue;
    if (isObstacle(handler)) return undefined;
    instructions.push({ first, at, form: translatable(formOf(fields, table, handler, at)) });
    first = at + record.RECORD_SIZE;
  }
  const last = instructions.at(-1);
  if (last === undefined) return undefined;
  const name = last.form?.row.name ?? '';
  const direct = last.form !== undefined && isDirect(last.form);
  const ends = last.form === undefined || last.form.row.traits.ends === true;
  const places: number[] = [];
  if (direct) places.push(last.at + record.RECORD_LINK_TAKEN);
  if (direct && name !== 'jmp' && name !== 'call') places.push(last.at + record.RECORD_LINK_NEXT);
  if (!ends || (last.form?.row.traits.routine === true && !direct)) places.push(closing + record.RECORD_LINK_NEXT);
  return {
    record: start,
    count: fields.u8(start + record.RECORD_REMAINING),
    instructions,
    closing,
    links: places.map((place) => fields.i32(place)).filter((link) => link > 0),
    returnOffset: name === 'call' ? fields.u16(last.at + record.RECORD_NEXT_OFFSET) : -1,
    returns: name === 'ret',
  };
}

export function isHelper(handler: number): boolean {
  return (
    handler === record.HANDLER_ADDRESS32 ||
    handler === record.HANDLER_ADDRESS16 ||
    handler === record.HANDLER_ADDRESS_ABSOLUTE ||
    handler === record.HANDLER_NOT_NULL
  );
}

/** Blocks with these are the interpreter's: stale ones, those with a breakpoint, and those that leave the page. */
function isObstacle(handler: number): boolean {
  return handler === record.HANDLER_STALE || handler === record.HANDLER_BREAK || handler === record.HANDLER_CROSS;
}

function formOf(fields: RecordFields, table: FormTable, handler: number, at: number): Form | undefined {
  if (handler >= record.FIRST_ROW_HANDLER) return table.inline[handler - record.FIRST_ROW_HANDLER];
  if (handler === record.HANDLER_ROUTINE) return table.routines[fields.i32(at + record.RECORD_ROUTINE)];
  return undefined;
}

function translatable(form: Form | undefined): Form | undefined {
  return form === undefined || TRAPS.includes(form.row.name) ? undefined : form;
}

/** A branch whose record has links. */
function isDirect(form: Form): boolean {
  return form.operands.some(({ letter }) => letter === 'J');
}
