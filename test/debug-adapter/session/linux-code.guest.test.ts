import { afterAll, describe, expect, it } from 'vitest';
import { Disassembler, type Line } from '../../../debug-adapter/session/disassembler.ts';
import { OrcTable } from '../../../debug-adapter/session/orc-table.ts';
import { SymbolTable } from '../../../debug-adapter/symbols/symbol-table.ts';
import { packSymbols } from '../../../emulator/base/symbol-list.ts';
import { debianKernel } from '../../support/guests.ts';
import { loadKernel } from '../../support/kernel-memory.ts';

const kernel = loadKernel(debianKernel());
const symbols = new SymbolTable(kernel.symbolList);
const read = (address: bigint, length: number): Promise<Uint8Array> => Promise.resolve(kernel.read(address, length));
const address = (name: string): bigint => symbols.byName(name)?.address as bigint;
/** "x.cold" is a piece of x that is jumped to. */
const functions = kernel.symbols
  .filter(({ kind, name }) => kind === 'function' && !name.includes('.cold'))
  .map((symbol) => BigInt.asUintN(64, BigInt(symbol.address)));
const text = functions
  .filter((at) => at >= address('_stext') && at < address('_etext'))
  .sort((a, b) => (a < b ? -1 : 1));

describe('disassembly of Debian’s kernel', () => {
  const disassembler = new Disassembler();
  afterAll(() => disassembler.dispose());
  const around = (table: SymbolTable, at: bigint, offset: number, count: number): Promise<readonly Line[]> =>
    disassembler.around({ bits: 64, symbols: table, read }, at, offset, count);

  /** Boundaries of whole functions, decoded forwards from a start that the symbols give: the truth to compare with. */
  async function truth(start: bigint, length: number): Promise<readonly Line[]> {
    return (await around(symbols, start, 0, length)).filter((line) => line.valid);
  }

  it.each([
    ['with symbols', symbols, 1],
    ['without symbols', new SymbolTable(packSymbols([])), 0.97],
  ] as const)('pages backwards onto the same boundaries, %s', async (_, table, least) => {
    let right = 0;
    let all = 0;
    for (let index = 50; index < text.length; index += 997) {
      const lines = await truth(text[index] as bigint, 120);
      const at = lines[100];
      if (at === undefined) continue;
      const back = await around(table, at.address, -100, 150);
      expect(back).toHaveLength(150);
      expect(back[100]?.address).toBe(at.address);
      const known = new Set(lines.slice(0, 100).map((line) => line.address));
      const start = text[index] as bigint;
      for (const line of back.slice(0, 100)) {
        if (line.address < start) continue;
        all++;
        if (known.has(line.address)) right++;
      }
      // Lines follow each other without a gap.
      for (const [position, line] of back.slice(0, -1).entries()) {
        expect(line.address + BigInt(line.bytes.length)).toBe(back[position + 1]?.address);
      }
    }
    expect(all).toBeGreaterThan(2000);
    expect(right / all).toBeGreaterThanOrEqual(least);
  });

  it('answers exactly as many lines as asked for at the edges of what is mapped', async () => {
    const first = address('_stext');
    const before = await around(symbols, first, -10, 20);
    expect(before.map((line) => line.valid)).toEqual([...Array(10).fill(false), ...Array(10).fill(true)]);
    expect(before[9]?.address).toBe(first - 1n);
    expect(await around(symbols, first, -50, 20)).toHaveLength(20);
    expect(await around(symbols, first, 30, 20)).toHaveLength(20);
    const end = BigInt.asUintN(64, BigInt(kernel.base + kernel.memory.length));
    expect((await around(symbols, end, 0, 5)).every((line) => !line.valid)).toBe(true);
    expect(await around(symbols, 0n, -5, 10)).toHaveLength(10);
  });
});

describe('unwind tables of Debian’s kernel', () => {
  const table = new OrcTable(
    kernel.read(
      address('__start_orc_unwind_ip'),
      Number(address('__stop_orc_unwind_ip') - address('__start_orc_unwind_ip')),
    ),
    address('__start_orc_unwind_ip'),
    kernel.read(address('__start_orc_unwind'), Number(address('__stop_orc_unwind') - address('__start_orc_unwind'))),
  );

  it('say that a function begins with its return address on the stack, and that a push moves it', () => {
    let pushes = 0;
    let entries = 0;
    for (const start of text) {
      const [byte] = kernel.read(start, 1);
      const entry = table.find(start);
      const after = table.find(start + 1n);
      // Assembly entry points are no functions that are called.
      if (entry === undefined || entry.type !== 'call' || entry.spRegister !== 5 || entry.spOffset !== 8n) continue;
      entries++;
      if (byte !== 0x55) continue;
      pushes++;
      expect(after, start.toString(16)).toMatchObject({ spRegister: 5, spOffset: 16n, bpRegister: 1, bpOffset: -16n });
    }
    expect(entries / text.length).toBeGreaterThan(0.95);
    expect(pushes).toBeGreaterThan(500);
  });
});
