import { describe, expect, test } from 'vitest';
import type { Mfn } from '../../../emulator/base/numbers.ts';
import { UserError } from '../../../emulator/base/user-error.ts';
import { Ram } from '../../../emulator/machine/ram.ts';
import { decodeSnapshot, encodeSnapshot, restoreRam } from '../../../emulator/machine/snapshot-file.ts';

const FIRST = 0x100;
const state = { numbers: [1, 2, 3], text: 'state', map: new Map([[1, 'x']]) };

/** Frames 1, 2 and 5 hold something; 5 is not in use. */
function filledRam(): Ram {
  const ram = new Ram(new WebAssembly.Memory({ initial: 1 }), 4096, 8, FIRST);
  for (const index of [1, 2, 5]) ram.frame((FIRST + index) as Mfn).fill(index, 100, 200);
  return ram;
}

function fileOf(ram: Ram): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeSnapshot(state, ram, (mfn) => mfn !== FIRST + 5)));
}

function problem(bytes: Uint8Array): string {
  try {
    decodeSnapshot(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).id;
  }
  return 'none';
}

describe('a snapshot file', () => {
  test('holds state and the frames that are in use and not zero', () => {
    const ram = filledRam();
    const contents = decodeSnapshot(fileOf(ram));
    expect(contents.state).toEqual(state);
    expect([...contents.mfns]).toEqual([FIRST + 1, FIRST + 2]);
    const other = filledRam();
    other.u8.fill(9, other.base);
    restoreRam(other, contents);
    const [first, second] = [1, 2].map((index) => ram.frame((FIRST + index) as Mfn));
    for (let index = 0; index < 8; index++) {
      const expected = index === 1 ? first : index === 2 ? second : new Uint8Array(4096);
      expect(other.frame((FIRST + index) as Mfn), `frame ${index}`).toEqual(expected);
    }
  });

  test('is the same wherever it lies in memory', () => {
    const file = fileOf(filledRam());
    const shifted = new Uint8Array(file.length + 3).subarray(3);
    shifted.set(file);
    expect(decodeSnapshot(shifted)).toEqual(decodeSnapshot(file));
  });

  test('that was cut anywhere, or has any wrong byte, is refused in words', () => {
    const file = fileOf(filledRam());
    for (let length = 0; length < file.length; length += 7) {
      expect(problem(file.slice(0, length))).toBe(length < 8 ? 'snapshot.unknown' : 'snapshot.truncated');
    }
    for (let at = 0; at < file.length; at += at < 300 ? 1 : 97) {
      const damaged = file.slice();
      damaged[at] = (damaged[at] as number) ^ 4;
      // Lengths that grew look like a file that was cut; the word behind them is reserved.
      if (at >= 20 && at < 24) continue;
      const expected = at < 8 ? /unknown/ : at < 12 ? /version/ : at < 20 ? /truncated|damaged/ : /damaged/;
      expect(problem(damaged), `byte ${at}`).toMatch(expected);
    }
    expect(problem(new Uint8Array([...file, 0]))).toBe('snapshot.damaged');
  });
});
