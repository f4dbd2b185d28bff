import { describe, expect, test } from 'vitest';
import { parseArguments, unescapeText } from '../../../debug-adapter/cli/arguments.ts';
import { helpText } from '../../../debug-adapter/cli/help.ts';

test('everything at once', () => {
  const words =
    'run a.cfg --until BOOT-OK --timeout 2.5 --after grub> --input help\\n --after more --input=q --after up --control=mem-set --engine interpreter ' +
    '--no-cache --seed 7 --console b --pcap=net.pcapng --trace hypercalls,xenstore --json b.cfg --record r --snapshot-at 5=a=b --snapshot-at=7=c';
  expect(parseArguments(words.split(' '))).toEqual({
    kind: 'run',
    options: {
      files: ['a.cfg', 'b.cfg'],
      until: 'BOOT-OK',
      timeout: 2.5,
      script: [
        { after: 'grub>', input: 'help\n' },
        { after: 'more', input: 'q' },
        { after: 'up', control: 'mem-set' },
      ],
      console: 'b',
      pcap: 'net.pcapng',
      engine: 'interpreter',
      seed: 7,
      trace: new Set(['hypercalls', 'xenstore']),
      json: true,
      record: 'r',
      replay: undefined,
      snapshots: [
        { instructions: 5, file: 'a=b' },
        { instructions: 7, file: 'c' },
      ],
      restore: undefined,
    },
  });
});

test.each([
  [['--help'], { kind: 'help' }],
  [['run', 'x', '-h'], { kind: 'help' }],
  [['--version'], { kind: 'version' }],
  [['dap'], { kind: 'dap', port: undefined }],
  [['dap', '--port', '4711'], { kind: 'dap', port: 4711 }],
])('%j', (words, command) => {
  expect(parseArguments(words)).toEqual(command);
});

test.each<[string, RegExp]>([
  ['', /say what to do/],
  ['fly', /unknown command fly/],
  ['run', /name a configuration/],
  ['run a --frob', /unknown option --frob/],
  ['run a --gdb x', /--gdb takes a port number/],
  ['run a --record x --replay y', /--replay records nothing/],
  ['run a --replay y --after b --input c', /--replay has its own input/],
  ['run a --snapshot-at x', /--snapshot-at takes INSTRUCTIONS=FILE, not x/],
  ['run a --snapshot-at 1e6=x', /--snapshot-at takes INSTRUCTIONS=FILE, not 1e6=x/],
  ['run a --timeout 0', /--timeout takes a positive number, not 0/],
  ['run a --timeout', /--timeout needs SECONDS/],
  ['run a --input x', /--input without --after/],
  ['run a --after x', /--after without an --input/],
  ['run a --after x --after y --input z', /two --after/],
  ['run a --engine v8', /--engine is auto, interpreter or translator, not v8/],
  ['run a --trace all', /--trace knows hypercalls, events, grants, exceptions, xenstore, control, not all/],
  ['run a --json=yes', /--json takes no value/],
  ['run a --seed x', /--seed takes a whole number, not x/],
  ['dap --port 99999', /--port takes a port number/],
])('refused: %s', (line, message) => {
  expect(() => parseArguments(line === '' ? [] : line.split(' '))).toThrow(message);
});

test('escapes', () => {
  expect(unescapeText('a\\n\\t\\e\\x41\\\\n\\q')).toBe('a\n\t\x1bA\\n\\q');
});

describe('help', () => {
  test('names every option and exit status', () => {
    for (const option of [
      '--until',
      '--timeout',
      '--after',
      '--input',
      '--engine',
      '--no-cache',
      '--seed',
      '--trace',
      '--json',
    ]) {
      expect(helpText()).toContain(option);
    }
    expect(helpText()).toMatch(/2 bad configuration.*3 timeout.*4 the guest crashed/);
  });
});
