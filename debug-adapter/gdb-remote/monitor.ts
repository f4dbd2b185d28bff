/** `monitor` commands: what only Xen knows, for a gdb that knows nothing of it. One row a command. */
import type { ArgumentInfo, DebugTarget, ThreadInfo } from '../../emulator/debug/target.ts';
import { describeWalk } from './page-walk.ts';

export interface MonitorContext {
  readonly target: DebugTarget;
  /** The vCPU that gdb has selected. */
  readonly vcpu: number;
  /** Hypercalls that stop, by name. */
  readonly hypercalls: Set<string>;
}

interface MonitorRow {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  readonly run: (context: MonitorContext, words: readonly string[]) => Promise<readonly string[]>;
}

const ROWS: readonly MonitorRow[] = [
  {
    name: 'help',
    usage: '',
    help: 'this list',
    run: () => Promise.resolve(ROWS.map(({ name, usage, help }) => `${`${name} ${usage}`.trim().padEnd(22)} ${help}`)),
  },
  { name: 'domains', usage: '', help: 'domains and their vCPUs', run: listDomains },
  { name: 'hypercall', usage: '', help: 'the hypercall at this stop, decoded', run: showHypercall },
  {
    name: 'break',
    usage: 'NAME[.SUBOP]…',
    help: 'stop before these hypercalls ("*": all); without a name, the list of what stops',
    run: breakOnHypercalls,
  },
  { name: 'delete', usage: '', help: 'no hypercall stops any more', run: deleteBreaks },
  { name: 'walk', usage: 'ADDRESS', help: 'page-table walk of an address, with flags in words', run: walk },
  { name: 'rings', usage: '', help: 'shared rings of this domain, with what is pending', run: showRings },
  { name: 'statistics', usage: '', help: 'instructions and virtual time', run: showStatistics },
];

/** Lines to print; an unknown command says so. */
export async function monitor(context: MonitorContext, command: string): Promise<readonly string[]> {
  const [name = 'help', ...words] = command.trim().split(/\s+/).filter(Boolean);
  const row = ROWS.find((known) => known.name === name);
  if (row === undefined) return [`monitor ${name}: there is no such command; "monitor help" lists them`];
  return await row.run(context, words);
}

async function thread({ target, vcpu }: MonitorContext): Promise<ThreadInfo | undefined> {
  return (await target.threads()).find((known) => known.vcpu === vcpu);
}

async function listDomains({ target, vcpu }: MonitorContext): Promise<readonly string[]> {
  return (await target.threads()).map((known) => {
    const mark = known.vcpu === vcpu ? '*' : ' ';
    return `${mark} domain ${known.domain}  ${known.name}  ${known.bits} bit  ${known.state}`;
  });
}

async function showHypercall({ target, vcpu }: MonitorContext): Promise<readonly string[]> {
  const call = await target.currentHypercall(vcpu);
  if (call === undefined) return ['this vCPU is not at a hypercall, nor just behind one'];
  const name = call.suboperation === undefined ? call.name : `${call.name}.${call.suboperation}`;
  const lines = [`${name} (${call.number})`, ...call.arguments.flatMap((argument) => argumentLines(argument, 1))];
  if (call.result === undefined) return lines;
  const { value, errno, reason } = call.result;
  return [...lines, `returned ${[value, errno, reason].filter(Boolean).join(': ')}`];
}

function argumentLines({ name, value, children }: ArgumentInfo, depth: number): readonly string[] {
  return [`${'  '.repeat(depth)}${name} = ${value}`, ...children.flatMap((child) => argumentLines(child, depth + 1))];
}

async function breakOnHypercalls(context: MonitorContext, words: readonly string[]): Promise<readonly string[]> {
  const { target, hypercalls } = context;
  if (words.length === 0) return hypercalls.size === 0 ? ['no hypercall stops'] : [...hypercalls];
  const wanted = [...new Set([...hypercalls, ...words])];
  const verdicts = await arm(target, wanted);
  const refused = wanted.filter((_, index) => verdicts[index]?.verified !== true);
  for (const word of wanted) if (!refused.includes(word)) hypercalls.add(word);
  if (refused.length > 0) await arm(target, [...hypercalls]);
  return wanted.map(
    (word, index) => `${word}: ${verdicts[index]?.verified === true ? 'stops' : verdicts[index]?.message}`,
  );
}

async function deleteBreaks({ target, hypercalls }: MonitorContext): Promise<readonly string[]> {
  hypercalls.clear();
  await arm(target, []);
  return ['no hypercall stops'];
}

function arm(target: DebugTarget, names: readonly string[]) {
  return target.setHypercallBreakpoints(names.map((name) => ({ id: `hypercall:${name}`, name })));
}

async function walk(context: MonitorContext, words: readonly string[]): Promise<readonly string[]> {
  const [text] = words;
  if (text === undefined || !/^(0x)?[0-9a-fA-F]+$/.test(text)) return ['monitor walk takes an address in hexadecimal'];
  const address = BigInt(text.startsWith('0x') ? text : `0x${text}`);
  const bits = (await thread(context))?.bits ?? 64;
  const { control } = await context.target.registers(context.vcpu);
  const cr3 = BigInt(control.cr3 ?? '0x0');
  return await describeWalk(context.target, control.paging === '2-level' ? '2-level' : bits, cr3, address);
}

async function showRings(context: MonitorContext): Promise<readonly string[]> {
  const domain = (await thread(context))?.domain ?? 0;
  return (await context.target.rings(domain)).flatMap((ring) => [
    `${ring.name}: frame ${ring.mfn}, port ${ring.port}, ${ring.indices.map(({ name, value }) => `${name} ${value}`).join(', ')}`,
    ...ring.directions.map(({ name, producer, consumer, pending }) => {
      return `  ${name}: ${producer - consumer} pending${pending === '' ? '' : `: ${pending}`}`;
    }),
  ]);
}

async function showStatistics({ target }: MonitorContext): Promise<readonly string[]> {
  const { instructions, virtualSeconds } = await target.statistics();
  return [`${instructions} instructions, ${virtualSeconds.toFixed(9)} s of virtual time`];
}
