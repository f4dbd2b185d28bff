import { element } from './element.ts';

/** A value that leads somewhere. */
export function link(text: string, title: string, press: () => void): HTMLButtonElement {
  const node = element('button', { type: 'button', class: 'link', title }, text);
  node.addEventListener('click', press);
  return node;
}

/** Names and values, one pair a line. */
export function facts(pairs: readonly (readonly [name: string, ...values: readonly (Node | string)[]])[]): HTMLElement {
  const list = element('dl', { class: 'facts' });
  for (const [name, ...values] of pairs)
    list.append(element('dt', {}, name), element('dd', { class: 'code' }, ...values));
  return list;
}
