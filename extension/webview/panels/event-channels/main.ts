import type { XenEventChannel } from '../../../../debug-adapter/protocol/view-data.ts';
import { button, element } from '../../components/element.ts';
import { facts } from '../../components/facts.ts';
import { Grid } from '../../components/grid.ts';
import { View } from '../../components/view.ts';
import './event-channels.css';

const yes = (value: boolean): string => (value ? 'yes' : '');

const summary = element('section', { class: 'side', 'aria-label': 'vCPUs' });
const grid = new Grid<XenEventChannel>({
  label: 'Open ports',
  minimumWidth: '52em',
  columns: [
    { id: 'port', title: 'Port', width: '5em', kind: 'number', text: ({ port }) => String(port) },
    { id: 'kind', title: 'Kind', width: '8em', text: ({ kind }) => kind },
    { id: 'peer', title: 'Other end', width: 'minmax(12em, 1fr)', text: ({ peer }) => peer },
    { id: 'vcpu', title: 'vCPU', width: '5em', kind: 'number', text: ({ vcpu }) => String(vcpu) },
    { id: 'pending', title: 'Pending', width: '6em', text: ({ pending }) => yes(pending) },
    { id: 'masked', title: 'Masked', width: '6em', text: ({ masked }) => yes(masked) },
    { id: 'priority', title: 'Priority', width: '6em', kind: 'number', text: ({ priority }) => String(priority ?? '') },
    { id: 'word', title: 'Word', width: '10em', kind: 'code', text: ({ word }) => word ?? '' },
  ],
  key: ({ port }) => String(port),
  onActivate: ({ word }) => {
    if (word !== undefined) view.openMemory('machine', word);
  },
  empty: 'No port is open.',
});

const view = new View('Event Channels', {
  refresh: async () => {
    const { domain } = view;
    const body = await view.ask('xenEventChannels', domain === undefined ? {} : { domain });
    grid.showChanges(body.channels, view.changes, String(body.domain));
    summary.replaceChildren(
      element('h2', {}, body.abi === 'fifo' ? 'FIFO events' : 'Two-level events'),
      facts([
        ['open', String(body.channels.length)],
        ['highest port', String(body.maxPort)],
      ]),
      ...body.vcpus.flatMap(({ vcpu, pending, masked }) => [
        element('h2', {}, `vCPU ${vcpu}`),
        facts([
          ['upcall pending', pending ? 'yes' : 'no'],
          ['upcalls', masked ? 'masked' : 'let through'],
        ]),
      ]),
      element('p', {}, 'Enter on a port opens the memory of the word with its pending bit.'),
    );
  },
});

view.header.append(button('Refresh', 'Look again', () => view.refresh()));
view.start(element('div', { class: 'split' }, grid.element, summary));
