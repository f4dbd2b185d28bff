import { element } from '../../components/element.ts';

/**
 * Turns a byte's cell into an input field. Two hexadecimal digits are written at once and the next byte is opened;
 * Escape leaves it as it was.
 */
export function editByte(cell: HTMLElement, write: (value: number) => void, next: () => void): void {
  const before = cell.textContent ?? '';
  const input = element('input', {
    class: 'byte',
    maxlength: '2',
    'aria-label': 'New value of this byte',
    value: before,
  });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    cell.replaceChildren(before);
  };
  const commit = (): void => {
    const text = input.value;
    const isValid = /^[0-9a-f]{2}$/i.test(text);
    close();
    if (!isValid || text.toLowerCase() === before) return;
    cell.replaceChildren(text.toLowerCase());
    write(Number.parseInt(text, 16));
  };
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter') commit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener('input', () => {
    if (!/^[0-9a-f]{2}$/i.test(input.value)) return;
    commit();
    next();
  });
  input.addEventListener('blur', close);
  cell.replaceChildren(input);
  input.focus();
  input.select();
}
