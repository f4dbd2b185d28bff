import type { XenGrantEntry, XenGrantMapping } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { facts } from '../../components/facts.ts';
import { frameFacts, frameText } from '../../components/frame-facts.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import './grants.css';

const summary = element('div');
const details = element('div');
const side = element('section', { class: 'side', 'aria-label': 'Details', tabindex: '0' }, summary, details);
const host = (domain: number): string => (domain === 0 ? 'the host' : `domain ${domain}`);

function users({ mappedBy, readers, writers }: XenGrantEntry): string {
  const mapped = mappedBy.map(({ domain, handle }) => `domain ${domain} handle ${handle}`);
  if (mapped.length > 0) return mapped.join(', ');
  return readers + writers > 0 ? 'a back end of the host' : '';
}

const entries = new Grid<XenGrantEntry>({
  label: 'Grant entries',
  minimumWidth: '68em',
  columns: [
    { id: 'ref', title: 'Ref', width: '5em', kind: 'number', text: ({ ref }) => String(ref) },
    { id: 'type', title: 'Type', width: '9em', text: ({ type }) => type },
    { id: 'flags', title: 'Flags', width: '12em', text: ({ flags }) => flags.join(', ') },
    { id: 'domain', title: 'For', width: '7em', text: ({ domain }) => host(domain) },
    { id: 'mfn', title: 'Frame', width: '8em', kind: 'code', text: ({ mfn }) => mfn },
    { id: 'pfn', title: 'Page', width: '8em', kind: 'code', text: ({ frame }) => frame?.pfn ?? '' },
    { id: 'readers', title: 'Readers', width: '6em', kind: 'number', text: ({ readers }) => String(readers) },
    { id: 'writers', title: 'Writers', width: '6em', kind: 'number', text: ({ writers }) => String(writers) },
    { id: 'users', title: 'Used by', width: 'minmax(10em, 1fr)', text: users },
  ],
  key: ({ ref }) => String(ref),
  onSelect: (entry) => view.run(() => showEntry(entry)),
  onActivate: ({ mfn }) => view.openMemory('machine', `${mfn}000`),
  empty: 'Nothing is granted.',
});

const mappings = new Grid<XenGrantMapping>({
  label: 'Mapped grants of other domains',
  columns: [
    { id: 'handle', title: 'Handle', width: '6em', kind: 'number', text: ({ handle }) => String(handle) },
    { id: 'domain', title: 'Granter', width: '8em', text: ({ domain }) => host(domain) },
    { id: 'ref', title: 'Ref', width: '6em', kind: 'number', text: ({ ref }) => String(ref) },
    { id: 'mfn', title: 'Frame', width: '8em', kind: 'code', text: ({ mfn }) => mfn },
    {
      id: 'flags',
      title: 'Flags',
      width: 'minmax(10em, 1fr)',
      text: ({ flags, orphan }) => [...flags, ...(orphan ? ['granter is gone'] : [])].join(', '),
    },
  ],
  key: ({ handle }) => String(handle),
  onActivate: ({ mfn }) => view.openMemory('machine', `${mfn}000`),
});

const mapped = element('div', { class: 'mapped' }, element('h2', {}, 'Mapped of other domains'), mappings.element);

async function showEntry(entry: XenGrantEntry): Promise<void> {
  const { domain } = view;
  const mfn = entry.activeMfn ?? entry.mfn;
  const body = await view.ask('xenFrame', { mfn, ...(domain === undefined ? {} : { domain }) });
  if (entries.selection?.ref !== entry.ref) return;
  details.replaceChildren(
    element('h2', {}, `Grant ${entry.ref}`),
    facts([
      ['entry at', entry.at],
      ['flags', [entry.type, ...entry.flags].join(', ')],
      ['frame is', frameText(entry.frame)],
      ...(entry.activeMfn === undefined ? [] : [['in use for', entry.activeMfn] as const]),
    ]),
    button('Entry in memory', 'Open the entry itself in the memory view', () => view.openMemory('machine', entry.at)),
    ...frameFacts(view, body, mfn, (space, address) =>
      space === 'virtual' ? view.open('page-tables', address) : view.openMemory('machine', address),
    ),
  );
}

const view = new View('Grant Tables', {
  refresh: async () => {
    const { domain } = view;
    const body = await view.ask('xenGrants', domain === undefined ? {} : { domain });
    entries.showChanges(body.entries, view.changes, `${body.domain} entry`);
    mappings.showChanges(body.mappings, view.changes, `${body.domain} mapping`);
    mapped.hidden = body.mappings.length === 0;
    summary.replaceChildren(
      element('h2', {}, `Version ${body.version}`),
      facts([
        ['frames', `${body.frames} of at most ${body.maxFrames}`],
        ['entries', `${body.entries.length} of ${body.size} in use`],
        ['mapped', String(body.mappings.length)],
      ]),
    );
    const selected = entries.selection;
    if (selected !== undefined) await showEntry(selected);
  },
  show: (ref) => {
    entries.select(ref);
    return Promise.resolve();
  },
});

view.header.append(button('Refresh', 'Look again', () => view.refresh()));
view.start(element('div', { class: 'split' }, entries.element, side), mapped);
