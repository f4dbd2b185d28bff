type Attributes = Readonly<Record<string, string | boolean>>;
type Child = Node | string;

/** A DOM element. Strings become text nodes, so nothing a guest wrote is ever read as markup. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, '');
    else if (value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

export function button(label: string, title: string, press: () => void): HTMLButtonElement {
  const node = element('button', { type: 'button', title }, label);
  node.addEventListener('click', press);
  return node;
}

/** The element every panel renders into. */
export function root(): HTMLElement {
  const node = document.getElementById('root');
  if (node === null) throw new Error('Xenoscope bug: the webview page has no root');
  return node;
}
