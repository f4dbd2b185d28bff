import { expect, it } from 'vitest';
import { compile, open, SAMPLE, tool } from './compile.ts';

const KEYWORDS: Readonly<Record<string, string>> = {
  DW_TAG_structure_type: 'struct ',
  DW_TAG_union_type: 'union ',
  DW_TAG_enumeration_type: 'enum ',
  DW_TAG_typedef: '',
  DW_TAG_base_type: '',
};

/** Names of all types that are defined, as readelf lists them, with the offsets of their entries. */
function namesOf(file: string): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, Set<number>>();
  const entries = tool('readelf', ['--wide', '--debug-dump=info', file]).split(/^ *(?=<\d+><)/m);
  for (const entry of entries) {
    const head = /^<\d+><([0-9a-f]+)>: Abbrev Number: \d+ \((\w+)\)/.exec(entry);
    const keyword = KEYWORDS[head?.[2] ?? ''];
    const name = /DW_AT_name +: (?:\([^)]*\):? )*(.*?)\s*$/m.exec(entry)?.[1];
    if (keyword === undefined || name === undefined || entry.includes('DW_AT_declaration')) continue;
    const offsets = found.get(`${keyword}${name}`) ?? new Set();
    found.set(`${keyword}${name}`, offsets.add(Number.parseInt(head?.[1] as string, 16)));
  }
  return found;
}

it.each([
  ['the sample', () => SAMPLE],
  ['DWARF 4', () => compile('-O2', '-gdwarf-4')],
  ['DWARF 5', () => compile('-O2', '-gdwarf-5')],
])('%s: every type that readelf lists is found by its name, and none that it does not list', (_, file) => {
  const path = file();
  const info = open(path);
  const names = namesOf(path);
  expect(names.size).toBeGreaterThan(5);
  for (const [name, offsets] of names) expect([...offsets], name).toContain(info.typeNamed(name, undefined));
  // Beginnings and ends of names, and other keywords, are other names.
  for (const name of names.keys()) {
    for (const other of [name.slice(0, -1), name.slice(1), `union ${name}`, `${name}_`]) {
      const wanted = names.get(other);
      if (wanted === undefined) expect(info.typeNamed(other, undefined), other).toBeUndefined();
      else expect([...wanted], other).toContain(info.typeNamed(other, undefined));
    }
  }
});
