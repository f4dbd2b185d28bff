import { describe, expect, it } from 'vitest';
import { type Environment, evaluate, type Value } from '../../../../debug-adapter/expression/evaluator.ts';
import { formatType, formatValue } from '../../../../debug-adapter/expression/format.ts';
import { lookUp } from '../../../../debug-adapter/session/source/frame-variables.ts';
import { Modules } from '../../../../debug-adapter/session/source/modules.ts';
import { sourceFrames } from '../../../../debug-adapter/session/source/source-frames.ts';
import { SymbolTable } from '../../../../debug-adapter/symbols/symbol-table.ts';
import { packSymbols } from '../../../../emulator/base/symbol-list.ts';
import { loadableSegments, readElf } from '../../../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../../../emulator/elf/elf-symbols.ts';
import { bytesOf, compile, open, VARIANTS } from '../../dwarf/compile.ts';

/** A program that has not run: what its variables were initialised to is in the file. */
function initialised(file: string): Environment {
  const elf = readElf(bytesOf(file));
  const readMemory = (address: bigint, length: number): Promise<Uint8Array> => {
    for (const { virtualAddress, offset, fileSize, memorySize } of loadableSegments(elf)) {
      const at = Number(address) - virtualAddress;
      if (at < 0 || at >= memorySize) continue;
      const bytes = new Uint8Array(Math.min(length, memorySize - at));
      if (at < fileSize) bytes.set(elf.reader.slice(offset + at, Math.min(length, fileSize - at)));
      return Promise.resolve(bytes);
    }
    return Promise.resolve(new Uint8Array());
  };
  const list = readSymbols(elf);
  const symbols = new SymbolTable(
    packSymbols(list.map(({ name, value, size, kind }) => ({ name, address: value, size, kind }))),
  );
  const modules = new Modules([{ info: open(file), path: file }]);
  const rip = symbols.byName('_start')?.address as bigint;
  const frame = { rip, rsp: 0n, rbp: 0n, source: 'registers', interrupted: true } as const;
  const source = sourceFrames(modules, [frame], 0, readMemory)[0];
  if (source === undefined) throw new Error('_start has no debugging information');
  return {
    register: () => Promise.resolve(undefined),
    symbol: (name) => Promise.resolve(symbols.byName(name)?.address),
    argument: () => Promise.resolve(undefined),
    readMemory,
    variable: (name) => lookUp(source, name, symbols, false),
    type: (name) => {
      const { info, types } = source.place.module;
      const offset = info.typeNamed(name, source.place.unit);
      return Promise.resolve(offset === undefined ? undefined : types.of(offset));
    },
  };
}

describe.each(VARIANTS)(
  'variables of a program compiled with %s %s, as its source initialises them',
  (level, version) => {
    const environment = initialised(compile(level, version));
    const value = (text: string): Promise<Value> => evaluate(text, environment);
    const shown = async (text: string): Promise<string> => formatValue(await value(text));
    const type = async (text: string): Promise<string> => formatType(await value(text));

    it.each([
      // Bit fields, a signed one and one across bytes included.
      ['flags.low', '5'],
      ['flags.middle', '0x3e8 (1000)'],
      ['flags.negative', '0xfffffffd (-3)'],
      ['flags.wide', '0x123456789a'],
      ['flags.plain', '9'],
      // A union from both sides.
      ['word.whole', '0x4030201 (67305985)'],
      ['word.bytes[3]', '4'],
      ['first.corners[1].y', '0xfffffffc (-4)'],
      ['(&first)->corners[0].x', '1'],
      // A member of an anonymous union, an enumeration, an array of arrays, a floating-point number, a _Bool.
      ['first.number', '0x4d (77)'],
      ['first.colour', 'BLUE (7)'],
      ['first.colour == BLUE', '1'],
      ['RED', 'RED (-1)'],
      ['first.matrix[1][2]', '6'],
      ['first.ratio', '1.5'],
      ['first.ready', 'true'],
      ['*first.name', "102 'f'"],
      ['first.name[4]', "116 't'"],
      ['first.next', '0x0'],
      ['counter', '0'],
      ['sizeof(struct point)', '8'],
      ['sizeof first.corners', '0x10 (16)'],
      ['sizeof(u32)', '4'],
      ['(u32)flags.wide', '0x3456789a (878082202)'],
      ['((struct point *)&first.corners)[1].x', '3'],
      ['&first.corners[1] - &first.corners[0]', '1'],
      ['(char *)&first.corners[1] - (char *)&first.corners[0]', '8'],
      ['first.corners[0].x + first.corners[1].y * 2', '0xfffffffffffffff9 (-7)'],
    ])('%s is %s', async (text, expected) => {
      expect(await shown(text)).toBe(expected);
    });

    it.each([
      ['first', 'struct node'],
      ['first.compare', 'int (*)(const struct node*, const struct node*)'],
      ['first.name', 'const char*'],
      ['first.matrix', 'volatile u8[2][3]'],
      ['first.tail', 'char[]'],
      ['&flags', 'struct flags*'],
      ['first.colour', 'enum colour'],
      ['counter', 'u64'],
    ])('%s has the type %s', async (text, expected) => {
      expect(await type(text)).toBe(expected);
    });

    it.each([
      ['first.nothing', 'There is no member "nothing".'],
      ['first + 1', '"struct node" is a structure; name one of its members.'],
      ['first.ratio * 2', 'Values of type double can be shown, but not computed with.'],
      ['&flags.low', '& needs a symbol or a place in memory.'],
      ['(struct missing *)0', 'There is no type "struct missing".'],
      ['list->number', 'Nothing is mapped at 0x'],
    ])('%s: %s', async (text, message) => {
      await expect(value(text)).rejects.toThrow(message);
    });
  },
);
