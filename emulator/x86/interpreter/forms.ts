import type { Row } from '../isa/row.ts';
import { ROWS } from '../isa/rows.ts';
import { type Flavour, type Form, flavours, formOperands, sizesOf } from './operands.ts';
import { FIRST_ROW_HANDLER, HANDLER_ROUTINE, HANDLER_SYSTEM } from './record.ts';

/** All forms of one mode, numbered alike by the generator of the interpreter and by the decoder. */
export interface FormTable {
  readonly mode: 32 | 64;
  readonly forms: readonly Form[];
  /** Forms that have a case in the big function, by handler - FIRST_ROW_HANDLER. */
  readonly inline: readonly Form[];
  /** Forms with a function of their own, by table index. */
  readonly routines: readonly Form[];
  /** Forms carried out by TypeScript, by number. */
  readonly system: readonly Form[];
  find(row: Row, size: number, memory: boolean): Form | undefined;
}

export function buildForms(mode: 32 | 64, rows: readonly Row[] = ROWS): FormTable {
  const forms: Form[] = [];
  const inline: Form[] = [];
  const routines: Form[] = [];
  const system: Form[] = [];
  const index = new Map<Row, Map<number, Form>>();
  for (const row of rows) {
    if (row.traits.mode !== undefined && row.traits.mode !== mode) continue;
    const known = new Map<number, Form>();
    index.set(row, known);
    for (const size of sizesOf(row, mode)) {
      for (const flavour of flavours(row)) {
        const form = makeForm(row, size, flavour, mode, { inline, routines, system });
        forms.push(form);
        known.set(size * 2 + (form.memory ? 1 : 0), form);
      }
    }
  }
  return {
    mode,
    forms,
    inline,
    routines,
    system,
    find: (row, size, memory) => index.get(row)?.get(size * 2 + (memory ? 1 : 0)),
  };
}

function makeForm(
  row: Row,
  size: Form['size'],
  flavour: Flavour,
  mode: 32 | 64,
  lists: { inline: Form[]; routines: Form[]; system: Form[] },
): Form {
  const memory = flavour === 'memory';
  const kind =
    row.traits.system !== undefined ? lists.system : row.traits.routine === true ? lists.routines : lists.inline;
  const number = kind.length;
  const handler =
    kind === lists.system ? HANDLER_SYSTEM : kind === lists.routines ? HANDLER_ROUTINE : FIRST_ROW_HANDLER + number;
  const form: Form = { row, size, memory, operands: formOperands(row, size, memory, mode), handler, routine: number };
  kind.push(form);
  return form;
}
