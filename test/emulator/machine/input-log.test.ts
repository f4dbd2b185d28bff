import { describe, expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/user-error.ts';
import { type InputEntry, InputLogWriter, readInputLog } from '../../../emulator/machine/input-log.ts';

const head = { identity: { kernel: 'abc', domains: [1, 2] }, instructions: 12, time: 34, hash: 'ff', disks: ['a'] };
const entries: readonly InputEntry[] = [
  { kind: 'console', instructions: 100, time: 2 ** 45, registers: 0xffffffff, data: new Uint8Array([1, 2, 3]) },
  { kind: 'register', instructions: 100, time: 2 ** 45, registers: 7, data: { vcpu: 0, name: 'rip', value: '0x1' } },
  { kind: 'end', instructions: 2 ** 50, time: 2 ** 51, registers: 0, data: 'hash' },
];

function written(): { bytes: Uint8Array; ends: number[] } {
  const pieces: Uint8Array[] = [];
  const ends: number[] = [];
  const append = (bytes: Uint8Array): void => {
    pieces.push(bytes.slice());
    ends.push((ends.at(-1) ?? 0) + bytes.length);
  };
  const writer = new InputLogWriter({ append }, head);
  for (const entry of entries) writer.entry(entry);
  return { bytes: new Uint8Array(Buffer.concat(pieces)), ends };
}

function problem(bytes: Uint8Array): string {
  try {
    readInputLog(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).id;
  }
  return 'none';
}

describe('a recording', () => {
  test('reads as it was written', () => {
    expect(readInputLog(written().bytes)).toStrictEqual({ head, entries, oldBlocks: [], complete: true });
  });

  test('that was cut anywhere is good up to the last whole entry', () => {
    const { bytes, ends } = written();
    // The file's header, the head, then the entries.
    const [, headEnd = 0, ...entryEnds] = ends;
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      if (length < headEnd) expect(problem(cut)).toBe(length < 8 ? 'recording.unknown' : 'recording.truncated');
      else {
        const whole = entryEnds.filter((end) => end <= length).length;
        expect(readInputLog(cut)).toStrictEqual({
          head,
          entries: entries.slice(0, whole),
          oldBlocks: [],
          complete: false,
        });
      }
    }
  });

  test('with any wrong byte is refused', () => {
    const { bytes } = written();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 0x10;
      const expected = at < 8 ? 'recording.unknown' : at < 12 ? 'recording.version' : 'recording.damaged';
      expect(problem(damaged), `byte ${at}`).toBe(expected);
    }
  });
});
