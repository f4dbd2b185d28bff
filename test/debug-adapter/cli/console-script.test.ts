import { describe, expect, test } from 'vitest';
import { ConsoleScript, TextFinder } from '../../../debug-adapter/cli/console-script.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function script(until: string | undefined, steps: readonly { after: string; input: string }[]) {
  const typed: string[] = [];
  const here = (text: string) => ({ domain: 'a', text });
  const made = new ConsoleScript(
    until === undefined ? undefined : here(until),
    steps.map(({ after, input }) => ({ after: here(after), input: here(input) })),
    (_domain, input) => typed.push(new TextDecoder().decode(input)),
  );
  return { typed, print: (text: string) => made.onOutput('a', bytes(text)) };
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

test('a step that asks something of a domain, not typed', () => {
  const done: string[] = [];
  const here = (text: string) => ({ domain: 'a', text });
  const made = new ConsoleScript(
    undefined,
    [
      { after: here('# '), control: { domain: 'b', text: 'mem-set 100' } },
      { after: here('ok'), input: here('x') },
    ],
    (domain) => done.push(`typed on ${domain}`),
    (domain, line) => done.push(`${domain}: ${line}`),
  );
  made.onOutput('a', bytes('/ # ok'));
  expect(done).toEqual(['b: mem-set 100', 'typed on a']);
});

test('multi-byte characters', () => {
  expect(script('größe', []).print('die größe')).toBe(true);
});

describe('several consoles', () => {
  const on = (domain: string, text: string) => ({ domain, text });

  test('a text counts on its own console only', () => {
    const made = new ConsoleScript(on('b', 'done'), [], () => {});
    expect(made.onOutput('a', bytes('done'))).toBe(false);
    expect(made.onOutput('b', bytes('do'))).toBe(false);
    expect(made.onOutput('a', bytes('xx'))).toBe(false);
    expect(made.onOutput('b', bytes('ne'))).toBe(true);
  });

  test('steps go on across consoles, in order', () => {
    const typed: string[] = [];
    const steps = [
      { after: on('a', 'ready'), input: on('b', 'go') },
      { after: on('b', 'went'), input: on('a', 'stop') },
    ];
    const made = new ConsoleScript(undefined, steps, (to, text) =>
      typed.push(`${to}<${new TextDecoder().decode(text)}`),
    );
    made.onOutput('b', bytes('ready went'));
    expect(typed).toEqual([]);
    made.onOutput('a', bytes('ready'));
    made.onOutput('b', bytes('went'));
    expect(typed).toEqual(['b<go', 'a<stop']);
  });
});
