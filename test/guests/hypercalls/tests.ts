/** What the C sources say about themselves: tests, their cases, the machines they want. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Suite, type Width, XEN_4 } from './suites.ts';

export interface GuestTest {
  /** "event-channel-op", "event-channel-op/pair". */
  readonly name: string;
  /** Relative to the folder of all tests of its suite. */
  readonly file: string;
  /** Sub-operations and hypercalls in Xen's spelling, in order. */
  readonly cases: readonly Case[];
  /** Widths that the test is for. */
  readonly widths: readonly Width[];
  readonly domains: number;
  readonly vcpus: number;
  /** MB. */
  readonly memory: number;
  /** Runs of the test; one without a word by default. */
  readonly endings: readonly Ending[];
}

/** A run that ends in its own way. */
export interface Ending {
  /** Goes to the command line as `ending=…`. */
  readonly word: string | undefined;
  /** How the domain ends: "poweroff", "crash"… */
  readonly kind: string;
}

export interface Case {
  readonly name: string;
  /** The case exists only there: inside `#ifdef __x86_64__` or `#ifdef __i386__`. */
  readonly width: Width | undefined;
}

/**
 * Reads the line `machine: domains=2 vcpus=2 memory=16 widths=64 endings=reboot,code:crash` of a test's first comment,
 * all of it optional, and the cases of its TEST.
 */
function readTest(suite: Suite, folder: string, file: string): GuestTest | undefined {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const declared = /^TEST\("([^"]+)",?([\s\S]*)/m.exec(text);
  if (declared === null) return undefined;
  const words = Object.fromEntries(
    [...(/machine:(.*)/.exec(text)?.[1] ?? '').matchAll(/(\w+)=([\w,:-]+)/g)].map(([, key, value]) => [key, value]),
  ) as Readonly<Record<string, string | undefined>>;
  return {
    name: declared[1] as string,
    file,
    cases: readCases(declared[2] as string),
    widths: (words.widths?.split(',').map(Number) as Width[] | undefined) ?? suite.widths,
    domains: Number(words.domains ?? 1),
    vcpus: Number(words.vcpus ?? 1),
    memory: Number(words.memory ?? 8),
    endings: words.endings?.split(',').map(readEnding) ?? [{ word: undefined, kind: 'poweroff' }],
  };
}

/** "crash", or "code:crash" where the word is not the end itself. */
function readEnding(text: string): Ending {
  const [word, kind = word] = text.split(':') as [string, string?];
  return { word, kind };
}

function readCases(text: string): Case[] {
  const cases: Case[] = [];
  let width: Width | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('#ifdef __x86_64__')) width = 64;
    else if (line.startsWith('#ifdef __i386__')) width = 32;
    else if (line.startsWith('#endif')) width = undefined;
    for (const [, name] of line.matchAll(/\{"(\w+)",/g)) cases.push({ name: name as string, width });
  }
  return cases;
}

/** All tests, by name. */
export function guestTests(suite: Suite = XEN_4): GuestTest[] {
  const own = readdirSync(suite.folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => path.posix.join(suite.folder, name));
  const tests = [...own, ...suite.sharedTests].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.c'))
      .flatMap((file) => readTest(suite, path.posix.dirname(folder), `${path.posix.basename(folder)}/${file}`) ?? []),
  );
  return tests.sort((a, b) => (a.name < b.name ? -1 : 1));
}
