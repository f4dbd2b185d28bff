/**
 * From the bytes of a `kernel =` file to what the domain builder needs: bzImage and gzip unwrapped, ELF read, notes
 * interpreted, addresses checked (libelf's elf_xen_note_check and elf_xen_addr_calc_check).
 */
import { formatAddress } from '../../../base/numbers.ts';
import { ByteReader } from '../../../elf/byte-reader.ts';
import { EM_386, SHT_DYNSYM, SHT_SYMTAB } from '../../../elf/constants.ts';
import { type ElfFile, isElf, loadableSegments, type ProgramHeader, readElf } from '../../../elf/elf-file.ts';
import type { AbiVersion } from '../../common/domain.ts';
import { bsdSymbols, bsdSymbolsAt } from './bsd-symbols.ts';
import { readBzImage } from './bzimage.ts';
import {
  addressesOutOfBounds,
  dom0Only,
  emptyImage,
  paddrOffsetWithoutBase,
  paeMissing,
  pvhOnly,
  unknownFormat,
  wrongAbi,
  wrongLoader,
  wrongXenVersion,
} from './errors.ts';
import { isGzip, unpackGzip } from './gzip.ts';
import { chooseAbi } from './image-abi.ts';
import { type ImageParameters, readImageParameters } from './image-parameters.ts';
import { isXenoGuest, readXen1Elf, readXen2Image, readXenoGuest } from './old-images.ts';
import { type PayloadFormat, payloadFormat, unpackPayload } from './payload.ts';

export type GuestType = 'xen-3.0-x86_64' | 'xen-3.0-x86_32p' | 'xen-2.0' | 'xen-1.2';

export interface KernelImage {
  readonly guestType: GuestType;
  readonly container: 'ELF' | 'bzImage' | 'gzip' | 'XenoGues';
  readonly compression: PayloadFormat;
  readonly elf: ElfFile;
  readonly parameters: ImageParameters;
  /** Virtual address of pfn 0. */
  readonly virtBase: number;
  /** First and one-past-last address of the loaded kernel, with the symbols that BSD_SYMTAB asks for. */
  readonly virtKernelStart: number;
  readonly virtKernelEnd: number;
  readonly virtEntry: number;
  /** Add to a segment's `physicalAddress` to get its virtual address. */
  readonly virtOffset: number;
  readonly segments: readonly ProgramHeader[];
}

/** Unwraps bzImage and gzip. @throws UserError */
export function unwrapKernel(bytes: Uint8Array): {
  readonly elf: Uint8Array;
  readonly container: KernelImage['container'];
  readonly compression: PayloadFormat;
} {
  if (bytes.length === 0) throw emptyImage();
  if (isElf(bytes)) return { elf: bytes, container: 'ELF', compression: 'none' };
  if (isXenoGuest(bytes)) return { elf: bytes, container: 'XenoGues', compression: 'none' };
  if (isGzip(bytes)) {
    const unpacked = unpackGzip(bytes);
    if (!isElf(unpacked) && !isXenoGuest(unpacked)) throw unknownFormat();
    return { elf: unpacked, container: 'gzip', compression: 'gzip' };
  }
  const bzImage = readBzImage(bytes);
  if (bzImage === undefined) throw unknownFormat();
  return {
    elf: unpackPayload(bzImage.payload),
    container: 'bzImage',
    compression: payloadFormat(bzImage.payload) ?? 'none',
  };
}

/** `abi`: what the image must be built for; undefined: whatever it says. @throws UserError `elf.*`, `image.*` */
export function readKernelImage(bytes: Uint8Array, abi?: AbiVersion): KernelImage {
  const unwrapped = unwrapKernel(bytes);
  if (isXenoGuest(unwrapped.elf)) {
    if (abi !== undefined && abi !== '1.2') throw wrongAbi(abi, { abi: '1.2', because: 'it starts with "XenoGues"' });
    return readXenoGuest(unwrapped.elf, unwrapped);
  }
  const elf = readElf(unwrapped.elf);
  const version = chooseAbi(elf, abi);
  if (version === '2.0') return readXen2Image(elf, unwrapped);
  if (version === '1.2') return readXen1Elf(elf, unwrapped);
  // Before the notes, which often lie at the end: a file that was cut short should be told so.
  const segments = loadableSegments(elf);
  const parameters = readImageParameters(elf);
  checkParameters(parameters);
  const guestType = guestTypeOf(elf, parameters);
  const virtBase = parameters.virtBase ?? 0;
  // With the older section, paddr is taken to be relative to virt_base; with notes, to 0.
  const paddrOffset = parameters.paddrOffset ?? (parameters.source === 'notes' ? 0 : virtBase);
  const virtOffset = virtBase - paddrOffset;
  const start = Math.min(...segments.map((segment) => segment.physicalAddress)) + virtOffset;
  const loadEnd = Math.max(...segments.map((segment) => segment.physicalAddress + segment.memorySize)) + virtOffset;
  const symbols = parameters.bsdSymtab ? bsdSymbols(elf)?.length : undefined;
  const end = symbols === undefined ? loadEnd : bsdSymbolsAt(loadEnd, elf) + symbols;
  const image: KernelImage = {
    guestType,
    container: unwrapped.container,
    compression: unwrapped.compression,
    elf,
    parameters,
    virtBase,
    virtKernelStart: start,
    virtKernelEnd: end,
    virtEntry: parameters.entry ?? elf.entry,
    virtOffset,
    segments,
  };
  checkAddresses(image);
  return image;
}

