import { UserError } from '../../../base/user-error.ts';
import type { AbiVersion } from '../../common/domain.ts';

const DAMAGED = 'The file is damaged or was copied incompletely: fetch or build it again.';

export function emptyImage(): UserError {
  return new UserError('image.empty', 'The kernel image is empty.', DAMAGED);
}

export function unknownFormat(): UserError {
  return new UserError(
    'image.unknown-format',
    'The kernel image is neither an ELF file, a gzip-compressed one, nor a Linux bzImage.',
    'Give the file that Xen would boot as `kernel =`: a vmlinuz, a grub-x86_64-xen.bin, or your own linked kernel.',
  );
}

export function bzImageTooOld(version: number): UserError {
  const text = `${version >> 8}.${(version & 255).toString().padStart(2, '0')}`;
  return new UserError(
    'image.bzimage-too-old',
    `The bzImage has boot protocol ${text}; Xen needs 2.08 or newer to find the kernel inside.`,
    'Use the kernel as an ELF file (vmlinux), or Linux 2.6.26 or newer.',
  );
}

export function bzImageTruncated(end: number, size: number): UserError {
  return new UserError(
    'image.bzimage-truncated',
    `The bzImage says that its payload ends at byte ${end}, but the file has ${size} bytes.`,
    DAMAGED,
  );
}

export function unknownCompression(firstBytes: Uint8Array): UserError {
  const bytes = [...firstBytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return new UserError(
    'image.unknown-compression',
    `The kernel inside the bzImage is packed in a way that is not known here (it starts with ${bytes}).`,
    'Known are gzip, XZ, LZ4 and zstd. Rebuild the kernel with one of these (CONFIG_KERNEL_XZ …), or give its vmlinux.',
  );
}

export function corruptPayload(format: string, why: string): UserError {
  return new UserError('image.corrupt-payload', `The ${format} data in the image is corrupt: ${why}.`, DAMAGED);
}

export function unsupportedPayload(format: string, what: string): UserError {
  return new UserError(
    'image.unsupported-payload',
    `The ${format} data in the image uses ${what}, which is not supported here.`,
    'Pack it again with the options that the Linux build uses.',
  );
}

export function payloadTooLarge(format: string, size: number, limit: number): UserError {
  return new UserError(
    'image.payload-too-large',
    `The ${format} data in the image would unpack to ${size} bytes; more than ${limit} are not accepted.`,
    DAMAGED,
  );
}

export function notXen(): UserError {
  return new UserError(
    'image.not-xen',
    'The image is an ELF file but not a Xen guest: it has neither ELF notes with owner "Xen" nor a section __xen_guest.',
    'Build the kernel for Xen PV (Linux: CONFIG_XEN_PV), or add the notes (see XEN_ELFNOTE_… in public/elfnote.h).',
  );
}

export function wrongLoader(loader: string, guestOs: string): UserError {
  return new UserError(
    'image.wrong-loader',
    `The image asks for loader "${loader}" and names its system "${guestOs}"; Xen loads LOADER=generic or GUEST_OS=linux only.`,
    'Set LOADER to "generic" in the ELF notes or the __xen_guest section.',
  );
}

export function wrongXenVersion(version: string): UserError {
  return new UserError(
    'image.wrong-xen-version',
    `The image was built for "${version}"; the Xen 4 ABI wants "xen-3.0" in XEN_VERSION.`,
    'For a guest of Xen 1.2 or 2.0, say xen_abi = "1.2" or "2.0" in the configuration.',
  );
}

export function pvhOnly(): UserError {
  return new UserError(
    'image.pvh-only',
    'The image is a PVH or HVM guest: it has a PHYS32_ENTRY note but no paravirtualised entry.',
    'Use the PV build of the guest (for GRUB: grub-x86_64-xen.bin, not grub-i386-xen_pvh.bin).',
  );
}

export function paddrOffsetWithoutBase(): UserError {
  return new UserError(
    'image.paddr-offset-without-base',
    'The image sets PADDR_OFFSET but not VIRT_BASE.',
    'Set both ELF notes, or neither.',
  );
}

export function addressesOutOfBounds(what: string): UserError {
  return new UserError(
    'image.addresses-out-of-bounds',
    `The addresses of the image do not fit together: ${what}.`,
    'Compare VIRT_BASE, PADDR_OFFSET and ENTRY of the ELF notes with the program headers (`readelf -lnW`).',
  );
}

export function unsupportedFeature(feature: string): UserError {
  return new UserError(
    'image.unsupported-feature',
    `The image requires the Xen feature "${feature}", which does not exist.`,
    'Correct the FEATURES note of the image.',
  );
}

export function dom0Only(): UserError {
  return new UserError(
    'image.dom0-only',
    'The kernel requires the feature "dom0": it cannot run as an ordinary domain.',
    'Use a build that supports domU.',
  );
}

export function paeMissing(): UserError {
  return new UserError(
    'image.pae-missing',
    'The 32-bit image does not say PAE_MODE=yes; a 64-bit Xen runs 32-bit guests with PAE only.',
    'Build the guest with PAE and say so in its notes.',
  );
}

/** What a kernel for one interface finds different under another. */
const DIFFERENCES: Readonly<Record<AbiVersion, string>> = {
  '1.2':
    'Xen 1.2 numbers its hypercalls differently, takes virtual addresses in mmu_update, and has networks and disks in the hypervisor',
  '2.0':
    'Xen 2.0 has page tables of two levels, 32-bit kernels in ring 1 only, and console, disks and networks over the control interface',
  '4': 'Xen 4 has page tables of 64-bit entries, another start_info and shared_info, and console, disks and networks over xenstore',
};

/** `evidence`: what the image says of itself; undefined: nothing. */
export function wrongAbi(
  wanted: AbiVersion,
  evidence: { readonly abi: AbiVersion; readonly because: string } | undefined,
): UserError {
  const built =
    evidence === undefined
      ? 'The image does not say which Xen it was built for: it has neither ELF notes nor a section __xen_guest'
      : `The image was built for Xen ${evidence.abi} (${evidence.because})`;
  return new UserError(
    'image.wrong-abi',
    `${built}, but the configuration says xen_abi = "${wanted}". ${DIFFERENCES[wanted]}; a kernel for another interface cannot run there.`,
    evidence === undefined
      ? 'Give a kernel that was built for that interface.'
      : `Say xen_abi = "${evidence.abi}", or leave it out; or give a kernel that was built for Xen ${wanted}.`,
  );
}

export function not32Bit(abi: AbiVersion): UserError {
  return new UserError(
    'image.not-32-bit',
    `The image is for Xen ${abi}, which runs 32-bit kernels only, but it is a 64-bit ELF file.`,
    'Build the kernel for i386 (gcc -m32).',
  );
}
