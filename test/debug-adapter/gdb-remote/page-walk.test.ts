import { expect, test } from 'vitest';
import { describeWalk } from '../../../debug-adapter/gdb-remote/page-walk.ts';
import type { DebugTarget } from '../../../emulator/debug/target.ts';

/** Words at machine addresses; nothing anywhere else. */
function memory(words: Readonly<Record<number, number>>): DebugTarget {
  const readMemory = (_space: string, address: string, length: number): Promise<Uint8Array> => {
    const word = words[Number(address)];
    if (word === undefined) return Promise.resolve(new Uint8Array());
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, word, true);
    return Promise.resolve(bytes);
  };
  return { readMemory } as unknown as DebugTarget;
}

// SDM vol. 3, 4.3: ten bits of the address for each of two levels, entries of 32 bits.
test('two levels of 32-bit entries', async () => {
  const target = memory({ [0x5000 + 768 * 4]: 0x7067, [0x7000 + 257 * 4]: 0x9021 });
  expect(await describeWalk(target, '2-level', 0x5000n, 0xc0101234n)).toEqual([
    'L2 table at 0x5000, entry 768: 0x00007067 P RW US A D',
    'L1 table at 0x7000, entry 257: 0x00009021 P A',
    'machine address 0x9234',
  ]);
});

test('PAE: the top level has four entries', async () => {
  const target = memory({ [0x5000 + 3 * 8]: 0x6001 });
  expect(await describeWalk(target, 32, 0x5000n, 0xc0000000n)).toEqual([
    'L3 table at 0x5000, entry 3: 0x0000000000006001 P',
    'L2 table at 0x6000, entry 0: no such machine frame',
  ]);
});
