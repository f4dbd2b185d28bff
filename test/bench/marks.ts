/** Throughput by marks on consoles: "NAME-BEGIN uptime" and "NAME-END uptime", timed by the host and by the guest. */
import { spawn } from 'node:child_process';
import { median } from './contenders.ts';

/** Of one process. */
const TIMEOUT = 300_000;

interface Comparison {
  readonly title: string;
  /** 2^20 bytes, that every span moves. */
  readonly megabytes: number;
  /** Names before -BEGIN and -END, in the order in which they come. */
  readonly spans: readonly string[];
  readonly commands: readonly (readonly [name: string, command: readonly string[]])[];
  readonly rounds: number;
}

interface Span {
  /** Seconds on the host's clock, and on the guest's. */
  readonly host: number;
  readonly guest: number;
}

/** Rounds are interleaved; medians in MB a second, and the ratio of host times to the first command's. */
export async function compareSpeeds({ title, megabytes, spans, commands, rounds }: Comparison): Promise<void> {
  const samples = commands.map((): (readonly Span[])[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, [, command]] of commands.entries()) samples[index]?.push(await timeSpans(command, spans));
  console.log(`\n${title} (median of ${rounds})`);
  const middle = (command: number, span: number, clock: keyof Span): number =>
    median((samples[command] as (readonly Span[])[]).map((sample) => (sample[span] as Span)[clock]));
  for (const [index, [name]] of commands.entries()) {
    const words = spans.map((span, place) => {
      const seconds = middle(index, place, 'host');
      const virtual = (megabytes / middle(index, place, 'guest')).toFixed(1);
      const ratio = (middle(0, place, 'host') / seconds).toFixed(2);
      return `${span} ${(megabytes / seconds).toFixed(1)} MB/s ×${ratio} (guest's clock ${virtual})`;
    });
    console.log(`  ${name.padEnd(34)} ${words.join(', ')}`);
  }
}

/** Runs a command until all marks, in order, were on its standard output, and ends it then. */
function timeSpans(command: readonly string[], spans: readonly string[]): Promise<readonly Span[]> {
  const marks = spans
    .flatMap((name) => [`${name}-BEGIN`, `${name}-END`])
    .map((mark) => new RegExp(`${mark} ([\\d.]+)[\\r\\n]`));
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: TIMEOUT });
    const seen: Span[] = [];
    let output = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      output += text;
      for (let mark = marks[seen.length]; mark !== undefined; mark = marks[seen.length]) {
        const found = mark.exec(output);
        if (found === null) return;
        seen.push({ host: performance.now() / 1000, guest: Number(found[1]) });
      }
      child.kill();
    });
    child.on('error', reject);
    child.on('close', () => {
      if (seen.length < marks.length) return reject(new Error(`the guest got no further: ${output.slice(-2000)}`));
      const since = (end: Span, begin: Span): Span => ({ host: end.host - begin.host, guest: end.guest - begin.guest });
      resolve(spans.map((_, index) => since(seen[2 * index + 1] as Span, seen[2 * index] as Span)));
    });
  });
}
