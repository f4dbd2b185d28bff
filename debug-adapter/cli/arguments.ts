/** The command line: one row per option, from which parsing and help follow. */
import { UserError } from '../../emulator/base/user-error.ts';
import { CONTROL_COMMANDS } from '../../emulator/xen/toolstack/domain-control.ts';

export const TRACE_CATEGORIES = ['hypercalls', 'events', 'grants', 'exceptions', 'xenstore', 'control'] as const;
export type TraceCategory = (typeof TRACE_CATEGORIES)[number];

/** Once `after` has appeared, type `input`, or carry out `control`; all may begin with "NAME:" of a domain. */
export interface ScriptStep {
  readonly after: string;
  readonly input?: string;
  readonly control?: string;
}

export interface RunOptions {
  readonly files: readonly string[];
  readonly until: string | undefined;
  /** Wall seconds. */
  readonly timeout: number | undefined;
  readonly script: readonly ScriptStep[];
  /** Domain whose console is shown alone, and typed on. */
  readonly console: string | undefined;
  /** File to write all network traffic into. */
  readonly pcap: string | undefined;
  readonly engine: 'auto' | 'interpreter' | 'translator';
  readonly seed: number | undefined;
  readonly trace: ReadonlySet<TraceCategory>;
  readonly json: boolean;
  /** File to record all input into. */
  readonly record: string | undefined;
  /** File whose input is replayed. */
  readonly replay: string | undefined;
  readonly snapshots: readonly SnapshotRequest[];
  /** Snapshot to go on from. */
  readonly restore: string | undefined;
  /** TCP port for gdb; 0 takes a free one. */
  readonly gdb: number | undefined;
}

/** Write the machine into `file` at exactly that many executed instructions. */
export interface SnapshotRequest {
  readonly instructions: number;
  readonly file: string;
}

export type Command =
  | { readonly kind: 'run'; readonly options: RunOptions }
  | { readonly kind: 'dap'; readonly port: number | undefined }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

interface Draft {
  files: string[];
  until?: string;
  timeout?: number;
  script: ScriptStep[];
  after?: string;
  console?: string;
  pcap?: string;
  engine: RunOptions['engine'];
  seed?: number;
  trace: Set<TraceCategory>;
  json: boolean;
  record?: string;
  replay?: string;
  snapshots: SnapshotRequest[];
  restore?: string;
  gdb?: number;
}

interface OptionRow {
  readonly name: string;
  /** Placeholder of its value; empty for a switch. */
  readonly value: string;
  readonly help: string;
  readonly apply: (draft: Draft, value: string) => void;
}

export const RUN_OPTIONS: readonly OptionRow[] = [
  {
    name: '--until',
    value: 'TEXT',
    help: 'stop at the guest instruction whose console output completes TEXT; exit 0. NAME:TEXT for another domain',
    apply: (draft, value) => {
      draft.until = unescapeText(value);
    },
  },
  {
    name: '--timeout',
    value: 'SECONDS',
    help: 'wall time; exit 3',
    apply: (draft, value) => {
      draft.timeout = positiveNumber('--timeout', value);
    },
  },
  {
    name: '--after',
    value: 'TEXT',
    help: 'wait for TEXT on the console, then for the --input or --control that follows; pairs may repeat, in order',
    apply: (draft, value) => {
      if (draft.after !== undefined) throw usage('two --after without an --input or --control between them');
      draft.after = unescapeText(value);
    },
  },
  {
    name: '--input',
    value: 'TEXT',
    help: 'what to type; \\n is Enter, \\t, \\e, \\xHH and \\\\ as in C',
    apply: (draft, value) => {
      if (draft.after === undefined) throw usage('--input without --after before it');
      draft.script.push({ after: draft.after, input: unescapeText(value) });
      delete draft.after;
    },
  },
  {
    name: '--control',
    value: 'COMMAND',
    help: `what to ask of the domain, as xl does: ${CONTROL_COMMANDS.map(({ name, argument }) => [name, argument].join(' ').trim()).join(', ')}`,
    apply: (draft, value) => {
      if (draft.after === undefined) throw usage('--control without --after before it');
      draft.script.push({ after: draft.after, control: value });
      delete draft.after;
    },
  },
  {
    name: '--console',
    value: 'NAME',
    help: 'the domain whose console this is; without it the first, and on no terminal all of them, line by line',
    apply: (draft, value) => {
      draft.console = value;
    },
  },
  {
    name: '--pcap',
    value: 'FILE',
    help: 'write every network frame into FILE (pcapng), with the ring slot, grant and instruction it belongs to',
    apply: (draft, value) => {
      draft.pcap = value;
    },
  },
  {
    name: '--engine',
    value: 'NAME',
    help: 'auto, interpreter or translator',
    apply: (draft, value) => {
      if (value !== 'auto' && value !== 'interpreter' && value !== 'translator') {
        throw usage(`--engine is auto, interpreter or translator, not ${value}`);
      }
      draft.engine = value;
    },
  },
  { name: '--no-cache', value: '', help: 'no boot snapshot', apply: () => {} },
  {
    name: '--seed',
    value: 'N',
    help: 'another order of machine frames',
    apply: (draft, value) => {
      if (!/^\d{1,9}$/.test(value)) throw usage(`--seed takes a whole number, not ${value}`);
      draft.seed = Number(value);
    },
  },
  {
    name: '--trace',
    value: 'LIST',
    help: `decoded, to stderr: ${TRACE_CATEGORIES.join(',')}`,
    apply: (draft, value) => {
      for (const word of value.split(',')) draft.trace.add(traceCategory(word));
    },
  },
  {
    name: '--record',
    value: 'FILE',
    help: 'write everything that enters the machine into FILE',
    apply: (draft, value) => {
      draft.record = value;
    },
  },
  {
    name: '--replay',
    value: 'FILE',
    help: 'run with the input of a recording, to where that ended; exit 5 where the run differs. Writes no disk',
    apply: (draft, value) => {
      draft.replay = value;
    },
  },
  {
    name: '--snapshot-at',
    value: 'N=FILE',
    help: 'write the whole machine into FILE after N instructions, and run on; may repeat',
    apply: (draft, value) => {
      draft.snapshots.push(snapshotRequest(value));
    },
  },
  {
    name: '--restore',
    value: 'FILE',
    help: 'go on from a snapshot; configurations may be left out, and must be the same if they are not',
    apply: (draft, value) => {
      draft.restore = value;
    },
  },
  {
    name: '--gdb',
    value: 'PORT',
    help: 'wait for gdb on this port of this machine before the first instruction; "monitor help" tells what else it can ask',
    apply: (draft, value) => {
      draft.gdb = portNumber('--gdb', value);
    },
  },
  {
    name: '--json',
    value: '',
    help: 'the last line of output is a JSON object that says how it ended',
    apply: (draft) => {
      draft.json = true;
    },
  },
];

