/**
 * What a kernel image tells its domain builder: ELF notes with owner "Xen" (public/elfnote.h), or the older
 * `__xen_guest` string. Follows libelf's elf_xen_parse.
 */
import { signed64 } from '../../../base/numbers.ts';
import { ByteReader } from '../../../elf/byte-reader.ts';
import { type ElfFile, findSection, sectionBytes } from '../../../elf/elf-file.ts';
import { type ElfNote, sectionNotes, segmentNotes } from '../../../elf/elf-notes.ts';
import { notXen, unsupportedFeature } from './errors.ts';

/** Addresses are signed, as everywhere; undefined: not given. */
export interface ImageParameters {
  readonly source: 'notes' | '__xen_guest';
  readonly guestOs: string;
  readonly guestVersion: string;
  readonly xenVersion: string;
  /** All of them, where `__xen_guest` names several: an image that looks for itself where it is. */
  readonly xenVersions: readonly string[];
  readonly loader: string;
  readonly paeMode: string;
  readonly entry: number | undefined;
  readonly hypercallPage: number | undefined;
  readonly virtBase: number | undefined;
  readonly paddrOffset: number | undefined;
  readonly initP2m: number | undefined;
  readonly hvStartLow: number | undefined;
  /** PVH entry: not for PV, but tells what kind of image this is. */
  readonly phys32Entry: number | undefined;
  readonly modStartPfn: boolean;
  readonly suspendCancel: boolean;
  readonly bsdSymtab: boolean;
  /** PT_MODE_WRITABLE of a Xen 2.0 guest: it starts with that assist. */
  readonly writablePageTables: boolean;
  readonly requiredFeatures: readonly string[];
  readonly supportedFeatures: readonly string[];
}

type Writable = { -readonly [Key in keyof ImageParameters]: ImageParameters[Key] };

/** Feature names in the order of their XENFEAT_ numbers (libelf-dominfo.c). */
const FEATURES: readonly string[] = [
  'writable_page_tables',
  'writable_descriptor_tables',
  'auto_translated_physmap',
  'supervisor_mode_kernel',
  'pae_pgdir_above_4gb',
  'mmu_pt_update_preserve_ad',
  'highmem_assist',
  'gnttab_map_avail_bits',
  'hvm_callback_vector',
  'hvm_safe_pvclock',
  'hvm_pirqs',
  'dom0',
  'linux_rsdp_unrestricted',
  'direct_mapped',
  'not_direct_mapped',
];
const FEATURE_BITS: ReadonlyMap<number, string> = new Map(
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17].map((bit, index) => [bit, FEATURES[index] as string]),
);

interface NoteRow {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'ignored';
  readonly apply: (parameters: Writable, text: string, value: number, note: ElfNote) => void;
}

const ignore = (): void => {};

/** One row per XEN_ELFNOTE_ number. */
const NOTES: readonly NoteRow[] = [
  { name: 'INFO', kind: 'ignored', apply: ignore },
  { name: 'ENTRY', kind: 'number', apply: (to, _text, value) => (to.entry = value) },
  { name: 'HYPERCALL_PAGE', kind: 'number', apply: (to, _text, value) => (to.hypercallPage = value) },
  { name: 'VIRT_BASE', kind: 'number', apply: (to, _text, value) => (to.virtBase = value) },
  { name: 'PADDR_OFFSET', kind: 'number', apply: (to, _text, value) => (to.paddrOffset = value) },
  { name: 'XEN_VERSION', kind: 'text', apply: (to, text) => (to.xenVersion = text) },
  { name: 'GUEST_OS', kind: 'text', apply: (to, text) => (to.guestOs = text) },
  { name: 'GUEST_VERSION', kind: 'text', apply: (to, text) => (to.guestVersion = text) },
  { name: 'LOADER', kind: 'text', apply: (to, text) => (to.loader = text) },
  { name: 'PAE_MODE', kind: 'text', apply: (to, text) => (to.paeMode = text) },
  { name: 'FEATURES', kind: 'text', apply: (to, text) => addFeatures(to, text) },
  { name: 'BSD_SYMTAB', kind: 'text', apply: (to, text) => (to.bsdSymtab = text === 'yes') },
  { name: 'HV_START_LOW', kind: 'number', apply: (to, _text, value) => (to.hvStartLow = value) },
  { name: 'L1_MFN_VALID', kind: 'ignored', apply: ignore },
  { name: 'SUSPEND_CANCEL', kind: 'number', apply: (to, _text, value) => (to.suspendCancel = value !== 0) },
  { name: 'INIT_P2M', kind: 'number', apply: (to, _text, value) => (to.initP2m = value) },
  { name: 'MOD_START_PFN', kind: 'number', apply: (to, _text, value) => (to.modStartPfn = value !== 0) },
  { name: 'SUPPORTED_FEATURES', kind: 'ignored', apply: (to, _text, _value, note) => addFeatureBits(to, note) },
  { name: 'PHYS32_ENTRY', kind: 'number', apply: (to, _text, value) => (to.phys32Entry = value) },
];

const MAX_TEXT = 4096;

/** XEN_VER of an image's `__xen_guest` section, and the rest of it; undefined without the section. */
export function readGuestSection(file: ElfFile): ImageParameters | undefined {
  const section = findSection(file, '__xen_guest');
  const bytes = section === undefined ? undefined : sectionBytes(file, section);
  if (bytes === undefined) return undefined;
  const parameters = emptyParameters('__xen_guest');
  parseGuestString(parameters, new ByteReader(bytes).string(0, MAX_TEXT));
  return parameters;
}

