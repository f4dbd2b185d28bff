/** Runs one test of the image on a machine of its own. */
import { readFileSync } from 'node:fs';
import type { HypercallRecord } from '../../../emulator/xen/common/trace.ts';
import { createMachine } from '../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../emulator/xen/toolstack/domain-config.ts';
import { type KernelImage, readKernelImage } from '../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import type { Suite } from './suites.ts';
import type { Ending, GuestTest } from './tests.ts';

export interface DomainOutcome {
  readonly console: string;
  /** The last line of the form "hypercalls/…: SUCCESS". */
  readonly verdict: string;
  /** "poweroff", "crash"…; undefined: it was still running at the end. */
  readonly end: string | undefined;
  readonly reason: string;
}

export interface Outcome {
  readonly domains: readonly DomainOutcome[];
  /** What reached the hypervisor. */
  readonly calls: readonly HypercallRecord[];
  /** What the hypervisor noted, for reading when something fails. */
  readonly notices: readonly string[];
}

/** Far above what any test needs; a test that hangs ends here. */
const MOST_INSTRUCTIONS = 200_000_000;
/** Virtual time that a test may sleep, in ns: watchdogs take seconds. */
const MOST_TIME = 60_000_000_000;

const images = new Map<string, KernelImage>();

function imageOf(file: string): KernelImage {
  const known = images.get(file) ?? readKernelImage(new Uint8Array(readFileSync(file)));
  images.set(file, known);
  return known;
}

/** `files`: the image of each domain; one for all. */
export async function runTest(
  files: string | readonly string[],
  { abi }: Suite,
  test: GuestTest,
  { word }: Ending,
): Promise<Outcome> {
  const domains = Array.from({ length: test.domains }, (_, index) => {
    const peer = test.domains === 2 ? 2 - index : 0;
    const words = [
      `test=${test.name}`,
      `domid=${index + 1}`,
      `peer=${peer}`,
      word === undefined ? '' : `ending=${word}`,
    ];
    const { config } = domainConfigFromKeys({
      kernel: 'hypercalls.elf',
      abi,
      name: `domain${index + 1}`,
      memory: test.memory,
      vcpus: test.vcpus,
      cmdline: words.join(' ').trim(),
    });
    const image = imageOf(typeof files === 'string' ? files : (files[index] as string));
    return { config, image, ramdisk: undefined, warnings: [] };
  });
  const machine = await bootDomains({ domains, createMachine });
  try {
    return runMachine(machine);
  } finally {
    machine.dispose();
  }
}

function runMachine(machine: Machine): Outcome {
  const { hypervisor } = machine;
  const calls: HypercallRecord[] = [];
  const notices: string[] = [];
  const consoles = new Map<number, string>();
  hypervisor.trace = {
    hypercall: (record) => {
      if (record.result !== undefined) calls.push(record);
    },
    notice: (domain, text) => {
      notices.push(`domain ${domain.domid}: ${text}`);
    },
  };
  machine.onConsole(({ domain, bytes }) => {
    consoles.set(domain.domid, (consoles.get(domain.domid) ?? '') + new TextDecoder().decode(bytes));
  });
  while (hypervisor.clock.instructions < MOST_INSTRUCTIONS && hypervisor.clock.now() < MOST_TIME) {
    const result = machine.run(1_000_000);
    if (result.kind === 'ended' && !machine.domains.some(({ domain }) => domain.alive)) break;
    if (result.kind === 'idle' && !hypervisor.skipToNextDeadline()) break;
  }
  // A test that closed its console's port leaves its last words in the ring.
  for (const { console } of machine.domains) console.sendInput(new Uint8Array());
  const domains = machine.domains.map(({ domain }) => {
    const console = consoles.get(domain.domid) ?? '';
    const { shutdown } = domain;
    return {
      console,
      verdict: console.match(/^hypercalls\/.*: (SUCCESS|FAILURE: .*)$/gm)?.at(-1) ?? `no verdict: ${console}`,
      end: shutdown?.kind,
      reason: shutdown?.reason ?? '',
    };
  });
  return { domains, calls, notices };
}
