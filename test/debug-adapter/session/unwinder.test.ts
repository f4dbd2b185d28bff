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

  describe('across what Xen pushes for a trap', () => {
    const KERNEL_CS = 0xe033n;
    const SS = 0xe02bn;
    const FLAGS = 0x202n;

    /** A 64-bit trap frame; the saved event mask is in bits 39:32 of CS's word. */
    function pushTrap(place: bigint, rip: bigint, rsp: bigint, cs = KERNEL_CS | (1n << 32n)): void {
      for (const [index, value] of [rip, cs, FLAGS, rsp, SS].entries()) push(place + BigInt(index) * 8n, value);
    }

    /** "middle" is the handler's entry: it calls "inner", and interrupted "outer". */
    function handlerCalled(): void {
      text[0x000] = 0x55;
      text[0x100] = 0x50;
      push(STACK + 0x108n, callBefore(0x150));
      push(STACK + 0x400n, 0n);
      push(STACK + 0x408n, callBefore(0x030));
      pushTrap(STACK + 0x1a0n, TEXT + 0x44n, STACK + 0x1d0n);
    }

    it('finds the interrupted function where the entry made RBP point at what it saved', async () => {
      handlerCalled();
      push(STACK + 0x100n, STACK + 0x110n);
      push(STACK + 0x150n, STACK + 0x400n); // RBP among the saved registers
      expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual([
        '210 registers',
        '150 frame-pointer',
        '44 trap',
        '30 frame-pointer',
      ]);
    });

    it('and where the entry left RBP alone', async () => {
      handlerCalled();
      push(STACK + 0x100n, STACK + 0x400n);
      const found = ['210 registers', '150 frame-pointer', '44 trap', '30 frame-pointer'];
      expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual(found);
      // The vCPU stands in the entry itself.
      expect(await frames(TEXT + 0x110n, STACK + 0x110n, STACK + 0x400n)).toEqual(['110 registers', ...found.slice(2)]);
    });

    it('at the first instruction of the interrupted function, its caller is on top of the stack', async () => {
      handlerCalled();
      push(STACK + 0x100n, STACK + 0x400n);
      pushTrap(STACK + 0x1a0n, TEXT, STACK + 0x1d0n);
      push(STACK + 0x1d0n, callBefore(0x090));
      expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual([
        '210 registers',
        '150 frame-pointer',
        '0 trap',
        '90 entry',
        '30 frame-pointer',
      ]);
    });

    it('takes no old frame among the locals of a function for one', async () => {
      handlerCalled();
      text[0x100] = 0x55;
      push(STACK + 0x100n, STACK + 0x400n);
      expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual([
        '210 registers',
        '150 frame-pointer',
        '30 frame-pointer',
      ]);
    });

    it('ends where user mode was interrupted, and at words that only resemble a frame', async () => {
      handlerCalled();
      push(STACK + 0x100n, STACK + 0x110n);
      for (const cs of [0x33n, KERNEL_CS | (2n << 32n), KERNEL_CS | (1n << 40n), 0x1_e033n]) {
        pushTrap(STACK + 0x1a0n, TEXT + 0x44n, STACK + 0x1d0n, cs);
        expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toEqual([
          '210 registers',
          '150 frame-pointer',
        ]);
      }
      pushTrap(STACK + 0x1a0n, TEXT + 0x44n, STACK + 0x1d0n);
      push(STACK + 0x1b0n, 0x200n); // EFLAGS without its bit 1
      expect(await frames(TEXT + 0x210n, STACK + 0x80n, STACK + 0x100n)).toHaveLength(2);
    });
  });
});