/** @throws UserError `image.not-xen`, `image.unsupported-feature` */
export function readImageParameters(file: ElfFile): ImageParameters {
  const fromSegments = segmentNotes(file).filter((note) => note.owner === 'Xen');
  const notes = fromSegments.length > 0 ? fromSegments : sectionNotes(file).filter((note) => note.owner === 'Xen');
  if (notes.length > 0) {
    const parameters = emptyParameters('notes');
    for (const note of notes) applyNote(parameters, note);
    return parameters;
  }
  const section = readGuestSection(file);
  if (section === undefined) throw notXen();
  return section;
}

export function hasXenNotes(file: ElfFile): boolean {
  return [...segmentNotes(file), ...sectionNotes(file)].some(({ owner }) => owner === 'Xen');
}

export function emptyParameters(source: ImageParameters['source']): Writable {
  return {
    source,
    guestOs: '',
    guestVersion: '',
    xenVersion: '',
    xenVersions: [],
    loader: '',
    paeMode: '',
    entry: undefined,
    hypercallPage: undefined,
    virtBase: undefined,
    paddrOffset: undefined,
    initP2m: undefined,
    hvStartLow: undefined,
    phys32Entry: undefined,
    modStartPfn: false,
    suspendCancel: false,
    bsdSymtab: false,
    writablePageTables: false,
    requiredFeatures: [],
    supportedFeatures: [],
  };
}

function applyNote(parameters: Writable, note: ElfNote): void {
  const row = NOTES[note.type];
  if (row === undefined) return;
  const reader = new ByteReader(note.description);
  const text = row.kind === 'text' ? reader.string(0, MAX_TEXT) : '';
  row.apply(parameters, text, row.kind === 'number' ? numericNote(reader) : 0, note);
}

/** libelf: a description of 1, 2, 4 or 8 bytes is a number, anything else counts as 0. */
function numericNote(reader: ByteReader): number {
  switch (reader.size) {
    case 1:
      return reader.u8(0);
    case 2:
      return reader.u16(0);
    case 4:
      return reader.u32(0);
    case 8:
      return reader.s64(0);
    default:
      return 0;
  }
}

function addFeatures(parameters: Writable, text: string): void {
  const required = [...parameters.requiredFeatures];
  const supported = [...parameters.supportedFeatures];
  for (const feature of text.split('|')) {
    const isRequired = feature.startsWith('!');
    const name = isRequired ? feature.slice(1) : feature;
    if (!FEATURES.includes(name)) {
      if (isRequired) throw unsupportedFeature(name);
      continue;
    }
    supported.push(name);
    if (isRequired) required.push(name);
  }
  parameters.requiredFeatures = required;
  parameters.supportedFeatures = supported;
}

function addFeatureBits(parameters: Writable, note: ElfNote): void {
  if (note.description.length < 4) return;
  const bits = new ByteReader(note.description).u32(0);
  const names = [...FEATURE_BITS].filter(([bit]) => ((bits >>> bit) & 1) === 1).map(([, name]) => name);
  parameters.supportedFeatures = [...parameters.supportedFeatures, ...names];
}

/** `NAME=value,NAME=value`; HYPERCALL_PAGE is a page number there, relative to VIRT_BASE. */
function parseGuestString(parameters: Writable, text: string): void {
  for (const item of text.split(',')) {
    const equals = item.indexOf('=');
    const name = equals < 0 ? item : item.slice(0, equals);
    const value = equals < 0 ? '' : item.slice(equals + 1);
    switch (name) {
      case 'LOADER':
        parameters.loader = value;
        break;
      case 'GUEST_OS':
        parameters.guestOs = value;
        break;
      case 'GUEST_VER':
        parameters.guestVersion = value;
        break;
      case 'XEN_VER':
        parameters.xenVersion = value;
        parameters.xenVersions = [...parameters.xenVersions, value];
        break;
      case 'PAE':
        parameters.paeMode = value;
        break;
      case 'BSD_SYMTAB':
        parameters.bsdSymtab = true;
        break;
      case 'PT_MODE_WRITABLE':
        parameters.writablePageTables = true;
        break;
      case 'VIRT_BASE':
        parameters.virtBase = parseAddress(value);
        break;
      case 'VIRT_ENTRY':
        parameters.entry = parseAddress(value);
        break;
      case 'ELF_PADDR_OFFSET':
        parameters.paddrOffset = parseAddress(value);
        break;
      case 'HYPERCALL_PAGE':
        parameters.hypercallPage = parseAddress(value) * 4096;
        break;
      case 'FEATURES':
        addFeatures(parameters, value);
        break;
    }
  }
  if (parameters.hypercallPage !== undefined && parameters.virtBase !== undefined) {
    parameters.hypercallPage += parameters.virtBase;
  }
}

/** As strtoull(…, 0) reads it: 0x…, 0… (octal) or decimal, up to the first other character. */
function parseAddress(text: string): number {
  const match = /^\s*(?:0x([0-9a-f]{1,16})|(0[0-7]{0,21})|([0-9]{1,19}))/i.exec(text);
  if (match === null) return 0;
  const value =
    match[1] !== undefined ? BigInt(`0x${match[1]}`) : BigInt(match[2] !== undefined ? `0o0${match[2]}` : match[3]!);
  return signed64(Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn));
}
