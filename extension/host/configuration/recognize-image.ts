import { gunzipSync } from 'fflate';
import { findSection, isElf, readElf } from '../../../emulator/elf/elf-file.ts';
import { sectionNotes, segmentNotes } from '../../../emulator/elf/elf-notes.ts';

export type ImageKind = 'elf' | 'bzImage' | 'config';

/** Offset of the "HdrS" signature and of the 0x55aa word (Linux Documentation/arch/x86/boot.rst). */
const SETUP_SIGNATURE = 0x202;
const BOOT_FLAG = 0x1fe;

/** What a file is to us, by its contents; undefined for everything that no Xen domain boots from. */
export function recognizeImage(name: string, bytes: Uint8Array): ImageKind | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return isXenElf(unpacked(bytes)) ? 'elf' : undefined;
  if (isElf(bytes)) return isXenElf(bytes) ? 'elf' : undefined;
  if (isBzImage(bytes)) return 'bzImage';
  if (name.endsWith('.cfg') && isDomainConfig(bytes)) return 'config';
  return undefined;
}

function isXenElf(bytes: Uint8Array): boolean {
  if (!isElf(bytes)) return false;
  try {
    const file = readElf(bytes);
    if (findSection(file, '__xen_guest') !== undefined) return true;
    return [...segmentNotes(file), ...sectionNotes(file)].some((note) => note.owner === 'Xen');
  } catch {
    // A damaged ELF file is nothing to offer; booting it by name still explains what is wrong with it.
    return false;
  }
}

/** ELF kernels come gzipped too. Bytes that only look like gzip are no image. */
function unpacked(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch {
    return new Uint8Array();
  }
}

function isBzImage(bytes: Uint8Array): boolean {
  const at = (offset: number): number => bytes[offset] ?? 0;
  return (
    at(BOOT_FLAG) === 0x55 &&
    at(BOOT_FLAG + 1) === 0xaa &&
    String.fromCharCode(...bytes.subarray(SETUP_SIGNATURE, SETUP_SIGNATURE + 4)) === 'HdrS'
  );
}

/** An xl.cfg is told from other .cfg files by the key that every domain needs. */
function isDomainConfig(bytes: Uint8Array): boolean {
  if (bytes.length > 65536) return false;
  return /^\s*kernel\s*=\s*["']/m.test(new TextDecoder().decode(bytes));
}

/** Names worth opening: everything else is skipped unread. */
export function mayBeImage(name: string): boolean {
  return /^(vmlinu[xz]|bzImage|kernel|mini-os|gnumach|netbsd)|xen|\.(cfg|elf|bin|gz)$|^[^.]+$/i.test(name);
}
