/** Registers as gdb numbers them, by its own feature names (gdb manual, G.5.6: i386 features). */

/** One register: its name to gdb, its width, and ours in `Registers` (undefined: we have no such thing). */
export interface RegisterRow {
  readonly name: string;
  readonly bits: number;
  readonly type: string;
  readonly source: { readonly group: 'general' | 'segment' | 'vector' | 'flags'; readonly name: string } | undefined;
}

interface Feature {
  readonly name: string;
  readonly registers: readonly RegisterRow[];
}

type Group = 'general' | 'segment' | 'vector';

function row(name: string, bits: number, type: string, group: Group, source = name): RegisterRow {
  return { name, bits, type, source: { group, name: source } };
}

function numbered(prefix: string, count: number, bits: number, type: string): readonly RegisterRow[] {
  return Array.from({ length: count }, (_, index) => row(`${prefix}${index}`, bits, type, 'vector'));
}

const FLAGS: RegisterRow = { name: 'eflags', bits: 32, type: 'int', source: { group: 'flags', name: 'rflags' } };
const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'].map((name) => row(name, 32, 'int', 'segment'));
const X87: readonly RegisterRow[] = [
  ...numbered('st', 8, 80, 'i387_ext'),
  row('fctrl', 32, 'int', 'vector', 'fcw'),
  row('fstat', 32, 'int', 'vector', 'fsw'),
  // The engine keeps no pointers of the last x87 instruction; the tags are not shown.
  ...['ftag', 'fiseg', 'fioff', 'foseg', 'fooff', 'fop'].map(
    (name): RegisterRow => ({ name, bits: 32, type: 'int', source: undefined }),
  ),
];
const sse = (count: number): Feature => ({
  name: 'org.gnu.gdb.i386.sse',
  registers: [...numbered('xmm', count, 128, 'uint128'), row('mxcsr', 32, 'int', 'vector')],
});

const NAMES_64 = 'rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const pointerTypes: Readonly<Record<string, string>> = {
  rbp: 'data_ptr',
  rsp: 'data_ptr',
  ebp: 'data_ptr',
  esp: 'data_ptr',
};

const FEATURES_64: readonly Feature[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...NAMES_64.map((name) => row(name, 64, pointerTypes[name] ?? 'int64', 'general')),
      row('rip', 64, 'code_ptr', 'general'),
      FLAGS,
      ...SEGMENTS,
      ...X87,
    ],
  },
  sse(16),
  {
    name: 'org.gnu.gdb.i386.segments',
    registers: [row('fs_base', 64, 'int', 'segment'), row('gs_base', 64, 'int', 'segment')],
  },
];

const NAMES_32 = 'eax ecx edx ebx esp ebp esi edi'.split(' ');

const FEATURES_32: readonly Feature[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...NAMES_32.map((name) => row(name, 32, pointerTypes[name] ?? 'int32', 'general', `r${name.slice(1)}`)),
      row('eip', 32, 'code_ptr', 'general', 'rip'),
      FLAGS,
      ...SEGMENTS,
      ...X87,
    ],
  },
  sse(8),
];

/** All registers of a mode, in the order of a `g` packet. */
export function registerRows(bits: 32 | 64): readonly RegisterRow[] {
  return (bits === 64 ? FEATURES_64 : FEATURES_32).flatMap(({ registers }) => registers);
}

/** target.xml. */
export function targetXml(bits: 32 | 64): string {
  const features = (bits === 64 ? FEATURES_64 : FEATURES_32).map(({ name, registers }) => {
    const lines = registers.map((register) => {
      return `<reg name="${register.name}" bitsize="${register.bits}" type="${register.type}"/>`;
    });
    return `<feature name="${name}">${lines.join('')}</feature>`;
  });
  const architecture = bits === 64 ? 'i386:x86-64' : 'i386';
  return (
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">' +
    `<architecture>${architecture}</architecture>${features.join('')}</target>`
  );
}
