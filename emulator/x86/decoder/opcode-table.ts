import type { FormTable } from '../interpreter/forms.ts';
import { type Flavour, type Form, flavours, operandsOf, sizesOf } from '../interpreter/operands.ts';
import type { Row } from '../isa/row.ts';
import { type Encoding, parseEncoding } from './encoding.ts';

/** A row under one opcode, with its forms where the decoder finds them without search. */
export interface Candidate {
  readonly row: Row;
  readonly encoding: Encoding;
  /** Operand letters and suffixes, as the row has them. */
  readonly operands: readonly string[];
  readonly memory: boolean;
  readonly register: boolean;
  /** Forms by operand size (16, 32, 64 → 0, 1, 2), register and memory flavour. */
  readonly registerForms: readonly (Form | undefined)[];
  readonly memoryForms: readonly (Form | undefined)[];
}

export interface Opcode {
  readonly hasModrm: boolean;
  readonly candidates: readonly Candidate[];
}

/** Opcodes of one mode by map * 256 + opcode byte. */
export type OpcodeTable = readonly (Opcode | undefined)[];

export function buildOpcodeTable(table: FormTable, rows: readonly Row[]): OpcodeTable {
  const lists: Candidate[][] = [];
  for (const row of rows) {
    if (row.traits.mode !== undefined && row.traits.mode !== table.mode) continue;
    const encoding = parseEncoding(row);
    const candidate = makeCandidate(row, encoding, table);
    const count = encoding.plusRegister ? 8 : 1;
    for (let low = 0; low < count; low++) {
      const index = encoding.map * 256 + encoding.opcode + low;
      const list = lists[index];
      if (list === undefined) lists[index] = [candidate];
      else list.push(candidate);
    }
  }
  return lists.map((candidates) => ({ hasModrm: candidates.some(({ encoding }) => encoding.hasModrm), candidates }));
}

function makeCandidate(row: Row, encoding: Encoding, table: FormTable): Candidate {
  const kinds: readonly Flavour[] = flavours(row);
  const sizes = sizesOf(row, table.mode);
  const forms = (memory: boolean): (Form | undefined)[] =>
    [16, 32, 64].map((size) => {
      const exact = sizes.find((known) => known === size);
      // Rows that do not scale take their only size; y rows take 32 for 16.
      const chosen = exact ?? (sizes.length === 1 || size === 16 ? sizes[0] : undefined);
      return chosen === undefined ? undefined : table.find(row, chosen, memory);
    });
  const memory = kinds.includes('memory');
  return {
    row,
    encoding,
    operands: operandsOf(row),
    memory,
    register: kinds.includes('register') || kinds.includes('none'),
    registerForms: forms(false),
    memoryForms: forms(true),
  };
}
