import { beforeEach, describe, expect, it } from 'vitest';
import { unwind } from '../../../debug-adapter/session/unwinder.ts';
import { SymbolTable } from '../../../debug-adapter/symbols/symbol-table.ts';
import { packSymbols } from '../../../emulator/base/symbol-list.ts';

const TEXT = 0xffffffff81000000n;
const STACK = 0xffffc90000010000n;
const at = (offset: number): number => Number(BigInt.asIntN(64, TEXT)) + offset;
const symbols = new SymbolTable(
  packSymbols([
    { name: 'outer', address: at(0x000), size: 0x100, kind: 'function' },
    { name: 'middle', address: at(0x100), size: 0x100, kind: 'function' },
    { name: 'inner', address: at(0x200), size: 0x100, kind: 'function' },
    { name: 'table', address: at(0x300), size: 0x100, kind: 'object' },
  ]),
);

let text: Uint8Array;
let stack: Uint8Array;

/** A call of five bytes that ends at the offset; the return address. */
function callBefore(offset: number): bigint {
  text[offset - 5] = 0xe8;
  return TEXT + BigInt(offset);
}

function push(at: bigint, value: bigint): void {
  new DataView(stack.buffer).setBigUint64(Number(at - STACK), value, true);
}

const read = (address: bigint, length: number): Promise<Uint8Array> => {
  for (const [base, bytes] of [[TEXT, text] as const, [STACK, stack] as const]) {
    const at = Number(address - base);
    if (at >= 0 && at < bytes.length) return Promise.resolve(bytes.subarray(at, at + length));
  }
  return Promise.resolve(new Uint8Array());
};

async function frames(rip: bigint, rsp: bigint, rbp: bigint, table = symbols): Promise<readonly string[]> {
  const list = await unwind({ rip, rsp, rbp, registers: {}, bits: 64, symbols: table, orc: undefined, read });
  return list.map((frame) => `${(frame.rip - TEXT).toString(16)} ${frame.source}`);
}

beforeEach(() => {
  text = new Uint8Array(4096).fill(0x90);
  stack = new Uint8Array(4096);
});

describe('unwind', () => {
  it('follows frame pointers to the end of their chain', async () => {
    push(STACK + 0x100n, STACK + 0x200n);
    push(STACK + 0x108n, callBefore(0x150));
    push(STACK + 0x200n, 0n);
    push(STACK + 0x208n, callBefore(0x050));
    expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual([
      '210 registers',
      '150 frame-pointer',
      '50 frame-pointer',
    ]);
  });

  it('knows that a function at its first instruction, after its push, and at its return has no frame', async () => {
    push(STACK + 0x88n, callBefore(0x150));
    push(STACK + 0x100n, 0n);
    push(STACK + 0x108n, callBefore(0x050));
    const rest = ['150 entry', '50 frame-pointer'];
    expect(await frames(TEXT + 0x200n, STACK + 0x88n, STACK + 0x100n)).toEqual(['200 registers', ...rest]);
    text[0x200] = 0x55;
    expect(await frames(TEXT + 0x201n, STACK + 0x80n, STACK + 0x100n)).toEqual(['201 registers', ...rest]);
    text[0x230] = 0xc3;
    expect(await frames(TEXT + 0x230n, STACK + 0x88n, STACK + 0x100n)).toEqual(['230 registers', ...rest]);
  });

  it('does not follow a chain that falls, is crooked, or returns to where no call is', async () => {
    push(STACK + 0x100n, STACK + 0x200n);
    push(STACK + 0x108n, TEXT + 0x150n);
    expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual(['210 registers']);
    push(STACK + 0x108n, callBefore(0x150));
    expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x101n)).toEqual(['210 registers', '150 scan']);
    expect(await frames(TEXT + 0x210n, STACK + 0x180n, STACK + 0x100n)).toEqual(['210 registers']);
  });

  it('scans for what follows a call where nothing leads the way, and says so', async () => {
    push(STACK + 0x90n, callBefore(0x150));
    push(STACK + 0x98n, TEXT + 0x160n); // no call before it
    push(STACK + 0xa0n, callBefore(0x350)); // in data
    text[0x80 - 2] = 0xff;
    text[0x80 - 1] = 0xd0; // call rax
    push(STACK + 0xc0n, TEXT + 0x80n);
    expect(await frames(TEXT + 0x210n, STACK + 0x80n, 0n)).toEqual(['210 registers', '150 scan', '80 scan']);
  });

  it('without symbols scans for code near by', async () => {
    push(STACK + 0x90n, callBefore(0x150));
    push(STACK + 0x98n, 0x4000_0000n);
    expect(await frames(TEXT + 0x210n, STACK + 0x80n, 0n, new SymbolTable(packSymbols([])))).toEqual([
      '210 registers',
      '150 scan',
    ]);
  });

  it('makes do with a stack that is not mapped', async () => {
    expect(await frames(TEXT + 0x210n, 0x1000n, 0x2000n)).toEqual(['210 registers']);
  });
});
