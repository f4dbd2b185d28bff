/** Images of guests of Xen 2.0 and 1.2. */
import { assert } from '../../../base/assert.ts';
import { formatAddress } from '../../../base/numbers.ts';
import { ByteReader } from '../../../elf/byte-reader.ts';
import { EM_386, PT_LOAD } from '../../../elf/constants.ts';
import { type ElfFile, loadableSegments } from '../../../elf/elf-file.ts';
import { HYPERVISOR_VIRT_START } from '../../public/xen-2.0/xen.ts';
import { bsdSymbols2, bsdSymbolsAt } from './bsd-symbols.ts';
import { addressesOutOfBounds, not32Bit, wrongLoader } from './errors.ts';
import { emptyParameters, readGuestSection } from './image-parameters.ts';
import type { KernelImage } from './kernel-image.ts';

type Container = Pick<KernelImage, 'container' | 'compression'>;

const PF_X = 1;
const PF_W = 2;

/** Xen 2.0 loads by virtual addresses, what may be written or executed (parseelfimage of tools/libxc/xc_linux_build.c). */
export function readXen2Image(elf: ElfFile, container: Container): KernelImage {
  const parameters = readGuestSection(elf);
  assert(parameters !== undefined, 'the image was recognised by its section');
  if (!parameters.loader.startsWith('generic') && !parameters.guestOs.includes('linux'))
    throw wrongLoader(parameters.loader, parameters.guestOs);
  return readOldElf(elf, container, 'xen-2.0', parameters);
}

/** Xen 1.2 had no ELF images; one is laid out as the flat image that would be made of it. */
export function readXen1Elf(elf: ElfFile, container: Container): KernelImage {
  return readOldElf(elf, container, 'xen-1.2', { ...emptyParameters('__xen_guest'), virtBase: undefined });
}

function readOldElf(
  elf: ElfFile,
  { container, compression }: Container,
  guestType: 'xen-2.0' | 'xen-1.2',
  parameters: KernelImage['parameters'],
): KernelImage {
  if (elf.machine !== EM_386) throw not32Bit(guestType === 'xen-2.0' ? '2.0' : '1.2');
  const segments = loadableSegments(elf).filter(({ flags }) => (flags & (PF_W | PF_X)) !== 0);
  if (segments.length === 0) throw addressesOutOfBounds('nothing in it may be written or executed');
  const start = Math.min(...segments.map(({ virtualAddress }) => virtualAddress >>> 0));
  const loadEnd = Math.max(...segments.map(({ virtualAddress, memorySize }) => (virtualAddress >>> 0) + memorySize));
  const symbols = parameters.bsdSymtab ? bsdSymbols2(elf)?.length : undefined;
  const end = symbols === undefined ? loadEnd : bsdSymbolsAt(loadEnd, elf) + symbols;
  const base = (parameters.virtBase ?? start) >>> 0;
  const entry = elf.entry >>> 0;
  const range = `${formatAddress(start)} … ${formatAddress(end)}`;
  if (end > HYPERVISOR_VIRT_START) throw addressesOutOfBounds(`the kernel ${range} reaches into Xen's area`);
  if (base > start) throw addressesOutOfBounds(`VIRT_BASE ${formatAddress(base)} is above the kernel ${range}`);
  if (base % 4096 !== 0) throw addressesOutOfBounds(`VIRT_BASE ${formatAddress(base)} is not page aligned`);
  if (entry < start || entry > loadEnd)
    throw addressesOutOfBounds(`the entry ${formatAddress(entry)} is outside the kernel ${range}`);
  return {
    ...{ guestType, container, compression, elf, parameters, segments },
    virtBase: base,
    virtKernelStart: start,
    virtKernelEnd: end,
    virtEntry: entry,
    virtOffset: 0,
  };
}

const SIGNATURE = 'XenoGues';
const HEADER_BYTES = SIGNATURE.length + 4;

export function isXenoGuest(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && [...SIGNATURE].every((char, at) => bytes[at] === char.charCodeAt(0));
}

/** Xen 1.2's flat image: the signature, the load address, and what lies there, entered at its first byte. */
export function readXenoGuest(bytes: Uint8Array, { container, compression }: Container): KernelImage {
  const reader = new ByteReader(bytes);
  const base = reader.u32(SIGNATURE.length);
  const size = bytes.length - HEADER_BYTES;
  if (base % 4096 !== 0) throw addressesOutOfBounds(`its load address ${formatAddress(base)} is not page aligned`);
  if (base + size > HYPERVISOR_VIRT_START)
    throw addressesOutOfBounds(`the kernel at ${formatAddress(base)} reaches into Xen's area`);
  const place = { virtualAddress: base, physicalAddress: base, fileSize: size, memorySize: size };
  const segment = { type: PT_LOAD, flags: PF_W | PF_X, offset: HEADER_BYTES, ...place };
  const elf: ElfFile = {
    ...{ reader, elfClass: 32, machine: EM_386, type: 2, entry: base, programHeaders: [segment], sections: [] },
    sectionProblem: 'a flat image has no sections',
  };
  return {
    ...{ guestType: 'xen-1.2', container, compression, elf, parameters: emptyParameters('__xen_guest') },
    segments: [segment],
    virtBase: base,
    virtKernelStart: base,
    virtKernelEnd: base + size,
    virtEntry: base,
    virtOffset: 0,
  };
}
