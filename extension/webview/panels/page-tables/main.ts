import type { XenTranslateBody } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { facts, link } from '../../components/facts.ts';
import { frameFacts, frameText } from '../../components/frame-facts.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import { PageTableTree, type TreeRow } from './tree.ts';
import './page-tables.css';

type Space = 'virtual' | 'pseudo-physical' | 'machine';
const SPACES: readonly Space[] = ['virtual', 'pseudo-physical', 'machine'];

const space = element('select', { id: 'space', 'aria-label': 'Address space' });
space.append(...SPACES.map((name) => element('option', { value: name }, name)));
const address = element('input', {
  ...{ id: 'address', class: 'grow', placeholder: 'rsp, start_kernel, 0xffffffff80000000', spellcheck: 'false' },
  'aria-label': 'Address or expression',
});
const root = element('select', { id: 'which-root', 'aria-label': 'Root' });
root.append(element('option', { value: 'kernel' }, 'kernel root'), element('option', { value: 'user' }, 'user root'));
const translation = element('div', { id: 'translation' });
const details = element('div', { id: 'details' });
const side = element('section', { class: 'side', 'aria-label': 'Details', tabindex: '0' }, translation, details);

const who = (): { readonly domain?: number } => (view.domain === undefined ? {} : { domain: view.domain });

const tree = new PageTableTree((table, level, base) =>
  view.ask('xenPageTable', {
    ...who(),
    view: root.value === 'user' ? 'user' : 'kernel',
    ...(table === undefined ? {} : { table }),
    ...(level === undefined ? {} : { level }),
    ...(base === undefined ? {} : { base }),
  }),
);

const grid = new Grid<TreeRow>({
  label: 'Page-table entries',
  minimumWidth: '76em',
  columns: [
    { id: 'entry', title: 'Entry', width: '10em', text: ({ level, entry }) => `L${level} ${entry.index}` },
    { id: 'virtual', title: 'Covers from', width: '13em', kind: 'code', text: ({ entry }) => entry.virtual },
    { id: 'mfn', title: 'Frame', width: '7em', kind: 'code', text: ({ entry }) => entry.mfn },
    { id: 'pfn', title: 'Page', width: '7em', kind: 'code', text: ({ entry }) => entry.frame?.pfn ?? '' },
    {
      ...{ id: 'flags', title: 'Flags', width: 'minmax(16em, 1fr)' },
      text: ({ entry }) => [...(entry.xen ? ['Xen’s own'] : []), ...entry.flags].join(', '),
    },
    { id: 'use', title: 'Frame is', width: 'minmax(16em, 1fr)', text: ({ entry }) => frameText(entry.frame) },
    { id: 'value', title: 'Value', width: '12em', kind: 'code', text: ({ entry }) => entry.entry },
  ],
  key: ({ key }) => key,
  tree: { level: ({ depth }) => depth, open: (row) => tree.isOpen(row) },
  onSelect: (row) => view.run(() => showEntry(row)),
  onActivate: (row) => {
    if (tree.isOpen(row) !== undefined) view.run(() => toggle(row, tree.isOpen(row) === false));
    else view.openMemory('machine', `${row.entry.mfn}000`);
  },
  onToggle: (row, open) => view.run(() => toggle(row, open)),
  empty: 'There is no such root.',
});

async function toggle(row: TreeRow, open: boolean): Promise<void> {
  await tree.toggle(row, open);
  showTree();
}

function showTree(): void {
  grid.showChanges(tree.rows(), view.changes, `${tree.root?.domain} ${root.value}`);
}

/** The form in which a change of the selected entry is put to Xen. It is made once for each selection. */
function proposal(row: TreeRow): HTMLElement {
  const value = element('input', {
    class: 'code',
    'aria-label': 'Proposed entry',
    value: row.entry.entry,
    spellcheck: 'false',
  });
  const answer = element('p', { role: 'status', id: 'answer' });
  const form = element('form', {}, value, element('button', { type: 'submit' }, 'Ask Xen'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const args = { ...who(), table: row.table, index: row.entry.index, entry: value.value.trim() };
    view.ask('xenCheckEntry', args).then(
      ({ accepted, errno, reason }) => {
        answer.classList.toggle('refused', !accepted);
        answer.textContent = accepted ? `Accepted: ${reason}.` : `Refused with ${errno}: ${reason}.`;
      },
      (error: Error) => {
        answer.classList.add('refused');
        answer.textContent = error.message;
      },
    );
  });
  return element('div', {}, element('h2', {}, 'Would Xen take this entry?'), form, answer);
}

