import type { ElfFile } from '../../../elf/elf-file.ts';
import type { AbiVersion } from '../../common/domain.ts';
import { wrongAbi, wrongXenVersion } from './errors.ts';
import { hasXenNotes, readGuestSection } from './image-parameters.ts';

/** Which interfaces an image was built for, and how we know. */
export interface AbiEvidence {
  readonly abi: AbiVersion;
  /** "its section __xen_guest says XEN_VER=2.0". */
  readonly because: string;
}

/** What an ELF file says of itself; first what it is taken for unless the configuration says otherwise. */
export function abiEvidence(file: ElfFile): readonly AbiEvidence[] {
  const found: AbiEvidence[] = [];
  if (hasXenNotes(file)) found.push({ abi: '4', because: 'it has ELF notes with owner "Xen"' });
  const section = readGuestSection(file);
  if (section === undefined) return found;
  for (const version of section.xenVersions) {
    const because = `its section __xen_guest says XEN_VER=${version}`;
    if (version === '2.0' || version === '1.2') found.push({ abi: version, because });
    else if (version.startsWith('xen-3.0')) found.push({ abi: '4', because });
    else if (found.length === 0) throw wrongXenVersion(version);
  }
  return found;
}

/** @throws UserError `image.wrong-abi`, `image.wrong-xen-version` */
export function chooseAbi(file: ElfFile, wanted: AbiVersion | undefined): AbiVersion {
  const found = abiEvidence(file);
  const [first] = found;
  // An image that says nothing is told so by whoever reads its notes.
  if (first === undefined) {
    if (wanted === '2.0') throw wrongAbi(wanted, undefined);
    // Images of Xen 1.2 had nothing to say it with.
    return wanted ?? '4';
  }
  if (wanted === undefined) return first.abi;
  if (found.some(({ abi }) => abi === wanted)) return wanted;
  throw wrongAbi(wanted, first);
}
