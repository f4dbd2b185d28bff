import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { badArguments, badMemoryReference } from '../protocol/errors.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { SessionContext } from './context.ts';
import type { Line } from './disassembler.ts';
import { moved, parseReference } from './memory-reference.ts';

const MAXIMUM_COUNT = 65536;

/** DAP `disassemble`: exactly `instructionCount` items, whatever is mapped. */
export async function disassemble(
  context: SessionContext,
  args: Dap.DisassembleArguments,
): Promise<NonNullable<Dap.DisassembleResponse['body']>> {
  const reference = parseReference(args.memoryReference);
  if (reference === undefined || reference.space !== 'virtual') throw badMemoryReference(args.memoryReference);
  const count = args.instructionCount;
  if (!Number.isSafeInteger(count) || count < 0 || count > MAXIMUM_COUNT) {
    throw badArguments(`"instructionCount" must be between 0 and ${MAXIMUM_COUNT}`);
  }
  const address = moved(reference.address, args.offset);
  const offset = args.instructionOffset ?? 0;
  if (!Number.isSafeInteger(offset) || Math.abs(offset) > MAXIMUM_COUNT) {
    throw badArguments(`"instructionOffset" must be a whole number up to ${MAXIMUM_COUNT}`);
  }
  const lines = await context.disassembler.around(await context.code(), address, offset, count);
  const symbols = await context.symbols();
  const hypercalls = await context.hypercallsByNumber();
  return { instructions: lines.map((line, index) => toDap(line, lines[index - 1], symbols, hypercalls)) };
}

function toDap(
  line: Line,
  before: Line | undefined,
  symbols: SymbolTable,
  hypercalls: ReadonlyMap<number, string>,
): Dap.DisassembledInstruction {
  const located = symbols.at(line.address);
  const comment = remark(line, before, symbols, hypercalls);
  return {
    address: hexadecimal(line.address),
    instruction: comment === undefined ? line.text : `${line.text}  ; ${comment}`,
    ...(line.bytes.length === 0 ? {} : { instructionBytes: spaced(line.bytes) }),
    ...(located === undefined || located.offset !== 0 ? {} : { symbol: located.symbol.name }),
    ...(line.valid ? {} : { presentationHint: 'invalid' }),
  };
}

/** Name of the place an operand means, or of the hypercall that `mov eax, N; syscall` makes. */
function remark(
  line: Line,
  before: Line | undefined,
  symbols: SymbolTable,
  hypercalls: ReadonlyMap<number, string>,
): string | undefined {
  if (line.text === 'syscall') {
    const number = /^mov [er]ax, (0x[0-9a-f]+|[0-9]+)$/.exec(before?.text ?? '')?.[1];
    const name = number === undefined ? undefined : hypercalls.get(Number(number));
    return name === undefined ? undefined : `hypercall ${name}`;
  }
  return line.target === undefined ? undefined : symbols.describe(line.target);
}

const spaced = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
const hexadecimal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
