import { beforeAll, describe, expect, it } from 'vitest';
import { CODE, DATA } from '../../../cpu-vectors/layout.ts';
import { ProcessorUnderTest } from '../../../cpu-vectors/processor-under-test.ts';

/**
 * What only 32-bit mode has, and what behaves differently there: the recorded vectors come from 64-bit mode. Expected
 * values follow the pseudo-code and tables of the SDM, vol. 2, under each instruction's name.
 */
const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const RIP = CODE + 0x100;
const STACK = DATA + 0x800;
const NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
type Registers = Partial<Record<(typeof NAMES)[number], number>>;

let processor: ProcessorUnderTest;
let view: DataView;

beforeAll(async () => {
  processor = await ProcessorUnderTest.create();
  view = new DataView(processor.data.buffer, processor.data.byteOffset, processor.data.byteLength);
});

interface Outcome extends Required<Registers> {
  readonly fault: number | undefined;
  readonly eip: number;
  readonly flags: number;
}

/** Executes one instruction at RIP; registers not given are zero, but ESP points into the data. */
function execute(code: readonly number[], registers: Registers = {}, flags = 0x202): Outcome {
  processor.write(RIP, Uint8Array.from([...code, ...Array(16 - code.length).fill(0xcc)]));
  const gpr = new BigUint64Array(16);
  const given: Registers = { esp: STACK, ...registers };
  for (const [i, name] of NAMES.entries()) gpr[i] = BigInt((given[name] ?? 0) >>> 0);
  processor.load(32, gpr, RIP, flags, undefined);
  const fault = processor.step(false);
  const outcome: Record<string, number | undefined> = {};
  for (const [i, name] of NAMES.entries()) outcome[name] = Number(processor.register(i) & 0xffffffffn);
  return { ...outcome, fault: fault?.vector, eip: Number(processor.rip), flags: processor.flags } as Outcome;
}

const word32 = (address: number): number => view.getUint32(address - DATA, true);
const word16 = (address: number): number => view.getUint16(address - DATA, true);
const store32 = (address: number, value: number): void =>
  processor.write(address, new Uint8Array(Uint32Array.of(value).buffer));

/** ZF, SF and PF of a byte. */
function byteFlags(value: number): number {
  let parity = value;
  for (const shift of [4, 2, 1]) parity ^= parity >> shift;
  return (value === 0 ? ZF : 0) | (value & SF) | ((parity & 1) === 0 ? PF : 0);
}

describe('decimal arithmetic', () => {
  const flagSets = [0, CF, AF, CF | AF];

  it.each([
    ['daa', 0x27, 1],
    ['das', 0x2f, -1],
  ] as const)('%s for every AL, CF and AF', (_name, opcode, direction) => {
    for (let al = 0; al < 256; al++) {
      for (const before of flagSets) {
        let result = al;
        let carry = 0;
        let adjust = 0;
        if ((al & 15) > 9 || (before & AF) !== 0) {
          const sum = result + direction * 6;
          // DAS keeps the borrow of this first step; DAA's carry is covered by the second condition.
          carry = (before & CF) !== 0 || (direction < 0 && sum < 0) ? CF : 0;
          result = sum & 0xff;
          adjust = AF;
        }
        if (al > 0x99 || (before & CF) !== 0) {
          result = (result + direction * 0x60) & 0xff;
          carry = CF;
        } else if (direction > 0) carry = 0;
        const outcome = execute([opcode], { eax: 0x12345600 | al }, 0x202 | before);
        const wanted = { al: result, flags: byteFlags(result) | carry | adjust };
        const got = { al: outcome.eax & 0xff, flags: outcome.flags & (CF | PF | AF | ZF | SF) };
        expect(got, `AL ${al.toString(16)}, flags ${before}`).toEqual(wanted);
      }
    }
  });

  it.each([
    ['aaa', 0x37, 1],
    ['aas', 0x3f, -1],
  ] as const)('%s for every AL and AF', (_name, opcode, direction) => {
    for (let al = 0; al < 256; al++) {
      for (const before of flagSets) {
        for (const ah of [0, 0x42, 0xff]) {
          const adjusts = (al & 15) > 9 || (before & AF) !== 0;
          const ax = adjusts ? ((ah << 8) | al) + direction * 0x106 : (ah << 8) | al;
          const outcome = execute([opcode], { eax: 0x56780000 | (ah << 8) | al }, 0x202 | before);
          expect(outcome.eax).toBe(0x56780000 | (ax & 0xff0f));
          expect(outcome.flags & (CF | AF)).toBe(adjusts ? CF | AF : 0);
        }
      }
    }
  });

  it('aam divides AL, aad puts AH and AL together', () => {
    for (let al = 0; al < 256; al++) {
      for (const base of [10, 16, 1, 7, 255]) {
        const split = execute([0xd4, base], { eax: al });
        expect(split.eax).toBe((Math.floor(al / base) << 8) | (al % base));
        expect(split.flags & (PF | ZF | SF)).toBe(byteFlags(al % base));
        const joined = execute([0xd5, base], { eax: (al << 8) | 0x35 });
        expect(joined.eax).toBe((al * base + 0x35) & 0xff);
        expect(joined.flags & (PF | ZF | SF)).toBe(byteFlags((al * base + 0x35) & 0xff));
      }
    }
    expect(execute([0xd4, 0]).fault).toBe(0);
  });

  it('salc spreads CF over AL', () => {
    expect(execute([0xd6], { eax: 0x1234 }, 0x203).eax).toBe(0x12ff);
    expect(execute([0xd6], { eax: 0x1234 }, 0x202).eax).toBe(0x1200);
  });
});

