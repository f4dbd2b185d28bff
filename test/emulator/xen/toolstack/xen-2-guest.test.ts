/** A kernel of a few instructions for Xen 2.0, put together by hand, from its image to its shutdown. */
import { describe, expect, test } from 'vitest';
import type { Mfn } from '../../../../emulator/base/numbers.ts';
import { UserError } from '../../../../emulator/base/user-error.ts';
import { readElf } from '../../../../emulator/elf/elf-file.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import {
  machineFromSnapshot,
  readSnapshot,
  takeSnapshot,
} from '../../../../emulator/xen/toolstack/machine-snapshot.ts';
import { buildElf, text } from '../../elf/build-elf.ts';
import { grubLike } from './synthetic-kernels.ts';

const BASE = 0xc0100000;
/**
 * Prints, looks up page 0 in P2M and M2P, sets a trap table, reads at Xen's limit (#GP) and at an unmapped address (#PF,
 * whose frame has CR2 below the error code), prints, powers off; crash code 3 when anything is not as it should be.
 */
const CODE =
  'fc89f5ba001010c0b91200000031dbb812000000cd828b45288b008b0485000000fc85c07545b81100000031dbcd823d000002007535' +
  'b800000000bb201010c0cd82a1000040fca100100000ba121010c0b90b00000031dbb812000000cd82b806000000bb02000000cd82' +
  'b806000000bb02030000cd8283c404c70424470010c0cf813c240010000075e083c408c704244c0010c0cf';
const DATA = Buffer.concat([
  Buffer.from('hello from ring 1\ntraps work\n'),
  Buffer.from([0, 0, 0]),
  // Trap table: 13 and 14 in FLAT_RING1_CS.
  Buffer.from('0d001908 770010c0 0e001908 820010c0 0000000000000000'.replaceAll(' ', ''), 'hex'),
]);

type Sections = NonNullable<Parameters<typeof buildElf>[0]['sections']>;

function kernel(
  guest = 'GUEST_OS=tiny,XEN_VER=2.0,VIRT_BASE=0xC0000000,LOADER=generic',
  sections: Sections = [],
): Uint8Array {
  return buildElf({
    elfClass: 32,
    entry: BASE,
    segments: [
      { paddr: BASE, vaddr: BASE, bytes: Buffer.from(CODE, 'hex') },
      { paddr: BASE + 0x1000, vaddr: BASE + 0x1000, bytes: DATA },
    ],
    sections: [{ name: '__xen_guest', type: 1, bytes: text(guest) }, ...sections],
  });
}

async function boot(file = kernel()): Promise<Awaited<ReturnType<typeof bootDomains>>> {
  const { config } = domainConfigFromKeys({ kernel: 'tiny', memory: 16 });
  const loaded = { config, image: readKernelImage(file), ramdisk: undefined, warnings: [] };
  return bootDomains({ domains: [loaded], createMachine });
}

describe('a Xen 2.0 domain', () => {
  test('boots, prints through console_io, takes its traps, and powers itself off', async () => {
    const machine = await boot();
    let printed = '';
    machine.onConsole(({ bytes }) => {
      printed += new TextDecoder().decode(bytes);
    });
    const result = machine.run(1000);
    expect(printed).toBe('hello from ring 1\ntraps work\n');
    expect(result.kind).toBe('ended');
    expect(machine.domains[0]?.domain.shutdown).toMatchObject({ kind: 'poweroff', code: 0 });
    machine.dispose();
  });

  test('is laid out as setup_guestos does it', async () => {
    const machine = await boot();
    // 16 MB: 4096 words of P2M; two tables map the first 4 MiB.
    expect(machine.domains[0]?.layout).toMatchObject({
      start: 0xc0000000,
      p2m: 0xc0102000,
      pageTables: 0xc0106000,
      tables: 2,
      startInfo: 0xc0108000,
      bootStack: 0xc0109000,
      end: 0xc0400000,
    });
    machine.dispose();
  });

  test('with BSD_SYMTAB has its symbols behind the kernel, before all else', async () => {
    const guest = 'GUEST_OS=netbsd,GUEST_VER=2.0,XEN_VER=2.0,VIRT_BASE=0xC0000000,LOADER=generic,BSD_SYMTAB';
    const symbols = [
      { name: '.strtab', type: 3, bytes: text('\0main') },
      { name: '.symtab', type: 2, bytes: new Uint8Array(32).fill(7), link: 2 },
    ];
    const machine = await boot(kernel(guest, symbols));
    const { domain, layout } = machine.domains[0] as (typeof machine.domains)[number];
    const { ram } = machine.hypervisor;
    // The kernel ends behind its second page's data; the first word is the size of what follows.
    const at = Math.ceil((0x101000 + DATA.length) / 4) * 4;
    const page = Buffer.from(ram.frame(domain.p2m[at >>> 12] as Mfn));
    const offset = at & 0xfff;
    const found = readElf(new Uint8Array(page.subarray(offset + 4, offset + 4 + page.readUInt32LE(offset))));
    const table = found.sections.find(({ type }) => type === 2);
    expect(found.reader.slice(table?.offset ?? 0, 32)).toEqual(new Uint8Array(32).fill(7));
    const strings = found.sections.find(({ index }) => index === table?.link);
    expect(Buffer.from(found.reader.slice(strings?.offset ?? 0, 5)).toString()).toBe('\0main');
    expect(layout).toMatchObject({ p2m: 0xc0102000 });
    machine.dispose();
  });

  test('goes on from a snapshot just as it went on without', async () => {
    const machine = await boot();
    machine.run(21);
    const pieces = takeSnapshot(machine);
    const snapshot = readSnapshot(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
    const finish = (of: typeof machine): string => {
      expect(of.run(1000).kind).toBe('ended');
      return `${of.clock.instructions} ${of.memoryHash()}`;
    };
    const straight = finish(machine);
    expect(finish(await machineFromSnapshot(createMachine, snapshot))).toBe(straight);
    machine.dispose();
  });

  test('a kernel for another interface is refused in words', () => {
    const refused = (image: Uint8Array, abi: '2.0' | '4'): UserError => {
      try {
        readKernelImage(image, abi);
      } catch (error) {
        if (error instanceof UserError) return error;
      }
      throw new Error('the image was not refused');
    };
    const old = refused(kernel(), '4');
    expect(old.id).toBe('image.wrong-abi');
    expect(old.message).toMatch(/built for Xen 2\.0 \(its section __xen_guest says XEN_VER=2\.0\)/);
    expect(refused(grubLike(32), '2.0').message).toMatch(/built for Xen 4 \(it has ELF notes with owner "Xen"\)/);
  });
});
