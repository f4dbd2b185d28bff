import { buildElf, concatenate, text, u32, u64 } from '../../elf/build-elf.ts';

/** Kernels with the very addresses and notes of real ones, but no code: their layout must be the real one's. */

/** Debian's Linux 6.1: `readelf -ln` of its vmlinux. */
export function linuxLike(): Uint8Array {
  return buildElf({
    entry: 0x1000000,
    segments: [{ paddr: 0x1000000, vaddr: -0x7f000000, bytes: new Uint8Array(16), memorySize: 0x3a00000 }],
    notes: [
      { type: 6, description: text('linux') },
      { type: 7, description: text('2.6') },
      { type: 5, description: text('xen-3.0') },
      { type: 3, description: u64(0xffffffff80000000n) },
      { type: 15, description: u64(0x8000000000n) },
      { type: 1, description: u64(0xffffffff83000000n) },
      { type: 10, description: text('!writable_page_tables') },
      { type: 9, description: text('yes') },
      { type: 8, description: text('generic') },
      { type: 14, description: u32(1) },
      { type: 16, description: u32(1) },
      { type: 4, description: u64(0n) },
    ],
  });
}

export const GRUB_64_END = 0x613dc8;
export const GRUB_32_END = 0x5810c4;

export function grubLike(elfClass: 32 | 64): Uint8Array {
  const end = elfClass === 64 ? GRUB_64_END : GRUB_32_END;
  return buildElf({
    elfClass,
    entry: 0,
    segments: [{ paddr: 0, bytes: new Uint8Array(16), memorySize: end }],
    notes: [
      { type: 6, description: text('GRUB') },
      { type: 8, description: text('generic') },
      { type: 5, description: text('xen-3.0') },
      ...(elfClass === 32 ? [{ type: 9, description: text('yes,bimodal[extended-cr3]') }] : []),
    ],
  });
}

/** GNU Mach: notes with a foreign owner, so that only the old string counts. */
export function machLike(): Uint8Array {
  const guest =
    'GUEST_OS=GNU Mach,GUEST_VERSION=1.3,XEN_VER=xen-3.0,VIRT_BASE=0x40000000,ELF_PADDR_OFFSET=0x40000000,' +
    'HYPERCALL_PAGE=0x2,LOADER=generic,PAE=yes[extended-cr3]';
  return buildElf({
    entry: 0x40000000,
    segments: [{ paddr: 0x40000000, bytes: new Uint8Array(16), memorySize: 0xa19f0 }],
    notes: [{ owner: 'GNU', type: 3, description: u64(1n) }],
    sections: [{ name: '__xen_guest', type: 1, bytes: text(guest) }],
  });
}

/** A bzImage around `payload`, with the 4 bytes of unpacked size that the Linux build appends (not for gzip). */
export function wrapBzImage(payload: Uint8Array, unpackedSize: number | undefined): Uint8Array {
  const header = new Uint8Array(5 * 512);
  const view = new DataView(header.buffer);
  header[0x1f1] = 4;
  header.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, 0x20f, true);
  const whole = unpackedSize === undefined ? payload : concatenate(payload, u32(unpackedSize));
  view.setUint32(0x248, 0, true);
  view.setUint32(0x24c, whole.length, true);
  return concatenate(header, whole);
}
