import { expect, it } from 'vitest';
import { encodeMessage, FramingError, MessageReader } from '../../../debug-adapter/protocol/framing.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it('finds messages however the stream is cut', () => {
  const messages = [{ seq: 1, text: 'grüß' }, { seq: 2 }, { seq: 3, long: 'x'.repeat(5000) }];
  const stream = new Uint8Array(messages.flatMap((message) => [...encodeMessage(message)]));
  for (const size of [1, 2, 7, 100, stream.length]) {
    const reader = new MessageReader();
    const found: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.subarray(at, at + size)));
    expect(found).toEqual(messages);
  }
});

it('takes other headers and any case', () => {
  const reader = new MessageReader();
  expect(reader.push(bytes('Content-Type: x\r\ncontent-length:2\r\n\r\n{}'))).toEqual([{}]);
});

it.each([
  ['GET / HTTP/1.1\r\n\r\n'],
  ['Content-Length: 99999999999\r\n\r\n'],
  ['Content-Length: 3\r\n\r\n{a}'],
  ['x'.repeat(5000)],
])('refuses what is no DAP: %s', (text) => {
  expect(() => new MessageReader().push(bytes(text))).toThrow(FramingError);
});