describe('one-byte INC and DEC', () => {
  it('change the register of the opcode and keep CF', () => {
    for (let register = 0; register < 8; register++) {
      const name = NAMES[register] as (typeof NAMES)[number];
      const up = execute([0x40 + register], { [name]: 0x7fffffff }, 0x203);
      expect(up[name]).toBe(0x80000000);
      expect(up.flags & (CF | PF | AF | ZF | SF | OF)).toBe(CF | PF | AF | SF | OF);
      const down = execute([0x66, 0x48 + register], { [name]: 0x12340000 }, 0x202);
      expect(down[name]).toBe(0x1234ffff);
      expect(down.flags & (CF | PF | AF | ZF | SF | OF)).toBe(PF | AF | SF);
    }
  });
});

describe('stack', () => {
  it('pusha stores eight registers, ESP as it was', () => {
    const registers = { eax: 1, ecx: 2, edx: 3, ebx: 4, ebp: 6, esi: 7, edi: 8 };
    const wide = execute([0x60], registers);
    expect(wide.esp).toBe(STACK - 32);
    const order = [1, 2, 3, 4, STACK, 6, 7, 8];
    expect(order.map((_, i) => word32(STACK - 4 - 4 * i))).toEqual(order);
    const narrow = execute([0x66, 0x60], registers);
    expect(narrow.esp).toBe(STACK - 16);
    expect(order.map((_, i) => word16(STACK - 2 - 2 * i))).toEqual(order.map((value) => value & 0xffff));
  });

  it('popa loads seven and skips the stored ESP', () => {
    [8, 7, 6, 0xdead, 4, 3, 2, 1].forEach((value, i) => {
      store32(STACK + 4 * i, value);
    });
    const after = execute([0x61]);
    expect(after).toMatchObject({ eax: 1, ecx: 2, edx: 3, ebx: 4, esp: STACK + 32, ebp: 6, esi: 7, edi: 8 });
  });

  it('push and pop take 4 bytes, or 2 with a 66 prefix', () => {
    expect(execute([0x50], { eax: 0x11223344 }).esp).toBe(STACK - 4);
    expect(word32(STACK - 4)).toBe(0x11223344);
    expect(execute([0x66, 0x50], { eax: 0x11225566 }).esp).toBe(STACK - 2);
    expect(word16(STACK - 2)).toBe(0x5566);
    expect(execute([0x6a, 0x80]).esp).toBe(STACK - 4);
    expect(word32(STACK - 4)).toBe(0xffffff80);
    expect(execute([0x68, 0x78, 0x56, 0x34, 0x12]).esp).toBe(STACK - 4);
    expect(word32(STACK - 4)).toBe(0x12345678);
    // PUSH ESP stores the value before the push, POP ESP ends with the value popped.
    execute([0x54]);
    expect(word32(STACK - 4)).toBe(STACK);
    store32(STACK, 0x1234);
    expect(execute([0x5c]).esp).toBe(0x1234);
    // POP [ESP] computes its address after the increment.
    store32(STACK, 0xabcdef);
    expect(execute([0x8f, 0x04, 0x24]).esp).toBe(STACK + 4);
    expect(word32(STACK + 4)).toBe(0xabcdef);
  });

  it('pushes and pops segment registers', () => {
    for (const [push, pop] of [
      [0x06, 0x07],
      [0x1e, 0x1f],
    ] as const) {
      expect(execute([push]).esp).toBe(STACK - 4);
      expect(word16(STACK - 4)).toBe(0x2b);
      store32(STACK, 0x2b);
      expect(execute([pop])).toMatchObject({ esp: STACK + 4, fault: undefined });
      store32(STACK, 0xfff8);
      expect(execute([pop])).toMatchObject({ esp: STACK, fault: 13 });
    }
    expect(execute([0x0e]).esp).toBe(STACK - 4);
    expect(word16(STACK - 4)).toBe(0x33);
  });

  it('enter makes frames, leave drops them', () => {
    const flat = execute([0xc8, 0x10, 0, 0], { ebp: 0x55667788 });
    expect(flat).toMatchObject({ ebp: STACK - 4, esp: STACK - 4 - 0x10 });
    expect(word32(STACK - 4)).toBe(0x55667788);
    store32(STACK + 0x40 - 4, 0x0badf00d);
    const nested = execute([0xc8, 0x08, 0, 2], { ebp: STACK + 0x40 });
    expect(nested).toMatchObject({ ebp: STACK - 4, esp: STACK - 12 - 8 });
    expect([word32(STACK - 4), word32(STACK - 8), word32(STACK - 12)]).toEqual([STACK + 0x40, 0x0badf00d, STACK - 4]);
    store32(STACK + 0x20, 0x99);
    expect(execute([0xc9], { ebp: STACK + 0x20 })).toMatchObject({ ebp: 0x99, esp: STACK + 0x24 });
  });

  it('pushf and popf', () => {
    expect(execute([0x9c], {}, 0x8d7).esp).toBe(STACK - 4);
    expect(word32(STACK - 4) & 0xfd7).toBe(0x8d7);
    store32(STACK, 0xffffffff & ~0x100);
    const popped = execute([0x9d]);
    // IOPL and IF stay, RF and VM are not loaded (SDM vol. 2, POPF).
    expect(popped.flags & 0x3ffed5).toBe(0x244ed5 & 0x3ffed5);
  });
});

