import { describe, expect, it } from 'vitest';
import { ExpressionError } from '../../../debug-adapter/expression/error.ts';
import {
  type Environment,
  evaluate,
  evaluateNumber,
  type NamedValue,
} from '../../../debug-adapter/expression/evaluator.ts';
import { formatValue } from '../../../debug-adapter/expression/format.ts';
import { parseHitCondition } from '../../../debug-adapter/expression/hit-condition.ts';
import { formatLogMessage } from '../../../debug-adapter/expression/log-message.ts';

const REGISTERS: Readonly<Record<string, bigint>> = { rax: 0xffffffffffffffean, rsp: 0xffffc90000013f00n, rdi: 3n };
const SYMBOLS: Readonly<Record<string, bigint>> = {
  start_kernel: 0xffffffff82cd8b00n,
  'foo.cold': 0xffffffff81000010n,
};
const MEMORY = new Map<bigint, number>();
for (const [index, byte] of [0xef, 0xbe, 0xad, 0xde, 0xff, 0xff, 0xff, 0x80, 1, 2, 3, 4, 5, 6, 7, 8].entries()) {
  MEMORY.set(0xffffc90000013f00n + BigInt(index), byte);
}
const leaf = (name: string, value: string): NamedValue => ({ name, value, children: [] });
const ARGUMENTS: readonly NamedValue[] = [
  {
    name: 'req',
    value: '2 entries',
    children: [{ name: '[0]', value: '…', children: [leaf('ptr', '0x1000'), leaf('cmd', '-1')] }],
  },
  leaf('count', '2'),
];

const environment: Environment = {
  register: (name) => Promise.resolve(REGISTERS[name]),
  symbol: (name) => Promise.resolve(SYMBOLS[name]),
  argument: (name) => Promise.resolve(ARGUMENTS.find((argument) => argument.name === name)),
  readMemory(address, length) {
    const bytes: number[] = [];
    for (let at = 0; at < length; at++) {
      const byte = MEMORY.get(address + BigInt(at));
      if (byte === undefined) break;
      bytes.push(byte);
    }
    return Promise.resolve(Uint8Array.from(bytes));
  },
};

describe('evaluate', () => {
  it.each([
    ['1 + 2 * 3', 7n],
    ['(1 + 2) * 3', 9n],
    ['1 << 4 | 1', 17n],
    ['10 - 2 - 3', 5n],
    ['7 % 4', 3n],
    ['7 %4', 3n],
    ['%rdi % 2', 1n],
    ['-7 / 2', -3n],
    ['~0', -1n],
    ['!5', 0n],
    ['0x7fffffffffffffff + 1', -0x8000000000000000n],
    ['0xffffffffffffffff + 2', 1n],
    ['1 ? 2 : 0 / 0', 2n],
    ['0 && 1 / 0', 0n],
    ["'A' + 1", 66n],
    ["'\\n'", 10n],
    ['0b101', 5n],
    ['1_000', 1000n],
    ['$rdi == 3', 1n],
    ['rdi', 3n],
    ['rax == -22', 1n],
    ['(s64)rax', -22n],
    ['(s64)rax < 0', 1n],
    ['rax < 0', 0n],
    ['(u8)rax', 0xean],
    ['(unsigned int)rax', 0xffffffean],
    ['start_kernel + 0x10', 0xffffffff82cd8b10n],
    ['foo.cold', 0xffffffff81000010n],
    ['*(u32*)rsp', 0xdeadbeefn],
    ['*(s32 *)($rsp)', 0xdeadbeefn - 0x100000000n],
    ['*rsp', 0x80ffffffdeadbeefn],
    ['rsp[1]', 0x0807060504030201n],
    ['((u16*)rsp)[1]', 0xdeadn],
    ['(u16*)rsp + 1', 0xffffc90000013f02n],
    ['*((u8*)rsp + 8)', 1n],
    ['&*(u8*)rsp', 0xffffc90000013f00n],
    ['count == 2', 1n],
    ['req[0].ptr', 0x1000n],
    ['req[0].cmd == -1', 1n],
  ])('%s', async (text, expected) => {
    expect(await evaluateNumber(text, environment)).toBe(expected);
  });

  it.each([
    ['', /at the end/],
    ['1 +', /at the end/],
    ['1 1', /instead of "1"/],
    ['(1', /"\)"/],
    ['0x', /not a number/],
    ['12z', /not a number/],
    ['0x10000000000000000', /not a number/],
    ['no_such', /"no_such" is neither/],
    ['$r99', /no register r99/],
    ['1/0', /Division by zero/],
    ['*(u64*)0', /Nothing is mapped at 0x0/],
    ['*(u64*)(rsp+12)', /Nothing is mapped/],
    ['req', undefined],
    ['req[0].nothing', /no member "nothing"/],
    ['&1', /& needs/],
    ['@', /no meaning/],
    [`${'('.repeat(5000)}1${')'.repeat(5000)}`, /too deeply/],
    ['-'.repeat(5000), /too deeply/],
  ])('explains %s', async (text, expected) => {
    if (expected === undefined) expect(formatValue(await evaluate(text, environment))).toBe('2 entries');
    else await expect(evaluateNumber(text, environment)).rejects.toThrow(expected);
    if (expected !== undefined) await expect(evaluateNumber(text, environment)).rejects.toBeInstanceOf(ExpressionError);
  });

  it('knows the place of a value', async () => {
    expect(await evaluate('*(u32*)(rsp+4)', environment)).toMatchObject({
      place: { kind: 'memory', address: 0xffffc90000013f04n },
    });
    expect(await evaluate('$rdi', environment)).toMatchObject({ place: { kind: 'register', name: 'rdi' } });
  });
});

describe('parseHitCondition', () => {
  const stops = (text: string): readonly number[] => {
    const condition = parseHitCondition(text);
    return [1, 2, 3, 4, 5, 6].filter((hits) => condition(hits));
  };
  it.each([
    ['3', [3]],
    ['==3', [3]],
    ['>= 5', [5, 6]],
    ['>5', [6]],
    ['<3', [1, 2]],
    ['<=3', [1, 2, 3]],
    ['%3', [3, 6]],
    [' % 0x2 ', [2, 4, 6]],
  ])('%s', (text, expected) => {
    expect(stops(text)).toEqual(expected);
  });
  it.each(['', 'x', '%0', '5 times', '-1', '>=', '1.5'])('refuses "%s"', (text) => {
    expect(() => parseHitCondition(text)).toThrow(ExpressionError);
  });
});

describe('formatLogMessage', () => {
  it('fills in values, keeps escaped braces, and shows errors in place', async () => {
    expect(await formatLogMessage('rdi={rdi} \\{x\\} {count:d} {1/0}', environment)).toBe(
      'rdi=3 {x} 2 <Division by zero.>',
    );
  });
});
