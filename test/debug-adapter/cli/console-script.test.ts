import { expect, test } from 'vitest';
import { ConsoleScript, TextFinder } from '../../../debug-adapter/cli/console-script.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function script(until: string | undefined, steps: readonly { after: string; input: string }[]) {
  const typed: string[] = [];
  const made = new ConsoleScript(until, steps, (input) => typed.push(new TextDecoder().decode(input)));
  return { typed, print: (text: string) => made.onOutput(bytes(text)) };
}

test('the text is found wherever the output is cut', () => {
  const { print } = script('BOOT-OK', []);
  expect(['BO', 'OBOO', 'T-O', 'K'].map(print)).toEqual([false, false, false, true]);
});

test('overlapping beginnings', () => {
  const finder = new TextFinder(bytes('abab'));
  const ends = [...'aababab'].map((letter) => finder.feed(letter.charCodeAt(0)));
  expect(ends).toEqual([false, false, false, false, true, false, true]);
});

test('pairs in order, each waiting for its text after the one before', () => {
  const { print, typed } = script(undefined, [
    { after: '> ', input: 'one\n' },
    { after: '> ', input: 'two\n' },
  ]);
  print('welcome > ');
  expect(typed).toEqual(['one\n']);
  print('one\r\ndone\r\n> ');
  expect(typed).toEqual(['one\n', 'two\n']);
  print('> > ');
  expect(typed).toHaveLength(2);
});

test('two pairs in one piece of output', () => {
  const { print, typed } = script(undefined, [
    { after: 'a', input: '1' },
    { after: 'b', input: '2' },
  ]);
  print('xaxbx');
  expect(typed).toEqual(['1', '2']);
});

test('multi-byte characters', () => {
  expect(script('größe', []).print('die größe')).toBe(true);
});
