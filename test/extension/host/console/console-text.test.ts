import { expect, test } from 'vitest';
import { ConsoleText } from '../../../../extension/host/console/console-text.ts';

function shown(...packets: readonly (string | readonly number[])[]): string {
  const text = new ConsoleText();
  return packets
    .map((packet) => text.push(typeof packet === 'string' ? new TextEncoder().encode(packet) : Uint8Array.from(packet)))
    .join('');
}

test('a line feed gets its carriage return, once, also across packets', () => {
  expect(shown('a\nb\r\nc')).toBe('a\r\nb\r\nc');
  expect(shown('a\r', '\nb')).toBe('a\r\nb');
  expect(shown('a\r', 'b\n')).toBe('a\rb\r\n');
  expect(shown('\n', '\n')).toBe('\r\n\r\n');
});

test('a character that is split over packets arrives whole', () => {
  expect(shown([0xe2, 0x82], [0xac, 0x0a])).toBe('€\r\n');
  expect(shown([0x0d], [0xe2], [0x82, 0xac])).toBe('\r€');
});

test('escape sequences of the guest pass unchanged', () => {
  expect(shown('\x1b[1;31mred\x1b[0m')).toBe('\x1b[1;31mred\x1b[0m');
});
