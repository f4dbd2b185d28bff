import type { XenFrame, XenFrameBody } from '../../../debug-adapter/protocol/view-data.ts';
import { element } from './element.ts';
import { facts, link } from './facts.ts';
import type { View } from './view.ts';

/** "writable_page × 3 of 4, domain 1": what a frame is, in a table's cell. */
export function frameText(frame: XenFrame | undefined): string {
  if (frame === undefined) return '';
  const { type, typeCount, count, owner, pinned } = frame;
  const whose = owner === undefined ? 'nobody’s' : `domain ${owner}`;
  return `${type} ×${typeCount} of ${count}, ${whose}${pinned ? ', pinned' : ''}`;
}

/** Everything about a frame, with links to memory and to the page-table entries that map it. */
export function frameFacts(
  view: View,
  body: XenFrameBody,
  mfn: string,
  goTo: (space: 'virtual' | 'machine', address: string) => void,
): readonly HTMLElement[] {
  const { frame, mappings, moreMappings, grants } = body;
  const title = element('h2', {}, `Frame ${mfn}`);
  if (frame === undefined) return [title, element('p', {}, 'This machine has no such frame.')];
  const { pfn, owner, type, typeCount, count, pinned, validated, xenHeap } = frame;
  const list = facts([
    ['mfn', link(mfn, 'Open the frame in the memory view', () => view.openMemory('machine', `${mfn}000`))],
    ['pfn', pfn ?? 'none'],
    ['owner', owner === undefined ? 'nobody' : xenHeap ? `Xen, for domain ${owner}` : `domain ${owner}`],
    ['type', `${type}${validated ? ', validated' : ''}`],
    ['type count', String(typeCount)],
    ['references', String(count)],
    ['pinned', pinned ? 'yes' : 'no'],
  ]);
  const mapped = element('ul', { class: 'plain code' });
  for (const { table, level, index, virtual, writable, domain } of mappings) {
    const place = virtual ?? `L${level} table ${table} entry ${index} of domain ${domain}`;
    const press = (): void => goTo(virtual === undefined ? 'machine' : 'virtual', virtual ?? `${table}000`);
    mapped.append(element('li', {}, link(place, 'Show it', press), writable ? ' writable' : ' read-only'));
  }
  if (moreMappings > 0) mapped.append(element('li', {}, `and ${moreMappings} more`));
  const granted = element('ul', { class: 'plain code' });
  for (const { domain, ref, user } of grants) {
    const show = link(`grant ${ref} of domain ${domain}`, 'Show it in the grant tables', () =>
      view.open('grants', String(ref)),
    );
    granted.append(element('li', {}, show, ` in use by ${user === 0 ? 'the host' : `domain ${user}`}`));
  }
  return [
    title,
    list,
    element('h2', {}, mappings.length === 0 ? 'Mapped by no page table' : 'Mapped by'),
    mapped,
    ...(grants.length === 0 ? [] : [element('h2', {}, 'Granted'), granted]),
  ];
}
