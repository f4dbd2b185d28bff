/**
 * JSON schema of `launch.json` for type "xen". Mirrors debug-adapter/protocol/launch-configuration.ts, which is the
 * adapter's side of the same agreement; a test holds the two key lists together.
 */

const text = (description: string) => ({ type: 'string', markdownDescription: description });
const number = (description: string, more: object = {}) => ({
  type: 'integer',
  markdownDescription: description,
  ...more,
});
const texts = (description: string) => ({ type: 'array', items: { type: 'string' }, markdownDescription: description });

/** One domain, in the words of xl.cfg(5). */
export const domainProperties = {
  name: text('Name of the domain; appears in the call stack and on the console terminal.'),
  kernel: text('Kernel image: an ELF file with Xen notes (or a `__xen_guest` section), or a bzImage.'),
  ramdisk: text('Initial RAM disk, handed to the kernel as it is.'),
  cmdline: text('Kernel command line, for example `console=hvc0`.'),
  memory: number('Memory of the domain in MiB.', { minimum: 1, default: 256 }),
  vcpus: number('Number of virtual CPUs.', { minimum: 1, default: 1 }),
  disks: texts('Disks, as xl-disk-configuration(5) spells them.'),
  vifs: texts('Network interfaces, as xl-network-configuration(5) spells them.'),
  abi: {
    enum: ['1.2', '2.0', '4'],
    markdownDescription: 'Xen ABI that the kernel is built for, where its image does not tell.',
  },
} as const;

export const launchProperties = {
  config: text(
    'An xl.cfg file that describes the domain, instead of the keys here. Paths in it start from its folder.',
  ),
  ...domainProperties,
  domains: {
    type: 'array',
    items: { anyOf: [{ type: 'string' }, { type: 'object', properties: domainProperties }] },
    markdownDescription:
      'Several domains at once: each the path of an xl.cfg, or an object with the keys of one domain.',
  },
  stopOnEntry: {
    type: 'boolean',
    default: false,
    markdownDescription: 'Stop before the first instruction of the guest.',
  },
  pace: {
    enum: ['wall', 'free'],
    enumDescriptions: [
      'Virtual time keeps to the clock on the wall: an idle guest costs nothing, time-outs do not fire while you type.',
      'As fast as it goes: idle time is skipped.',
    ],
    default: 'wall',
    markdownDescription: 'How virtual time relates to real time.',
  },
  trace: {
    type: 'array',
    items: { enum: ['hypercalls', 'events', 'grants', 'exceptions', 'xenstore', 'control'] },
    markdownDescription: 'What to trace, decoded, into the debug console.',
  },
  symbols: {
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
    markdownDescription: 'ELF files with symbols, for a kernel image that was stripped of its own.',
  },
  sourceMap: {
    type: 'object',
    additionalProperties: { type: 'string' },
    markdownDescription:
      'Where source files are that debugging information names otherwise: prefixes of its paths, and what to put in ' +
      'their place, for example `{ "/build/linux-6.1": "${workspaceFolder}/linux" }`.',
  },
  seed: number('Seed for where machine frames are placed. The same seed gives the same run, to the instruction.'),
} as const;
