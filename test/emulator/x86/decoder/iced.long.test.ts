import { describe, expect, it } from 'vitest';
import { compareWithIced } from './iced-comparison.ts';

describe('decoder against iced-x86', () => {
  it.each([64, 32] as const)('%i-bit mode: same length and operands for 5,000,000 random strings', (mode) => {
    expect([...compareWithIced(mode, 5_000_000)]).toEqual([]);
  });
});