describe('control transfer', () => {
  it('calls push 32-bit return addresses, returns pop them', () => {
    const called = execute([0xe8, 0x00, 0x01, 0, 0]);
    expect(called).toMatchObject({ eip: RIP + 5 + 0x100, esp: STACK - 4 });
    expect(word32(STACK - 4)).toBe(RIP + 5);
    expect(execute([0xff, 0xd0], { eax: CODE + 0x40 })).toMatchObject({ eip: CODE + 0x40, esp: STACK - 4 });
    store32(STACK, CODE + 0x321);
    expect(execute([0xc3])).toMatchObject({ eip: CODE + 0x321, esp: STACK + 4 });
    expect(execute([0xc2, 0x0c, 0])).toMatchObject({ eip: CODE + 0x321, esp: STACK + 16 });
    store32(DATA + 0x500, CODE + 0x77);
    expect(execute([0xff, 0x25, ...littleEndian(DATA + 0x500)]).eip).toBe(CODE + 0x77);
  });

  it('cuts EIP to 16 bits with a 66 prefix', () => {
    expect(execute([0x66, 0xeb, 0x10]).eip).toBe((RIP + 3 + 0x10) & 0xffff);
    expect(execute([0x66, 0xe9, 0x00, 0x80]).eip).toBe((RIP + 4 + 0x8000) & 0xffff);
    expect(execute([0x66, 0x0f, 0x84, 0x10, 0x00], {}, 0x202).eip).toBe(RIP + 5);
    expect(execute([0x66, 0x0f, 0x84, 0x10, 0x00], {}, 0x242).eip).toBe((RIP + 5 + 0x10) & 0xffff);
    const called = execute([0x66, 0xe8, 0x20, 0x00]);
    expect(called).toMatchObject({ eip: (RIP + 4 + 0x20) & 0xffff, esp: STACK - 2 });
    expect(word16(STACK - 2)).toBe((RIP + 4) & 0xffff);
  });

  it('loop and jecxz count in ECX, with a 67 prefix in CX', () => {
    expect(execute([0xe2, 0x10], { ecx: 1 })).toMatchObject({ ecx: 0, eip: RIP + 2 });
    expect(execute([0xe2, 0x10], { ecx: 0 })).toMatchObject({ ecx: 0xffffffff, eip: RIP + 0x12 });
    expect(execute([0x67, 0xe2, 0x10], { ecx: 0x20000 })).toMatchObject({ ecx: 0x2ffff, eip: RIP + 0x13 });
    expect(execute([0xe3, 0x10], { ecx: 0x10000 }).eip).toBe(RIP + 2);
    expect(execute([0x67, 0xe3, 0x10], { ecx: 0x10000 }).eip).toBe(RIP + 0x13);
  });

  it('into traps behind itself when OF is set', () => {
    expect(execute([0xce], {}, 0x202)).toMatchObject({ fault: undefined, eip: RIP + 1 });
    expect(execute([0xce], {}, 0xa02)).toMatchObject({ fault: 4, eip: RIP + 1 });
  });

  it('bound faults outside its signed limits', () => {
    store32(DATA + 0x400, -5);
    store32(DATA + 0x404, 10);
    const code = [0x62, 0x05, ...littleEndian(DATA + 0x400)];
    for (const [index, fault] of [
      [-6, 5],
      [-5, undefined],
      [0, undefined],
      [10, undefined],
      [11, 5],
    ] as const) {
      expect(execute(code, { eax: index }).fault, `index ${index}`).toBe(fault);
    }
  });
});

