import { describe, expect, it } from 'vitest';
import {
  encodePacket,
  fromHex,
  hexOfText,
  MAXIMUM_PACKET,
  PacketReader,
  toHex,
} from '../../../debug-adapter/gdb-remote/packet.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const text = (data: Uint8Array): string => String.fromCharCode(...data);

describe('packets of the gdb remote protocol', () => {
  it('are framed with the sum of their bytes, modulo 256', () => {
    // The manual's own example of an acknowledgement-less exchange: "$OK#9a".
    expect(text(encodePacket('OK'))).toBe('$OK#9a');
    expect(text(encodePacket(''))).toBe('$#00');
  });

  it('escape what would end them', () => {
    expect(text(encodePacket('a#b$c}d*'))).toBe('$a}\x03b}\x04c}]d}\x0a#ec');
    expect(new PacketReader().push(encodePacket('a#b$c}d*'))).toEqual([{ kind: 'packet', payload: 'a#b$c}d*' }]);
  });

  it('are put together from pieces, between acknowledgements and Ctrl-C', () => {
    const reader = new PacketReader();
    expect(reader.push(bytes('+$qSuppo'))).toEqual([{ kind: 'acknowledged' }]);
    expect(reader.push(bytes('rted#3'))).toEqual([]);
    expect(reader.push(bytes('7\x03-'))).toEqual([
      { kind: 'packet', payload: 'qSupported' },
      { kind: 'interrupt' },
      { kind: 'repeat' },
    ]);
  });

  it('with a wrong sum, or without an end, are damaged, and the next one is read', () => {
    const reader = new PacketReader();
    expect(reader.push(bytes('$g#00$g#67'))).toEqual([{ kind: 'damaged' }, { kind: 'packet', payload: 'g' }]);
    expect(reader.push(bytes(`$${'m'.repeat(MAXIMUM_PACKET + 1)}`))).toEqual([{ kind: 'damaged' }]);
    expect(reader.push(bytes('$g#67'))).toEqual([{ kind: 'packet', payload: 'g' }]);
  });

  it('carry bytes as digits', () => {
    expect(toHex(Uint8Array.of(0, 15, 255))).toBe('000fff');
    expect(fromHex('000fFf')).toEqual(Uint8Array.of(0, 15, 255));
    expect(fromHex('0')).toBeUndefined();
    expect(fromHex('0g')).toBeUndefined();
    expect(hexOfText('ä\n')).toBe('c3a40a');
  });
});
