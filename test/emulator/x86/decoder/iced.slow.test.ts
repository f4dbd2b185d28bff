import { describe, expect, it } from 'vitest';
import { compareWithIced } from './iced-comparison.ts';

/** A sample; iced.long.test.ts takes five million strings a mode. */
describe('decoder against iced-x86', () => {
  it.each([64, 32] as const)('%i-bit mode: same length and operands for 60,000 random strings', (mode) => {
    expect([...compareWithIced(mode, 60_000)]).toEqual([]);
  });
});
