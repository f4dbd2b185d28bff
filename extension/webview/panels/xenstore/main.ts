import type { XenXenstoreEntry, XenXenstoreNodeBody } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { facts } from '../../components/facts.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import './xenstore.css';

interface NodeRow {
  readonly path: string;
  readonly depth: number;
  readonly name: string;
  readonly value: string;
  readonly children: number;
}

interface HistoryRow extends XenXenstoreEntry {
  readonly sequence: number;
}

const open = new Set<string>(['/', '/local', '/local/domain']);
let nodes = new Map<string, XenXenstoreNodeBody>();
let history: HistoryRow[] = [];
let next = 0;

const details = element('section', { class: 'side', 'aria-label': 'Node', tabindex: '0' });
const watches = element('section', { class: 'side', 'aria-label': 'Watches', tabindex: '0' });
const join = (parent: string, name: string): string => (parent === '/' ? `/${name}` : `${parent}/${name}`);
const host = (domain: number): string => (domain === 0 ? 'host' : `domain ${domain}`);

const tree = new Grid<NodeRow>({
  label: 'Nodes',
  minimumWidth: '30em',
  columns: [
    { id: 'name', title: 'Node', width: 'minmax(16em, 1fr)', text: ({ name }) => name },
    { id: 'value', title: 'Value', width: 'minmax(12em, 1fr)', kind: 'code', text: ({ value }) => value },
  ],
  key: ({ path }) => path,
  tree: { level: ({ depth }) => depth, open: ({ path, children }) => (children === 0 ? undefined : open.has(path)) },
  onToggle: (row, wanted) => view.run(() => toggle(row, wanted)),
  onSelect: ({ path }) => view.run(() => showNode(path)),
  onActivate: () => details.querySelector('input')?.focus(),
});

const log = new Grid<HistoryRow>({
  label: 'History, latest last',
  minimumWidth: '44em',
  columns: [
    {
      ...{ id: 'instructions', title: 'Instructions', width: '9em', kind: 'number' },
      text: ({ instructions }) => String(instructions),
    },
    { id: 'domain', title: 'By', width: '7em', text: ({ domain }) => host(domain) },
    { id: 'operation', title: 'What', width: '8em', text: ({ operation }) => operation },
    { id: 'path', title: 'Path', width: 'minmax(14em, 2fr)', kind: 'code', text: ({ path }) => path },
    { id: 'value', title: 'Value', width: 'minmax(6em, 1fr)', kind: 'code', text: ({ value }) => value },
  ],
  key: ({ sequence }) => String(sequence),
  onActivate: ({ path }) => view.run(() => reveal(path)),
  empty: 'Nothing has changed since this view was opened.',
});

async function toggle({ path }: NodeRow, wanted: boolean): Promise<void> {
  if (wanted) open.add(path);
  else open.delete(path);
  await load();
}

/** Reads every open node. */
async function load(): Promise<void> {
  const found = new Map<string, XenXenstoreNodeBody>();
  const visit = async (path: string): Promise<void> => {
    const node = await view.ask('xenXenstoreNode', { path });
    found.set(path, node);
    for (const { name, children } of node.children) {
      const below = join(path, name);
      if (children > 0 && open.has(below)) await visit(below);
    }
  };
  await visit('/');
  nodes = found;
  tree.showChanges(rows(), view.changes, 'node');
}

function rows(): readonly NodeRow[] {
  const found: NodeRow[] = [];
  const visit = (path: string, depth: number): void => {
    for (const { name, value, children } of nodes.get(path)?.children ?? []) {
      const below = join(path, name);
      found.push({ path: below, depth, name, value, children });
      if (open.has(below)) visit(below, depth + 1);
    }
  };
  visit('/', 0);
  return found;
}

async function reveal(path: string): Promise<void> {
  const parts = path.split('/').slice(1, -1);
  let at = '';
  for (const part of parts) {
    at = `${at}/${part}`;
    open.add(at);
  }
  await load();
  tree.select(path);
  tree.focus();
}

async function write(path: string, value: string | undefined): Promise<void> {
  await view.ask('xenXenstoreWrite', value === undefined ? { path } : { path, value });
  open.add(path.slice(0, path.lastIndexOf('/')) || '/');
  view.refresh();
}

function form(
  label: string,
  placeholder: string,
  value: string,
  action: string,
  done: (text: string) => void,
): HTMLElement {
  const input = element('input', { class: 'code', 'aria-label': label, placeholder, value, spellcheck: 'false' });
  const made = element('form', {}, input, element('button', { type: 'submit' }, action));
  made.addEventListener('submit', (event) => {
    event.preventDefault();
    done(input.value);
  });
  return made;
}

let editing: string | undefined;

async function showNode(path: string): Promise<void> {
  const node = await view.ask('xenXenstoreNode', { path });
  if (tree.selection?.path !== path) return;
  // What is being typed is not taken away by a refresh.
  if (editing === path && details.contains(document.activeElement)) return;
  editing = path;
  const [owner = '', ...others] = node.permissions;
  const rights: Readonly<Record<string, string>> = { n: 'nothing', r: 'read', w: 'write', b: 'read and write' };
  const right = (text: string): string => rights[text.slice(0, 1)] ?? text;
  details.replaceChildren(
    element('h2', {}, path),
    facts([
      ['owner', host(Number(owner.slice(1)))],
      ['others may', right(owner)],
      ...others.map((text) => [host(Number(text.slice(1))), right(text)] as const),
      ['children', String(node.children.length)],
      ['generation', String(node.generation)],
    ]),
    element('h2', {}, 'Value'),
    form('Value', '', node.value, 'Write', (text) => view.run(() => write(path, text))),
    element('h2', {}, 'New node below'),
    form('Name of a new node', 'name', '', 'Add', (name) => view.run(() => write(join(path, name), ''))),
    button('Remove', `Remove ${path} and all below it`, () => view.run(() => write(path, undefined))),
  );
}

async function loadHistory(): Promise<void> {
  const body = await view.ask('xenXenstoreHistory', { since: next, count: view.keep, keep: view.keep });
  if (body.next < next) history = [];
  history.push(...body.entries.map((entry, at) => ({ ...entry, sequence: body.first + at })));
  next = body.next;
  if (history.length > view.keep) history = history.slice(history.length - view.keep);
  log.show(history);
}

async function loadWatches(): Promise<void> {
  const { connections } = await view.ask('xenXenstoreConnections', undefined);
  watches.replaceChildren(
    ...connections.flatMap(({ domain, nodes: owned, transactions, watches: list }) => [
      element('h2', {}, `${host(domain)}: ${list.length} watches, ${owned} nodes, ${transactions} transactions`),
      element('ul', { class: 'plain code' }, ...list.map(({ path, token }) => element('li', {}, `${path} (${token})`))),
    ]),
  );
}

const view = new View('Xenstore', {
  refresh: async () => {
    await load();
    await loadHistory();
    await loadWatches();
    const selected = tree.selection;
    if (selected !== undefined) await showNode(selected.path);
  },
  show: reveal,
});

view.header.append(button('Refresh', 'Look again', () => view.refresh()));
view.start(
  element('div', { class: 'split' }, tree.element, details),
  element('h2', {}, 'History'),
  element('div', { class: 'split lower' }, log.element, watches),
);