let shown: string | undefined;

async function showEntry(row: TreeRow): Promise<void> {
  const { entry, level, table } = row;
  const id = `${row.key} ${entry.entry}`;
  const body = await view.ask('xenFrame', { ...who(), mfn: entry.mfn });
  if (grid.selection?.key !== row.key || id === shown) return;
  shown = id;
  details.replaceChildren(
    element('h2', {}, `L${level} entry ${entry.index} of table ${table}`),
    facts([
      ['value', entry.entry],
      ['flags', entry.flags.join(', ')],
      ['entry at', link(entry.at, 'Open the entry in the memory view', () => view.openMemory('machine', entry.at))],
      ['covers', link(entry.virtual, 'Open in the memory view', () => view.openMemory('virtual', entry.virtual))],
    ]),
    ...frameFacts(view, body, entry.mfn, (where, what) => void goTo(where, what)),
    proposal(row),
  );
}

async function goTo(where: Space, what: string): Promise<void> {
  space.value = where;
  address.value = what;
  await translate();
}

async function translate(): Promise<void> {
  const text = address.value.trim();
  if (text === '') return;
  const body = await view.ask('xenTranslate', { ...who(), space: space.value as Space, address: text });
  showTranslation(text, body);
  const indexes = body.walk.map(({ index }) => index);
  // A 32-bit domain's walk begins in an L4 of Xen's own.
  const key = await tree.reveal(tree.root?.width === 32 ? indexes.slice(1) : indexes);
  showTree();
  if (key !== undefined) grid.select(key);
}

function showTranslation(text: string, body: XenTranslateBody): void {
  const { virtual, pseudoPhysical, machine, walk, problem } = body;
  const memory = (where: Space, at: string): HTMLElement =>
    link(at, 'Open in the memory view', () => view.openMemory(where, at));
  const steps = element('ul', { class: 'plain code', id: 'walk' });
  for (const { level, index, entry, flags, at } of walk) {
    steps.append(
      element(
        'li',
        {},
        `L${level} `,
        link(String(index), `Entry at ${at}`, () => view.openMemory('machine', at)),
        ` ${entry} ${flags.join(', ')}`,
      ),
    );
  }
  translation.replaceChildren(
    element('h2', {}, `${body.space} ${text}`),
    ...(problem === undefined ? [] : [element('p', { class: 'refused' }, `${problem}.`)]),
    facts([
      [
        'virtual',
        ...(virtual.length === 0 ? ['none'] : virtual.slice(0, 8).flatMap((at) => [memory('virtual', at), ' '])),
      ],
      ['pseudo-physical', pseudoPhysical === undefined ? 'none' : memory('pseudo-physical', pseudoPhysical)],
      ['machine', machine === undefined ? 'none' : memory('machine', machine)],
    ]),
    ...(walk.length === 0 ? [] : [element('h2', {}, 'Walk'), steps]),
  );
}

const view = new View('Page Tables', {
  refresh: async () => {
    await tree.reload();
    root.hidden = tree.root?.hasUserRoot !== true;
    showTree();
    const selected = grid.selection;
    if (selected !== undefined) await showEntry(selected);
  },
  show: (target) => goTo('virtual', target),
});

const form = element('form');
form.append(space, address, element('button', { type: 'submit' }, 'Translate'));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  view.run(translate);
});
root.addEventListener('change', () => {
  tree.clear();
  view.refresh();
});
view.header.append(
  root,
  form,
  button('Refresh', 'Look again', () => view.refresh()),
);
view.start(element('div', { class: 'split' }, grid.element, side));
