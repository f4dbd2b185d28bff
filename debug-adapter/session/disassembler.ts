import type { Disposable } from '../../emulator/base/disposable.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { CodeReader, type ReadCode } from './code-reader.ts';
import { type Decoded, InstructionDecoder } from './instruction-decoder.ts';

/** One line of a disassembly. `bytes` is empty where nothing is mapped. */
export interface Line extends Decoded {
  readonly valid: boolean;
}

/** What there is to disassemble. */
export interface Code {
  readonly bits: 64 | 32;
  readonly symbols: SymbolTable;
  readonly read: ReadCode;
}

/** Longest x86 instruction (SDM vol. 2, 2.3.11). */
const LONGEST = 15;
/**
 * How far before the wanted place decoding starts where no symbol says where an instruction begins. Decoding of x86
 * from a wrong byte falls into step with the right one within a few instructions.
 */
const RUN_UP = 64;

/** Instructions around an address, forwards and backwards. */
export class Disassembler implements Disposable {
  private decoder: Promise<InstructionDecoder> | undefined;

  /**
   * Exactly `count` lines, from the one `offset` instructions away from the one at `address` (negative: before it).
   * Lines where nothing is mapped are not valid.
   */
  async around(code: Code, address: bigint, offset: number, count: number): Promise<readonly Line[]> {
    const decoder = await this.load();
    const { bits, symbols } = code;
    const reader = new CodeReader(code.read);
    const starts = (from: bigint): bigint | undefined => {
      const located = symbols.at(from);
      return located === undefined || located.symbol.kind === 'object' ? undefined : located.symbol.address;
    };
    const before = offset < 0 ? await backwards(decoder, bits, reader, starts, address, -offset) : [];
    const needed = Math.max(0, offset + count);
    const after = await forwards(decoder, bits, reader, address, needed);
    const all = [...before, ...after];
    // `before` holds exactly -offset lines, so the wanted ones start at 0; going forwards they start at `offset`.
    const first = Math.max(offset, 0);
    return all.slice(first, first + count);
  }

  dispose(): void {
    void this.decoder?.then((decoder) => decoder.dispose());
  }

  private load(): Promise<InstructionDecoder> {
    this.decoder ??= InstructionDecoder.load();
    return this.decoder;
  }
}

async function forwards(
  decoder: InstructionDecoder,
  bits: 64 | 32,
  reader: CodeReader,
  start: bigint,
  count: number,
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  let at = start;
  while (lines.length < count) {
    const bytes = await reader.bytes(at, LONGEST * Math.min(count - lines.length, 256));
    if (bytes.length === 0) {
      lines.push(unmapped(at));
      at = BigInt.asUintN(64, at + 1n);
      continue;
    }
    for (const decoded of decoder.decode(bits, at, bytes, count - lines.length)) {
      // Not enough bytes for a whole instruction: read on from its start, unless nothing more is mapped there.
      if (decoded.truncated && bytes.length >= LONGEST) break;
      lines.push({ ...decoded, valid: !decoded.truncated });
      at = BigInt.asUintN(64, at + BigInt(decoded.bytes.length));
    }
  }
  return lines;
}

/** Exactly `count` lines that end where `address` begins. */
async function backwards(
  decoder: InstructionDecoder,
  bits: 64 | 32,
  reader: CodeReader,
  functionStart: (address: bigint) => bigint | undefined,
  address: bigint,
  count: number,
): Promise<readonly Line[]> {
  let lines: Line[] = [];
  let end = address;
  while (lines.length < count && end > 0n) {
    const missing = count - lines.length;
    const anchor = functionStart(end - 1n);
    const start = anchor ?? end - BigInt(Math.min(Number(end), missing * LONGEST + RUN_UP));
    const mapped = await reader.mappedStart(start, end);
    if (mapped === end) break;
    const exact = anchor !== undefined && mapped === anchor;
    const bytes = await reader.bytes(mapped, Number(end - mapped));
    const part = exact ? decodeUpTo(decoder, bits, mapped, bytes) : resynchronise(decoder, bits, mapped, bytes);
    if (part.length === 0) break;
    lines = [...part, ...lines];
    end = (part[0] as Line).address;
    // A run-up that began at a hole has nothing before it.
    if (!exact && mapped !== start) break;
  }
  lines = lines.slice(-count);
  while (lines.length < count) {
    const first = lines[0]?.address ?? address;
    lines.unshift(unmapped(BigInt.asUintN(64, first - 1n)));
  }
  return lines;
}

/** Decodes the whole of `bytes`; an instruction that reaches beyond the end is shown as bytes. */
function decodeUpTo(decoder: InstructionDecoder, bits: 64 | 32, start: bigint, bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  for (const decoded of decoder.decode(bits, start, bytes, bytes.length)) {
    if (decoded.truncated) lines.push(...singleBytes(decoded.address, decoded.bytes));
    else lines.push({ ...decoded, valid: true });
  }
  return lines;
}

/**
 * Without a known boundary: of the decodings that begin at each of the first bytes and end exactly at the end, the one
 * whose boundaries most others share; its first instructions, where they have not yet fallen into step, are left out.
 */
function resynchronise(decoder: InstructionDecoder, bits: 64 | 32, start: bigint, bytes: Uint8Array): Line[] {
  const candidates: Line[][] = [];
  const votes = new Map<bigint, number>();
  for (let skip = 0; skip < Math.min(LONGEST, bytes.length); skip++) {
    const lines = decoder
      .decode(bits, start + BigInt(skip), bytes.subarray(skip), bytes.length)
      .map((decoded): Line => ({ ...decoded, valid: !decoded.truncated }));
    if (lines.some(({ valid, bad }) => !valid || bad)) continue;
    candidates.push(lines);
    for (const { address } of lines) votes.set(address, (votes.get(address) ?? 0) + 1);
  }
  // Even the best decoding of all may hold bad bytes: then the last instructions that end right are taken.
  if (candidates.length === 0) return decodeTail(decoder, bits, start, bytes);
  const score = (lines: readonly Line[]): number =>
    lines.reduce((sum, { address }) => sum + (votes.get(address) ?? 0), 0) / lines.length;
  const best = candidates.reduce((left, right) => (score(right) > score(left) ? right : left));
  const agreed = best.findIndex(({ address }) => (votes.get(address) ?? 0) * 2 > candidates.length);
  const rest = best.slice(Math.max(0, agreed));
  return rest.length === 0 ? best : rest;
}

/** The longest run of good instructions that ends at the end; at least one byte. */
function decodeTail(decoder: InstructionDecoder, bits: 64 | 32, start: bigint, bytes: Uint8Array): Line[] {
  for (let from = Math.max(0, bytes.length - 4 * LONGEST); from < bytes.length; from++) {
    const lines = decoder
      .decode(bits, start + BigInt(from), bytes.subarray(from), bytes.length)
      .map((decoded): Line => ({ ...decoded, valid: true }));
    if (!lines.some(({ truncated, bad }) => truncated || bad)) return lines;
  }
  return singleBytes(start + BigInt(bytes.length - 1), bytes.subarray(-1));
}

const singleBytes = (address: bigint, bytes: Uint8Array): Line[] =>
  [...bytes].map((byte, index) => ({
    address: address + BigInt(index),
    bytes: Uint8Array.of(byte),
    text: `db 0x${byte.toString(16).padStart(2, '0')}`,
    target: undefined,
    bad: true,
    truncated: false,
    valid: true,
  }));

const unmapped = (address: bigint): Line => ({
  address,
  bytes: new Uint8Array(),
  text: '??',
  target: undefined,
  bad: true,
  truncated: false,
  valid: false,
});
