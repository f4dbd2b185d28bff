/** A machine in this very process, for tests that plug devices or take snapshots while it runs. */

import { openDisk } from '../../../emulator/host/node/file-disk.ts';
import { readFile } from '../../../emulator/host/node/files.ts';
import { createMachine } from '../../../emulator/xen/toolstack/create-machine.ts';
import { loadDomainKeys } from '../../../emulator/xen/toolstack/load-domain.ts';
import { bootDomains, type Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import type { CpioEntry } from '../../support/cpio.ts';
import { busyboxInitramfs, debianCloudKernel, debianCloudModule } from '../../support/guests.ts';

const RUN_INSTRUCTIONS = 20_000_000;
/** Virtual: a guest that has not said what is awaited by then never will. */
const PATIENCE = 60e9;

/** Debian's kernel for clouds, whose ext4 is built in, and xen-blkfront loaded from an initramfs of ours. */
export interface DebianKeys {
  readonly kernel: string;
  readonly ramdisk: string;
  readonly cmdline: string;
  readonly memory: number;
  readonly vcpus?: number;
  readonly vifs?: readonly string[];
}

export function debianWithBlkfront(commands: readonly string[] = [], files: readonly CpioEntry[] = []): DebianKeys {
  const module = { name: 'xen-blkfront.ko', mode: 0o100644, contents: debianCloudModule('xen-blkfront.ko') };
  const ramdisk = busyboxInitramfs({ commands: ['insmod /xen-blkfront.ko', ...commands], files: [module, ...files] });
  return { kernel: debianCloudKernel(), ramdisk, cmdline: 'console=hvc0 quiet', memory: 128 };
}

export class GuestConsole {
  text = '';
  private seen = 0;

  constructor(readonly machine: Machine) {
    machine.onConsole(({ bytes }) => {
      this.text += Buffer.from(bytes).toString('latin1');
    });
  }

  type(text: string): void {
    // Its number changes when it is migrated.
    this.machine.sendConsole(this.machine.domains[0]?.domain.domid ?? 1, Buffer.from(text));
  }

  /** Runs until the console has said this since the last wait; what it said up to there. */
  wait(text: string): string {
    const until = this.machine.clock.now() + PATIENCE;
    for (;;) {
      const at = this.text.indexOf(text, this.seen);
      if (at >= 0) {
        const said = this.text.slice(this.seen, at);
        this.seen = at + text.length;
        return said;
      }
      const result = this.machine.run(RUN_INSTRUCTIONS);
      const over = result.kind === 'ended' || (result.kind === 'idle' && !this.machine.skipToNextDeadline());
      if ((over && !this.text.includes(text, this.seen)) || this.machine.clock.now() > until) {
        throw new Error(`the guest did not say ${JSON.stringify(text)}: ${this.text.slice(-2000)}`);
      }
    }
  }

  /** Types a command line and answers what it printed. */
  run(command: string): string {
    const number = this.machine.clock.instructions;
    // Quoted so that the echo of what is typed is not taken for the answer.
    this.type(`echo be''gin-${number}; ${command}; echo en''d-${number}\n`);
    this.wait(`begin-${number}\r\n`);
    return this.wait(`end-${number}`);
  }
}

export async function bootInProcess(keys: DebianKeys, disks: readonly string[], folder: string): Promise<GuestConsole> {
  const domain = await loadDomainKeys(readFile, { ...keys, disks }, folder);
  return new GuestConsole(await bootDomains({ domains: [domain], createMachine, openDisk }));
}
