import type { XenField } from '../../../../debug-adapter/protocol/custom-requests.ts';
import { element } from '../../components/element.ts';

/** Decoded fields, nested as the structures are. */
export function fieldList(fields: readonly XenField[]): HTMLElement {
  const list = element('ul', { class: 'fields' });
  for (const { name, value, children } of fields) {
    const line = element('li', {}, element('span', { class: 'name' }, name), value === '' ? '' : ` ${value}`);
    if (children.length > 0) line.append(fieldList(children));
    list.append(line);
  }
  return list;
}
