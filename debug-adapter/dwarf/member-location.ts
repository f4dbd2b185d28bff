import { DataReader } from './data-reader.ts';
import { MalformedDwarf } from './malformed.ts';
import { OP } from './operators.ts';

/** Offset of a member that DWARF 2 writes as an expression: always "add a constant to the structure's address". */
export function evaluatePlusConstant(block: Uint8Array): number {
  const reader = new DataReader(block, 'a member location');
  if (reader.u8() !== OP.plus_uconst) throw new MalformedDwarf('A member of a structure has no fixed place.');
  return reader.uleb();
}
