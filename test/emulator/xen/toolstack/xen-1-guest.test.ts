/** A kernel of a few instructions for Xen 1.2, put together by hand, from its flat image to its exit. */
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../emulator/base/user-error.ts';
import { createMachine } from '../../../../emulator/xen/toolstack/create-machine.ts';
import { domainConfigFromKeys } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { buildElf, text } from '../../elf/build-elf.ts';

/**
 * Prints; sets its callbacks; maps the shared info page over one of its own, by mmu_update with the *virtual* address of
 * the page-table entry; enables the timer event; sleeps until it has come twice (the handler checks that Xen has taken
 * away the event's enable bit and bit 31); prints; exits. ud2 when anything is not as it should be.
 */
const CODE =
  'fc89f5b802000000bb001000c0b90f000000cd8285c00f8593000000b805000000bb19080000b9b10000c0ba19080000beaf0000c0cd82' +
  '8b7d108b450483c823a3241000c08d8700f0ffffb9002000c0c1e90c81e1ff0300008d0488a3201000c0b801000000bb201000c0b90200' +
  '0000cd8285c07539c705042000c002000080b80800000031dbcd82833d301000c00272eeb802000000bb0f1000c0b90a000000cd82b808' +
  '000000bb01000000cd820f0b833d042000c00075f531c08705002000c083f80275e8ff05301000c0c705042000c002000080cf';

function kernel(): Uint8Array {
  const image = Buffer.alloc(12 + 3 * 4096);
  image.write('XenoGues', 0);
  image.writeUInt32LE(0xc0000000, 8);
  Buffer.from(CODE, 'hex').copy(image, 12);
  image.write('hello from 1.2\ntwo ticks\n', 12 + 4096);
  // A TLB flush, with an address in RAM as it must be: the second request of the list.
  image.writeUInt32LE(0x40000003, 12 + 4096 + 0x28);
  image.writeUInt32LE(6, 12 + 4096 + 0x2c);
  return image;
}

async function boot(): Promise<Machine> {
  const { config } = domainConfigFromKeys({ kernel: 'tiny', memory: 4 });
  const loaded = { config, image: readKernelImage(kernel()), ramdisk: undefined, warnings: [] };
  return bootDomains({ domains: [loaded], createMachine });
}

describe('a Xen 1.2 domain', () => {
  test('boots, prints, maps its shared info, is told of time, and exits', async () => {
    const machine = await boot();
    let printed = '';
    machine.onConsole(({ bytes }) => {
      printed += new TextDecoder().decode(bytes);
    });
    let result = machine.run(1000);
    while (result.kind === 'idle' && machine.skipToNextDeadline()) result = machine.run(1000);
    expect(printed).toBe('hello from 1.2\ntwo ticks\n');
    expect(machine.domains[0]?.domain.shutdown).toMatchObject({ kind: 'poweroff' });
    // Every 20 ms.
    expect(Math.floor(machine.clock.now() / 1e6)).toBe(40);
    machine.dispose();
  });

  test('is laid out as setup_guestos does it', async () => {
    const machine = await boot();
    // 4 MB are 1024 pages: one table, the directory above it; start info two below.
    expect(machine.domains[0]?.layout).toMatchObject({
      directory: 0xc03ff000,
      pageTables: 0xc03fe000,
      startInfo: 0xc03fc000,
    });
    machine.dispose();
  });

  test('takes an ELF file that says so, and refuses one for another Xen', () => {
    const elf = (guest: string): Uint8Array =>
      buildElf({
        elfClass: 32,
        entry: 0xc0000000,
        segments: [{ paddr: 0xc0000000, vaddr: 0xc0000000, bytes: new Uint8Array(16) }],
        sections: [{ name: '__xen_guest', type: 1, bytes: text(guest) }],
      });
    const both = elf('GUEST_OS=x,XEN_VER=2.0,XEN_VER=1.2,LOADER=generic');
    expect(readKernelImage(both).guestType).toBe('xen-2.0');
    expect(readKernelImage(both, '1.2').guestType).toBe('xen-1.2');
    expect(readKernelImage(both, '2.0').guestType).toBe('xen-2.0');
    expect(() => readKernelImage(elf('GUEST_OS=x,XEN_VER=2.0,LOADER=generic'), '1.2')).toThrow(UserError);
    expect(() => readKernelImage(kernel(), '2.0')).toThrow(/built for Xen 1\.2 \(it starts with "XenoGues"\)/);
  });
});
