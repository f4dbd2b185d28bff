import type { MemoryFromWebview, MemoryLocation, MemoryPage, MemoryToWebview } from '../../../messages/memory.ts';
import { button, element, root } from '../../components/element.ts';
import { hexRows } from '../../components/hex-rows.ts';
import { connect } from '../../messenger.ts';
import { editByte } from './byte-editor.ts';
import './memory.css';

const PAGE_BYTES = 512;
const SPACES = { virtual: 'virtual', 'pseudo-physical': 'pseudo-physical', machine: 'machine' } as const;

const messenger = connect<MemoryToWebview, MemoryFromWebview, MemoryLocation>();
const expression = element('input', {
  id: 'expression',
  placeholder: 'rsp, start_kernel + 0x10, 0xffffffff81000000',
  'aria-label': 'Address or expression',
  spellcheck: 'false',
});
const space = element('select', { id: 'space', 'aria-label': 'Address space' });
for (const [value, label] of Object.entries(SPACES)) space.append(element('option', { value }, label));
const pattern = element('input', {
  id: 'pattern',
  placeholder: 'find: 0f 05',
  'aria-label': 'Search pattern',
  spellcheck: 'false',
});
const patternKind = element('select', { id: 'pattern-kind', 'aria-label': 'Kind of pattern' });
patternKind.append(element('option', { value: 'bytes' }, 'bytes'), element('option', { value: 'text' }, 'text'));
const status = element('div', { id: 'status', role: 'status' });
const contents = element('div', { id: 'contents' });
let page: MemoryPage | undefined;

function show(): void {
  const location: MemoryLocation = {
    expression: expression.value.trim() || 'rsp',
    space: space.value as MemoryLocation['space'],
  };
  messenger.save(location);
  messenger.post({ type: 'show', location });
}

function search(): void {
  messenger.post({ type: 'search', pattern: pattern.value, kind: patternKind.value === 'text' ? 'text' : 'bytes' });
}

function onEnter(input: HTMLInputElement, action: () => void): void {
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') action();
  });
}

function renderPage(shown: MemoryPage): void {
  page = shown;
  if (document.activeElement !== expression) expression.value = shown.location.expression;
  space.value = shown.location.space;
  messenger.save(shown.location);
  contents.replaceChildren(hexRows({ ...shown, changed: new Set(shown.changed) }));
  contents.classList.remove('stale');
  if (shown.bytes.length === 0) notice('error', `Nothing is mapped at ${shown.address}.`);
  else
    notice(
      'information',
      shown.changed.length === 0 ? '' : `${shown.changed.length} bytes changed since the last stop`,
    );
}

function notice(kind: 'error' | 'information', text: string): void {
  status.className = kind;
  status.replaceChildren(text);
}

function edit(cell: HTMLElement): void {
  const offset = Number(cell.dataset.offset);
  if (page === undefined || Number.isNaN(offset)) return;
  const address = `0x${BigInt.asUintN(64, BigInt(page.address) + BigInt(offset)).toString(16)}`;
  const write = (value: number): void => messenger.post({ type: 'write', address, bytes: Uint8Array.of(value) });
  editByte(cell, write, () => undefined);
}

function receive(message: MemoryToWebview): void {
  switch (message.type) {
    case 'page':
      renderPage(message.page);
      return;
    case 'notice':
      notice(message.kind, message.text);
      return;
    case 'session':
      contents.classList.toggle('stale', message.state !== 'stopped');
      if (message.state === 'none') notice('information', 'No Xen session. Press F5 to boot a domain.');
      else if (message.state === 'running')
        notice('information', `${message.name} is running; memory is shown when it stops.`);
      return;
  }
}

onEnter(expression, show);
onEnter(pattern, search);
space.addEventListener('change', show);
contents.addEventListener('dblclick', (event) => {
  if (event.target instanceof HTMLElement) edit(event.target);
});
contents.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target instanceof HTMLElement) edit(event.target);
});
document.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLInputElement) return;
  if (event.key === 'PageDown') messenger.post({ type: 'move', delta: PAGE_BYTES });
  else if (event.key === 'PageUp') messenger.post({ type: 'move', delta: -PAGE_BYTES });
});
root().append(
  element(
    'header',
    {},
    expression,
    space,
    button('Go', 'Show memory here', show),
    button('◀', 'Previous page (Page Up)', () => messenger.post({ type: 'move', delta: -PAGE_BYTES })),
    button('▶', 'Next page (Page Down)', () => messenger.post({ type: 'move', delta: PAGE_BYTES })),
    pattern,
    patternKind,
    button('Find', 'Find from here on', search),
  ),
  status,
  contents,
);
messenger.onMessage(receive);
if (messenger.state !== undefined) {
  expression.value = messenger.state.expression;
  space.value = messenger.state.space;
}
messenger.post({ type: 'ready' });
