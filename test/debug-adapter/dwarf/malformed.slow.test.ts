import { describe, expect, it } from 'vitest';
import { DebugInfo, type VariableFrame } from '../../../debug-adapter/dwarf/debug-info.ts';
import { readElf } from '../../../emulator/elf/elf-file.ts';
import { bytesOf, compile, open, SAMPLE, signed, tool } from './compile.ts';

const FRAME = (pc: number): VariableFrame => ({
  pc,
  addressSize: 8,
  register: (number) => BigInt(number) * 0x1000n,
  readMemory: (_, length) => Promise.resolve(new Uint8Array(length)),
  canonicalFrameAddress: () => Promise.resolve(0x7000n),
});

/** Asks everything there is to ask. */
async function askAll(info: DebugInfo, pcs: readonly number[]): Promise<void> {
  for (const pc of pcs) {
    const place = info.place(pc);
    info.frameRow(pc);
    if (place === undefined) continue;
    info.lineRanges(place, pc);
    for (const variable of info.globals(place.unit)) await info.locate(variable, undefined, FRAME(pc));
    for (const instance of place.functions) {
      info.bodyStart(instance);
      for (const variable of info.variables(instance)) {
        await info.locate(variable, instance, FRAME(pc));
        if (variable.type === undefined) continue;
        info.type(variable.type);
        info.sizeOf(variable.type);
        info.members(variable.type);
        info.complete(variable.type);
      }
    }
    info.typeNamed('struct node', place.unit);
    info.global('counter', place.unit, true);
    info.enumerator('BLUE', place.unit);
    info.argumentAt(pc, Uint8Array.of(0x55));
  }
  for (const path of info.files) info.breakOn([path], 40);
}

/** xorshift32: the same damage in every run. */
function* random(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

function debugSections(bytes: Uint8Array): readonly { readonly offset: number; readonly size: number }[] {
  return readElf(bytes).sections.filter(({ name }) => name.startsWith('.debug_') || name === '.eh_frame');
}

describe('damaged debugging information', () => {
  it.each([
    ['the sample', () => SAMPLE, [signed('0xffffffff80100492'), signed('0xffffffff8010078f')]],
    ['DWARF 5', () => compile('-O2', '-gdwarf-5'), [0x401000, 0x401013, 0x401040, 0x401060]],
  ])('of %s neither throws nor hangs', async (_, make, pcs) => {
    const original = bytesOf(make());
    const sections = debugSections(original);
    expect(sections.length).toBeGreaterThan(5);
    const numbers = random(0x2545f491);
    let damaged = 0;
    const started = performance.now();
    for (let turn = 0; turn < 40; turn++) {
      const bytes = original.slice();
      const { offset, size } = sections[turn % sections.length] as { offset: number; size: number };
      for (let hit = 0; hit < 1 + (turn % 7); hit++) {
        bytes[offset + (numbers.next().value % size)] = numbers.next().value & 0xff;
      }
      const info = DebugInfo.open(readElf(bytes));
      if (info === undefined) continue;
      await askAll(info, pcs);
      if (info.problems.length > 0) damaged++;
    }
    // Some of it was noticed; the rest says something else in good form.
    expect(damaged).toBeGreaterThan(5);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('that ends early is told in words', () => {
    const bytes = bytesOf(SAMPLE).slice();
    const info = debugSections(bytes).at(1) as { offset: number };
    new DataView(bytes.buffer).setUint32(info.offset, 0x7fffffff, true);
    const opened = DebugInfo.open(readElf(bytes));
    expect(opened?.place(signed('0xffffffff80100492'))).toBeUndefined();
    expect(opened?.problems).toEqual(['The unit at 0x0 of .debug_info is longer than its section.']);
  });
});

describe('compressed sections', () => {
  it('zlib is read', () => {
    const file = compile('-O1', '-gdwarf-5', '-gz=zlib');
    expect(tool('readelf', ['-SW', file])).toMatch(/\.debug_info .* C /);
    expect(open(file).place(0x401013)?.functions[0]?.name).toBe('factorial');
  });

  it('zstd, and unknown methods, are refused in words', () => {
    const file = compile('-O1', '-gdwarf-5', '-gz=zlib');
    const bytes = bytesOf(file).slice();
    const info = readElf(bytes).sections.find(({ name }) => name === '.debug_info') as { offset: number };
    new DataView(bytes.buffer).setUint32(info.offset, 2, true);
    const opened = DebugInfo.open(readElf(bytes));
    expect(opened?.place(0x401013)).toBeUndefined();
    expect(opened?.problems).toEqual([
      '.debug_info is compressed with zstd; unpack it with objcopy --decompress-debug-sections.',
    ]);
  });
});
