import { expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../debug-adapter/protocol/base64.ts';

it('agrees with Buffer on every length and byte', () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 255);
    const text = Buffer.from(bytes).toString('base64');
    expect(encodeBase64(bytes)).toBe(text);
    expect(decodeBase64(text)).toEqual(bytes);
    expect(decodeBase64(text.replace(/=/g, ''))).toEqual(bytes);
  }
});

it('refuses what is not base64', () => {
  for (const text of ['a', 'ab*=', 'a=bc', 'abcde']) expect(decodeBase64(text)).toBeUndefined();
});