describe('addresses and pointers', () => {
  it('forms 16-bit addresses from the registers of table 2-1', () => {
    const registers = { ebx: 0x11000, ebp: 0x22000, esi: 0x30123, edi: 0x40456 };
    registers.ebx |= 0x1000;
    registers.ebp |= 0x2000;
    const [bx, bp, si, di] = [0x1000, 0x2000, 0x0123, 0x0456];
    const bases = [bx + si, bx + di, bp + si, bp + di, si, di, bp, bx];
    bases.forEach((base, rm) => {
      expect(execute([0x67, 0x8d, 0x40 | rm, 0xf0], registers).eax, `rm ${rm}`).toBe((base - 0x10) & 0xffff);
      expect(execute([0x67, 0x8d, 0x80 | rm, 0x00, 0xf0], registers).eax).toBe((base - 0x1000) & 0xffff);
    });
    expect(execute([0x67, 0x8d, 0x06, 0x34, 0x12], registers).eax).toBe(0x1234);
  });

  it('les and lds load a register and a segment', () => {
    store32(DATA + 0x600, 0xcafebabe);
    store32(DATA + 0x604, 0x2b);
    expect(execute([0xc4, 0x05, ...littleEndian(DATA + 0x600)])).toMatchObject({ eax: 0xcafebabe, fault: undefined });
    expect(execute([0xc5, 0x0d, ...littleEndian(DATA + 0x600)])).toMatchObject({ ecx: 0xcafebabe, fault: undefined });
    store32(DATA + 0x604, 0xfff8);
    expect(execute([0xc4, 0x05, ...littleEndian(DATA + 0x600)], { eax: 7 })).toMatchObject({ eax: 7, fault: 13 });
    // With registers the opcodes would be VEX prefixes, which this processor does not have.
    expect(execute([0xc5, 0xf8, 0x77]).fault).toBe(6);
  });

  it('arpl raises the RPL of the destination', () => {
    const raised = execute([0x63, 0xc8], { eax: 0x1230, ecx: 3 }, 0x202);
    expect([raised.eax, raised.flags & ZF]).toEqual([0x1233, ZF]);
    const kept = execute([0x63, 0xc8], { eax: 0x1232, ecx: 1 }, 0x242);
    expect([kept.eax, kept.flags & ZF]).toEqual([0x1232, 0]);
  });

  it('moffs forms take 32-bit offsets, or 16-bit ones with a 67 prefix', () => {
    store32(DATA + 0x700, 0x01020304);
    expect(execute([0xa1, ...littleEndian(DATA + 0x700)]).eax).toBe(0x01020304);
    expect(execute([0xa2, ...littleEndian(DATA + 0x700)], { eax: 0xaa }).fault).toBeUndefined();
    expect(word32(DATA + 0x700)).toBe(0x010203aa);
    expect(execute([0x67, 0xa1, 0x00, 0x10]).fault).toBe(14);
  });
});

function littleEndian(value: number): readonly number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff];
}