/**
 * What a running domain's image is still good for: its symbols. A stripped one lets go of its contents, which are as
 * large as the kernel (64 MB for Debian's).
 */
export function keepSymbolsOnly(image: KernelImage): KernelImage {
  const hasSymbols = image.elf.sections.some(({ type }) => type === SHT_SYMTAB || type === SHT_DYNSYM);
  if (hasSymbols) return image;
  return { ...image, elf: { ...image.elf, reader: new ByteReader(new Uint8Array(0)), sections: [] } };
}

function checkParameters(parameters: ImageParameters): void {
  const loadable = parameters.loader.startsWith('generic') || parameters.guestOs.startsWith('linux');
  if (!loadable) {
    if (parameters.phys32Entry !== undefined) throw pvhOnly();
    throw wrongLoader(parameters.loader, parameters.guestOs);
  }
  if (!parameters.xenVersion.startsWith('xen-3.0')) throw wrongXenVersion(parameters.xenVersion);
  if (parameters.requiredFeatures.includes('dom0')) throw dom0Only();
  if (parameters.paddrOffset !== undefined && parameters.virtBase === undefined) throw paddrOffsetWithoutBase();
}

function guestTypeOf(elf: ElfFile, parameters: ImageParameters): GuestType {
  if (elf.machine !== EM_386) return 'xen-3.0-x86_64';
  if (!parameters.paeMode.startsWith('yes') && !parameters.paeMode.includes('bimodal')) throw paeMissing();
  return 'xen-3.0-x86_32p';
}

/** Addresses above this (in magnitude) are not 48-bit ones. */
const CANONICAL_LIMIT = 2 ** 47;

function checkAddresses(image: KernelImage): void {
  const { virtBase, virtKernelStart, virtKernelEnd, virtEntry } = image;
  const named = { VIRT_BASE: virtBase, 'kernel start': virtKernelStart, 'kernel end': virtKernelEnd, ENTRY: virtEntry };
  for (const [name, address] of Object.entries(named)) {
    if (!Number.isSafeInteger(address) || address < -CANONICAL_LIMIT || address >= CANONICAL_LIMIT) {
      throw addressesOutOfBounds(`${name} is not a 48-bit address`);
    }
  }
  const range = `${formatAddress(virtKernelStart)} … ${formatAddress(virtKernelEnd)}`;
  if (virtEntry < virtKernelStart || virtEntry > virtKernelEnd) {
    throw addressesOutOfBounds(`the entry ${formatAddress(virtEntry)} is outside the kernel ${range}`);
  }
  if (virtBase > virtKernelStart) {
    throw addressesOutOfBounds(`VIRT_BASE ${formatAddress(virtBase)} is above the kernel ${range}`);
  }
  if (virtBase % 4096 !== 0) throw addressesOutOfBounds(`VIRT_BASE ${formatAddress(virtBase)} is not page aligned`);
  const initP2m = image.parameters.initP2m;
  if (initP2m !== undefined && initP2m >= virtKernelStart && initP2m < virtKernelEnd) {
    throw addressesOutOfBounds(`INIT_P2M ${formatAddress(initP2m)} is inside the kernel ${range}`);
  }
  const page = image.parameters.hypercallPage;
  if (page !== undefined && (page % 4096 !== 0 || page < virtKernelStart || page + 4096 > virtKernelEnd + 4095)) {
    throw addressesOutOfBounds(`the hypercall page ${formatAddress(page)} is not a page of the kernel ${range}`);
  }
}
