import type { XenHypercallEntry, XenPlaceBody, XenStateField } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { facts, link } from '../../components/facts.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import './hypercalls.css';

interface Row extends XenHypercallEntry {
  readonly sequence: number;
}

/** Entries asked for at once: a guest makes a hundred thousand a second. */
const BATCH = 5000;

const filter = element('input', {
  ...{ id: 'filter', class: 'grow', type: 'search', placeholder: 'filter: name, argument, errno', spellcheck: 'false' },
  'aria-label': 'Filter',
});
const refusedOnly = element('input', { type: 'checkbox', id: 'refused' });
const details = element('section', { class: 'side', 'aria-label': 'Details', tabindex: '0' });

let rows: Row[] = [];
let next = 0;

const fullName = ({ name, suboperation }: XenHypercallEntry): string =>
  suboperation === undefined ? name : `${name}.${suboperation}`;

const grid = new Grid<Row>({
  label: 'Hypercalls, latest last',
  minimumWidth: '66em',
  columns: [
    {
      ...{ id: 'instructions', title: 'Instructions', width: '9em', kind: 'number' },
      text: ({ instructions }) => String(instructions),
    },
    {
      ...{ id: 'who', title: 'vCPU', width: '5em' },
      text: ({ domain, vcpu }) => `d${domain}v${vcpu}`,
    },
    {
      ...{ id: 'name', title: 'Hypercall', width: 'minmax(14em, 1fr)' },
      text: (row) => `${row.multicallIndex === undefined ? '' : `[${row.multicallIndex}] `}${fullName(row)}`,
    },
    { id: 'text', title: 'Arguments', width: 'minmax(18em, 3fr)', kind: 'code', text: ({ text }) => text },
    {
      ...{ id: 'result', title: 'Result', width: '8em', kind: 'code' },
      text: ({ errno, result }) => (errno === undefined ? result : `-${errno}`),
    },
    { id: 'caller', title: 'Caller', width: 'minmax(12em, 1fr)', kind: 'code', text: ({ caller }) => caller },
  ],
  key: ({ sequence }) => String(sequence),
  onSelect: (row) => view.run(() => showDetails(row)),
  onActivate: (row) => view.run(() => jump(row)),
  empty: 'No hypercall since this view was opened.',
});

async function jump(row: Row): Promise<void> {
  const place = await view.ask('xenPlace', { address: row.callerAddress, count: 1 });
  if (place.source === undefined) view.openMemory('virtual', row.callerAddress);
  else view.openSource(place.source.path, place.source.line);
}

async function showDetails(row: Row): Promise<void> {
  const place = await view.ask('xenPlace', { address: row.callerAddress });
  if (grid.selection?.sequence !== row.sequence) return;
  const { errno, reason, result, rip, caller, callerAddress, virtualSeconds, number } = row;
  details.replaceChildren(
    element('h2', {}, `${fullName(row)} (${number})`),
    facts([
      ['result', errno === undefined ? result : `${result} (${errno})`],
      ...(reason === undefined ? [] : [['reason', element('span', { class: 'refused' }, reason)] as const]),
      ['virtual time', `${virtualSeconds.toFixed(9)} s`],
      ['called from', link(caller, 'Go to the caller (Enter)', () => view.run(() => jump(row)))],
      ['rip', link(rip, 'Open in the memory view', () => view.openMemory('virtual', rip))],
    ]),
    element('h2', {}, 'Arguments'),
    argumentsTree(row.arguments),
    element('h2', {}, place.symbol ?? callerAddress),
    disassembly(place),
  );
}

function argumentsTree(list: readonly XenStateField[]): HTMLElement {
  const tree = element('ul', { class: 'plain code arguments' });
  for (const { name, value, children } of list) {
    const item = element('li', {}, `${name} = ${value}`);
    if (children.length > 0) item.append(argumentsTree(children));
    tree.append(item);
  }
  return tree;
}

function disassembly({ instructions, source }: XenPlaceBody): HTMLElement {
  const list = element('ul', { class: 'plain code' });
  for (const { address, text } of instructions) list.append(element('li', {}, `${address}  ${text}`));
  if (source !== undefined) {
    const name = source.path.slice(source.path.lastIndexOf('/') + 1);
    const go = link(`${name}:${source.line}`, 'Open the source', () => view.openSource(source.path, source.line));
    list.prepend(element('li', {}, go));
  }
  return list;
}

function show(): void {
  const wanted = filter.value.trim().toLowerCase();
  const fits = (row: Row): boolean =>
    wanted === '' || `${fullName(row)} ${row.text} ${row.errno ?? ''} ${row.caller}`.toLowerCase().includes(wanted);
  const shown = rows.filter((row) => (!refusedOnly.checked || row.errno !== undefined) && fits(row));
  grid.show(shown);
  if (shown.length !== rows.length) view.say(`${shown.length} of ${rows.length}.`);
}

const view = new View('Hypercalls', {
  refresh: async () => {
    for (;;) {
      const body = await view.ask('xenHypercallHistory', { since: next, count: BATCH, keep: view.keep });
      // A machine that was started anew counts from 0.
      if (body.next < next) rows = [];
      rows.push(...body.entries.map((entry, at) => ({ ...entry, sequence: body.first + at })));
      next = body.first + body.entries.length;
      if (next >= body.next || body.entries.length === 0) break;
    }
    if (rows.length > view.keep) rows = rows.slice(rows.length - view.keep);
    show();
  },
});

filter.addEventListener('input', show);
refusedOnly.addEventListener('change', show);
view.header.append(
  filter,
  element('label', {}, refusedOnly, ' refused only'),
  button('Clear', 'Forget what is shown', () => {
    rows = [];
    show();
  }),
  button('Refresh', 'Look again', () => view.refresh()),
);
view.start(element('div', { class: 'split' }, grid.element, details));