export function usage(problem: string): UserError {
  return new UserError('usage', `${problem}.`, 'Run "xenoscope --help".');
}

/** `argv` without the program's own name. @throws UserError `usage` */
export function parseArguments(argv: readonly string[]): Command {
  const [command, ...rest] = argv;
  if (argv.some((word) => word === '--help' || word === '-h') || command === 'help') return { kind: 'help' };
  if (command === '--version' || command === '-V') return { kind: 'version' };
  if (command === 'run') return { kind: 'run', options: parseRun(rest) };
  if (command === 'dap') return { kind: 'dap', port: parseDap(rest) };
  throw usage(command === undefined ? 'say what to do: run or dap' : `unknown command ${command}`);
}

function parseRun(words: readonly string[]): RunOptions {
  const draft: Draft = {
    ...{ files: [], script: [], engine: 'auto', trace: new Set(), json: false, snapshots: [] },
  };
  let onlyFiles = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (onlyFiles || !word.startsWith('--')) draft.files.push(word);
    else if (word === '--') onlyFiles = true;
    else at = applyOption(draft, words, at);
  }
  if (draft.after !== undefined) throw usage('--after without an --input or --control behind it');
  if (draft.files.length === 0 && draft.restore === undefined) throw usage('name a configuration file to run');
  if (draft.replay !== undefined && draft.record !== undefined)
    throw usage('--replay records nothing: not with --record');
  if (draft.replay !== undefined && draft.script.length > 0)
    throw usage('--replay has its own input: not with --input or --control');
  return {
    files: draft.files,
    until: draft.until,
    timeout: draft.timeout,
    script: draft.script,
    console: draft.console,
    pcap: draft.pcap,
    engine: draft.engine,
    seed: draft.seed,
    trace: draft.trace,
    json: draft.json,
    record: draft.record,
    replay: draft.replay,
    snapshots: draft.snapshots,
    restore: draft.restore,
    gdb: draft.gdb,
  };
}

function snapshotRequest(value: string): SnapshotRequest {
  const match = /^(\d{1,15})=(.+)$/.exec(value);
  if (match === null) throw usage(`--snapshot-at takes INSTRUCTIONS=FILE, not ${value}`);
  return { instructions: Number(match[1]), file: match[2] as string };
}

/** `--name value` or `--name=value`; answers the index of the last word used. */
function applyOption(draft: Draft, words: readonly string[], at: number): number {
  const word = words[at]!;
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const row = RUN_OPTIONS.find((option) => option.name === name);
  if (row === undefined) throw usage(`unknown option ${name}`);
  if (row.value === '') {
    if (equals >= 0) throw usage(`${name} takes no value`);
    row.apply(draft, '');
    return at;
  }
  const value = equals < 0 ? words[at + 1] : word.slice(equals + 1);
  if (value === undefined || value === '') throw usage(`${name} needs ${row.value}`);
  row.apply(draft, value);
  return equals < 0 ? at + 1 : at;
}

function parseDap(words: readonly string[]): number | undefined {
  if (words.length === 0) return undefined;
  const port = words[0] === '--port' ? words[1] : words[0]?.startsWith('--port=') ? words[0].slice(7) : undefined;
  if (port === undefined) throw usage('dap takes --port N or nothing');
  return portNumber('--port', port);
}

function portNumber(name: string, value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) throw usage(`${name} takes a port number, not ${value}`);
  return Number(value);
}

function positiveNumber(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw usage(`${name} takes a positive number, not ${value}`);
  return number;
}

function traceCategory(word: string): TraceCategory {
  const category = TRACE_CATEGORIES.find((name) => name === word);
  if (category === undefined) throw usage(`--trace knows ${TRACE_CATEGORIES.join(', ')}, not ${word}`);
  return category;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', e: '\x1b', '\\': '\\' };

/** C-like escapes, so that Enter can be typed from any shell; an unknown escape stays as it is. */
export function unescapeText(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([nrte\\]))/g, (whole, hexadecimal?: string, letter?: string) =>
    hexadecimal !== undefined
      ? String.fromCharCode(Number.parseInt(hexadecimal, 16))
      : (ESCAPES[letter ?? ''] ?? whole),
  );
}
