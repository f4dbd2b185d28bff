import type { XenStateField, XenStateSection } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import './domain.css';

interface StateRow {
  readonly key: string;
  readonly depth: number;
  readonly name: string;
  readonly value: string;
  readonly at: string | undefined;
  readonly hasChildren: boolean;
}

/** Closed by the user, or by default where the list is long. */
const open = new Map<string, boolean>();
let sections: readonly { readonly key: string; readonly section: XenStateSection }[] = [];
let shownDomain = 0;

const filter = element('input', {
  ...{ id: 'filter', class: 'grow', type: 'search', placeholder: 'filter names and values', spellcheck: 'false' },
  'aria-label': 'Filter',
});

const isOpen = (key: string): boolean => open.get(key) ?? true;

function rows(): readonly StateRow[] {
  const found: StateRow[] = [];
  const wanted = filter.value.trim().toLowerCase();
  const matches = ({ name, value, children }: XenStateField): boolean =>
    `${name} ${value}`.toLowerCase().includes(wanted) || children.some(matches);
  const addFields = (fields: readonly XenStateField[], path: string, depth: number): void => {
    const seen = new Map<string, number>();
    for (const { name, value, children } of fields.filter(matches)) {
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      const key = `${path}/${name}${count === 0 ? '' : `#${count}`}`;
      found.push({ key, depth, name, value, at: undefined, hasChildren: children.length > 0 });
      if (children.length > 0 && isOpen(key)) addFields(children, key, depth + 1);
    }
  };
  for (const { key, section } of sections) {
    const { title, at, fields } = section;
    const some = fields.filter(matches).length;
    if (some === 0 && wanted !== '') continue;
    const value = fields.length === 0 ? 'empty' : at === undefined ? '' : `at machine address ${at}`;
    found.push({ key, depth: 0, name: title, value, at, hasChildren: fields.length > 0 });
    if (isOpen(key)) addFields(fields, key, 1);
  }
  return found;
}

const grid = new Grid<StateRow>({
  label: 'State of the domain',
  minimumWidth: '40em',
  columns: [
    { id: 'name', title: 'Name', width: 'minmax(14em, 2fr)', text: ({ name }) => name },
    { id: 'value', title: 'Value', width: 'minmax(20em, 5fr)', kind: 'code', text: ({ value }) => value },
  ],
  key: ({ key }) => key,
  tree: {
    level: ({ depth }) => depth,
    open: ({ key, hasChildren }) => (hasChildren ? isOpen(key) : undefined),
  },
  onToggle: ({ key }, wanted) => {
    open.set(key, wanted);
    show();
  },
  onActivate: ({ key, at, value, hasChildren }) => {
    const address = /0x[0-9a-f]{6,16}\b/.exec(value)?.[0];
    if (at !== undefined) view.openMemory('machine', at);
    else if (hasChildren) {
      open.set(key, !isOpen(key));
      show();
    } else if (address !== undefined) view.openMemory('virtual', address);
  },
  empty: 'Nothing matches.',
});

function show(): void {
  grid.showChanges(rows(), view.changes, String(shownDomain));
}

const view = new View('Domain and vCPU State', {
  refresh: async () => {
    const { domain } = view;
    const body = await view.ask('xenDomainState', domain === undefined ? {} : { domain });
    shownDomain = body.domain;
    sections = [
      ...body.sections.map((section) => ({ key: section.title, section })),
      ...body.vcpus.flatMap(({ vcpu, sections: own }) =>
        own.map((section) => ({
          key: `${vcpu} ${section.title}`,
          section: { ...section, title: `vCPU ${vcpu}: ${section.title}` },
        })),
      ),
    ];
    // Structures inside structures are long: they open when asked for.
    for (const { key, section } of sections) {
      for (const { name, children } of section.fields) {
        const path = `${key}/${name}`;
        if (children.length > 0 && !open.has(path)) open.set(path, false);
      }
    }
    show();
  },
});

filter.addEventListener('input', show);
view.header.append(
  filter,
  button('Refresh', 'Look again', () => view.refresh()),
);
const hint = element('p', { class: 'empty' }, 'Enter opens a structure or an address in the memory view.');
view.start(element('div', { class: 'split' }, grid.element), hint);
