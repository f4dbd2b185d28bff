import type { XenRing, XenRingDirection, XenRingMessage } from '../../../../debug-adapter/protocol/custom-requests.ts';
import type { RingsFromWebview, RingsToWebview } from '../../../messages/rings.ts';
import { element, root } from '../../components/element.ts';
import { connect } from '../../messenger.ts';
import { fieldList } from './fields.ts';
import './rings.css';

const messenger = connect<RingsToWebview, RingsFromWebview>();
/** Keys of the rings and messages that the user folded or unfolded; a refresh leaves them so. */
const folded = new Map<string, boolean>();

function foldable(key: string, openAtFirst: boolean, summary: HTMLElement, ...body: readonly Node[]): HTMLElement {
  const node = element('details', { open: folded.get(key) ?? openAtFirst }, summary, ...body);
  node.addEventListener('toggle', () => folded.set(key, node.open));
  return node;
}

function ringView(domain: number, ring: XenRing): HTMLElement {
  const key = `${domain}.${ring.name}`;
  const title = element('summary', {}, element('strong', {}, ring.name), ` mfn ${ring.mfn}, port ${ring.port}`);
  const indices = element('dl', { class: 'indices' });
  for (const { name, value } of ring.indices) {
    indices.append(element('dt', {}, name), element('dd', { 'data-index': name }, String(value)));
  }
  const directions = ring.directions.map((direction) =>
    directionView(`${key}.${direction.name}`, direction, ring.unit),
  );
  const node = foldable(key, true, title, indices, ...directions);
  node.dataset.ring = ring.name;
  return node;
}

function directionView(key: string, direction: XenRingDirection, unit: XenRing['unit']): HTMLElement {
  const { name, size, producer, consumer, pending, messages } = direction;
  const used = (producer - consumer) >>> 0;
  const title = element('summary', {}, `${name}: ${used} of ${size} ${unit} pending`);
  const list = element('ol', { class: 'messages' });
  for (const message of messages) list.append(messageView(key, message));
  const waiting = pending === '' ? [] : [element('pre', { class: 'pending' }, pending)];
  return foldable(key, true, title, occupancy(direction), ...waiting, list);
}

/** The ring as a strip: which of its slots hold bytes not yet consumed. */
function occupancy({ size, producer, consumer }: XenRingDirection): HTMLElement {
  const strip = element('div', { class: 'strip', role: 'img', 'aria-label': `${(producer - consumer) >>> 0} pending` });
  const slots = 64;
  const slotBytes = size / slots;
  for (let slot = 0; slot < slots; slot += 1) {
    const isPending = overlaps(slot * slotBytes, slotBytes, consumer, producer, size);
    strip.append(element('span', { class: isPending ? 'slot pending' : 'slot' }));
  }
  return strip;
}

function overlaps(start: number, length: number, consumer: number, producer: number, size: number): boolean {
  const used = Math.min((producer - consumer) >>> 0, size);
  const from = (consumer >>> 0) % size;
  return [from, from - size].some((first) => start < first + used && start + length > first);
}

function messageView(key: string, message: XenRingMessage): HTMLElement {
  const label = element(
    'summary',
    {},
    element('time', {}, message.instructions.toLocaleString('en')),
    ` ${message.summary}`,
  );
  const line = element('li', { class: message.state });
  if (message.fields.length === 0) line.append(...label.childNodes);
  else
    line.append(foldable(`${key}@${message.instructions}.${message.summary}`, false, label, fieldList(message.fields)));
  return line;
}

function receive(message: RingsToWebview): void {
  switch (message.type) {
    case 'empty':
      root().replaceChildren(element('p', { class: 'empty' }, message.text));
      return;
    case 'rings': {
      const sections = message.domains.map(({ domain, name, rings }) =>
        element(
          'section',
          {},
          element('h2', {}, `${name} (domain ${domain})`),
          ...rings.map((ring) => ringView(domain, ring)),
        ),
      );
      root().replaceChildren(...sections);
      return;
    }
  }
}

messenger.onMessage(receive);
messenger.post({ type: 'ready' });
