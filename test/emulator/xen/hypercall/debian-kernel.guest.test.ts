import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { loadDomainFile } from '../../../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { configFile } from '../../../guests/xenoscope.ts';
import { BOOT_MARKER, busyboxInitramfs, debianKernel } from '../../../support/guests.ts';
import { orSkip } from '../../../support/skip.ts';
import { findViolations } from '../common/invariants.ts';

/**
 * What Debian's 6.1 kernel asked of an instrumented real Xen 4.17 as a domU with one vCPU
 * (reference traces/xen-4.17-hypercalls-per-guest.txt, line "deb"), boot to prompt and a look at /sys/hypervisor.
 */
const ON_REAL_XEN: Readonly<Record<string, readonly number[]>> = {
  callback_op: [0],
  console_io: [],
  event_channel_op: [1, 4, 7, 8, 9, 11, 12, 13],
  fpu_taskswitch: [],
  grant_table_op: [2, 6, 8],
  iret: [],
  memory_op: [9, 12],
  mmu_update: [],
  mmuext_op: [],
  multicall: [],
  physdev_op: [6, 28],
  sched_op: [0, 1],
  set_debugreg: [],
  set_gdt: [],
  set_segment_base: [],
  set_trap_table: [],
  stack_switch: [],
  update_descriptor: [],
  update_va_mapping: [],
  vcpu_op: [3, 5, 7, 8, 9, 10],
  vm_assist: [],
  xen_version: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10],
  xenpmu_op: [],
};

/** Something to wait for, so that the kernel blocks. */
const SLEEP_A_LITTLE = [
  [BOOT_MARKER, "usleep 50000; echo sle''pt\n"],
  ['slept', ''],
] as const;

const LIMIT = 6_000_000_000;

/** Boots with so many vCPUs; runs until the console shows each text, typing the line that belongs to it. */
async function boot(
  vcpus: number,
  script: readonly (readonly [text: string, line: string])[],
  prepare: (machine: Machine) => void,
): Promise<{ machine: Machine; output: string }> {
  const settings = {
    name: 'debian',
    kernel: debianKernel(),
    ramdisk: busyboxInitramfs(),
    memory: 256,
    vcpus,
    extra: 'console=hvc0',
  };
  const domain = await loadDomainFile(
    async (file) => new Uint8Array(readFileSync(file)),
    configFile(settings),
    undefined,
  );
  const machine = await bootDomains({ domains: [domain], createMachine });
  prepare(machine);
  let output = '';
  machine.onConsole(({ bytes }) => {
    output += Buffer.from(bytes).toString('latin1');
  });
  const { hypervisor } = machine;
  let seen = 0;
  for (const [text, line] of script) {
    while (!output.slice(seen).includes(text)) {
      const result = hypervisor.run(5_000_000);
      if (result.kind === 'ended' || hypervisor.clock.instructions > LIMIT)
        throw new Error(`no "${text}" in:\n${output}`);
      if (result.kind === 'idle' && !hypervisor.skipToNextDeadline()) throw new Error(`idle for ever, no "${text}"`);
    }
    seen = output.length;
    machine.domains[0]?.console.sendInput(Buffer.from(line));
  }
  return { machine, output };
}

describe("Debian's kernel on this hypervisor", () => {
  test('asks for what it asked of a real Xen 4.17, and nothing is refused that was not refused there', async (context) => {
    orSkip(context, debianKernel);
    const unknown = new Set<string>();
    const made = new Map<string, Set<number>>();
    const refused = new Set<string>();
    const { machine } = await boot(1, SLEEP_A_LITTLE, ({ hypervisor }) => {
      hypervisor.trace = {
        hypercall: (record) => {
          const known = ON_REAL_XEN[record.name];
          const command = /\((\d+)\)$/.exec(record.arguments[0]?.value ?? '')?.[1];
          const isOperation = known !== undefined && known.length > 0;
          if (known === undefined || (isOperation && !known.includes(Number(command)))) {
            unknown.add(`${record.name}.${record.suboperation}`);
          }
          if (!made.has(record.name)) made.set(record.name, new Set());
          made.get(record.name)?.add(Number(command));
          const errno = record.result?.errno;
          if (errno !== undefined) refused.add(`${record.name}.${record.suboperation ?? ''} ${errno}`);
        },
      };
    });
    expect([...unknown]).toEqual([]);
    // Those of the list that do not depend on what is typed at the prompt.
    const missing = Object.keys(ON_REAL_XEN).filter((name) => !made.has(name));
    expect(missing).toEqual([]);
    for (const [name, numbers] of [
      ['event_channel_op', [1, 4, 7, 8, 11, 12, 13]],
      ['vcpu_op', [3, 5, 7, 8, 9, 10]],
      ['grant_table_op', [2, 6, 8]],
      ['physdev_op', [6, 28]],
    ] as const) {
      expect([...(made.get(name) ?? [])], name).toEqual(expect.arrayContaining([...numbers]));
    }
    // Early console (no domU may), vCPUs that are not there, no PMU: as in the transcript's kernel messages.
    expect([...refused].sort()).toEqual(['console_io. EPERM', 'vcpu_op.is_up ENOENT', 'xenpmu_op. EOPNOTSUPP']);
    expect(findViolations(machine.hypervisor)).toEqual([]);
  });

  test('brings up two vCPUs that share the work, every frame accounted for', async (context) => {
    orSkip(context, debianKernel);
    const job = '(dd if=/dev/zero bs=1M count=4 2>/dev/null | md5sum) &';
    const { machine, output } = await boot(
      2,
      [
        [BOOT_MARKER, `for i in 1 2 3 4; do ${job} done; wait; grep -c ^processor /proc/cpuinfo; echo all''done\n`],
        ['alldone', '\n'],
      ],
      () => {},
    );
    expect(output).toContain('Brought up 1 node, 2 CPUs');
    // md5 of 4 MiB of zeros, by coreutils on another machine.
    expect(output.split('b5cfa9d6c8febd618f91ac2843d50a1c').length - 1).toBe(4);
    expect(output).toMatch(/\n2\r?\n/);
    const [first, second] = machine.domains[0]?.domain.vcpus ?? [];
    expect([first?.runstateTimes[0], second?.runstateTimes[0]].every((time) => (time ?? 0) > 20_000_000)).toBe(true);
    expect(findViolations(machine.hypervisor)).toEqual([]);
  });
});
