import type { Changes } from './changes.ts';
import { element } from './element.ts';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** A track of CSS grid: "8em", "minmax(10em, 1fr)". */
  readonly width: string;
  readonly text: (row: Row) => string;
  readonly kind?: 'code' | 'number';
}

export interface GridOptions<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** Stays with a row over refreshes. */
  readonly key: (row: Row) => string;
  /** For trees: depth from 0 on, and whether the row is open; undefined: it has no children. */
  readonly tree?: { readonly level: (row: Row) => number; readonly open: (row: Row) => boolean | undefined };
  readonly onSelect?: (row: Row) => void;
  /** Enter, or a double click. */
  readonly onActivate?: (row: Row) => void;
  /** Left, right, or a click on the arrow. */
  readonly onToggle?: (row: Row, open: boolean) => void;
  readonly empty?: string;
  /** Of the whole table, in CSS's words. */
  readonly minimumWidth?: string;
}

const ROW_HEIGHT = 22;
/** Rows drawn above and below those in sight. */
const MARGIN = 8;
let nextGrid = 1;

/**
 * A table of any length, of which only what is in sight is in the document. One stop for the Tab key; arrows, Page Up
 * and Down, Home and End move the selection (WAI-ARIA's grid and treegrid patterns, with aria-activedescendant).
 */
export class Grid<Row> {
  readonly element: HTMLElement;
  private readonly rowsElement: HTMLElement;
  private readonly space = element('div', { class: 'space', role: 'rowgroup' });
  private readonly id = `grid${nextGrid++}`;
  private readonly template: string;
  private rows: readonly Row[] = [];
  private changed: (row: Row, column: string) => boolean = () => false;
  private selected = -1;
  private selectedKey: string | undefined;
  private frame = 0;

  constructor(private readonly options: GridOptions<Row>) {
    const { columns, label, tree } = options;
    this.template = columns.map(({ width }) => width).join(' ');
    const head = element('div', { role: 'row', class: 'head', 'aria-rowindex': '1' });
    for (const { title, kind } of columns)
      head.append(element('div', { role: 'columnheader', class: kind ?? '' }, title));
    head.style.gridTemplateColumns = this.template;
    head.style.minWidth = options.minimumWidth ?? '0';
    this.space.style.minWidth = options.minimumWidth ?? '0';
    this.rowsElement = element(
      'div',
      { class: 'rows', role: tree === undefined ? 'grid' : 'treegrid', tabindex: '0', 'aria-label': label },
      element('div', { class: 'top', role: 'rowgroup' }, head),
      this.space,
    );
    this.rowsElement.setAttribute('aria-colcount', String(columns.length));
    this.element = element('div', { class: 'grid' }, this.rowsElement);
    this.rowsElement.addEventListener('scroll', () => this.drawLater());
    this.rowsElement.addEventListener('keydown', (event) => this.pressed(event));
    this.rowsElement.addEventListener('click', (event) => this.clicked(event));
    this.rowsElement.addEventListener('dblclick', () => this.activate());
    new ResizeObserver(() => this.drawLater()).observe(this.rowsElement);
  }

  /** Replaces all rows; the selection stays with its key. */
  show(rows: readonly Row[], changed: (row: Row, column: string) => boolean = () => false): void {
    this.rows = rows;
    this.changed = changed;
    this.selected = rows.findIndex((row) => this.options.key(row) === this.selectedKey);
    this.rowsElement.setAttribute('aria-rowcount', String(rows.length + 1));
    this.space.style.height = `${rows.length * ROW_HEIGHT}px`;
    this.draw();
  }

  /** As `show`, with the cells marked that differ from the stop before. `prefix` tells alike tables apart. */
  showChanges(rows: readonly Row[], changes: Changes, prefix: string): void {
    const { columns, key } = this.options;
    const changed = new Set<string>();
    for (const row of rows) {
      for (const { id, text } of columns) {
        const cell = `${key(row)} ${id}`;
        if (changes.differs(`${prefix} ${cell}`, text(row))) changed.add(cell);
      }
    }
    this.show(rows, (row, column) => changed.has(`${key(row)} ${column}`));
  }

  get selection(): Row | undefined {
    return this.rows[this.selected];
  }

  /** Selects a row and brings it into sight. */
  select(key: string): void {
    this.moveTo(this.rows.findIndex((row) => this.options.key(row) === key));
  }

  focus(): void {
    this.rowsElement.focus();
  }

  private drawLater(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { scrollTop } = this.rowsElement;
    const clientHeight = this.visibleHeight;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - MARGIN);
    const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + MARGIN);
    const drawn: HTMLElement[] = [];
    for (let index = first; index < last; index++) drawn.push(this.drawRow(index));
    if (this.selected >= 0 && (this.selected < first || this.selected >= last)) drawn.push(this.drawRow(this.selected));
    if (this.rows.length === 0 && this.options.empty !== undefined) {
      const cell = element('div', { role: 'gridcell', class: 'empty' }, this.options.empty);
      drawn.push(element('div', { role: 'row' }, cell));
    }
    this.space.replaceChildren(...drawn);
    if (this.selected >= 0) this.rowsElement.setAttribute('aria-activedescendant', this.rowId(this.selected));
    else this.rowsElement.removeAttribute('aria-activedescendant');
  }

  /** Below the heads, which stay at the top. */
  private get visibleHeight(): number {
    return this.rowsElement.clientHeight - ROW_HEIGHT;
  }

  private rowId(index: number): string {
    return `${this.id}-${index}`;
  }

  private drawRow(index: number): HTMLElement {
    const row = this.rows[index] as Row;
    const { columns, tree } = this.options;
    const node = element('div', {
      ...{ role: 'row', id: this.rowId(index), 'aria-rowindex': String(index + 2), 'data-index': String(index) },
      'aria-selected': String(index === this.selected),
    });
    node.style.top = `${index * ROW_HEIGHT}px`;
    node.style.gridTemplateColumns = this.template;
    const open = tree?.open(row);
    const level = tree?.level(row) ?? 0;
    if (tree !== undefined) node.setAttribute('aria-level', String(level + 1));
    if (open !== undefined) node.setAttribute('aria-expanded', String(open));
    for (const [at, column] of columns.entries()) {
      const text = column.text(row);
      const isChanged = this.changed(row, column.id);
      const cell = element(
        'div',
        { role: 'gridcell', class: `${column.kind ?? ''}${isChanged ? ' changed' : ''}`, 'data-column': column.id },
        text,
      );
      if (text !== '') cell.title = isChanged ? `${text} (changed since the stop before)` : text;
      if (at === 0 && tree !== undefined) {
        cell.style.paddingLeft = `${6 + level * 14}px`;
        const arrow = open === undefined ? ' ' : open ? '▾' : '▸';
        cell.prepend(element('span', { class: 'twist', 'aria-hidden': 'true' }, arrow));
      }
      node.append(cell);
    }
    return node;
  }

  private pressed(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.visibleHeight / ROW_HEIGHT) - 1);
    const row = this.selection;
    const open = row === undefined ? undefined : this.options.tree?.open(row);
    switch (event.key) {
      case 'ArrowDown':
        this.moveTo(this.selected + 1);
        break;
      case 'ArrowUp':
        this.moveTo(Math.max(0, this.selected - 1));
        break;
      case 'PageDown':
        this.moveTo(Math.max(0, this.selected) + page);
        break;
      case 'PageUp':
        this.moveTo(Math.max(0, this.selected - page));
        break;
      case 'Home':
        this.moveTo(0);
        break;
      case 'End':
        this.moveTo(this.rows.length - 1);
        break;
      case 'ArrowRight':
        if (row !== undefined && open === false) this.options.onToggle?.(row, true);
        else if (open === true) this.moveTo(this.selected + 1);
        break;
      case 'ArrowLeft':
        if (row !== undefined && open === true) this.options.onToggle?.(row, false);
        else this.moveToParent();
        break;
      case 'Enter':
        this.activate();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  private moveToParent(): void {
    const { tree } = this.options;
    const row = this.selection;
    if (tree === undefined || row === undefined) return;
    for (let index = this.selected - 1; index >= 0; index--) {
      if (tree.level(this.rows[index] as Row) < tree.level(row)) {
        this.moveTo(index);
        return;
      }
    }
  }

  private clicked(event: MouseEvent): void {
    const node = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    if (node === null) return;
    const index = Number(node.dataset['index']);
    this.moveTo(index);
    const row = this.rows[index];
    const open = row === undefined ? undefined : this.options.tree?.open(row);
    const isArrow = (event.target as HTMLElement).classList.contains('twist');
    if (row !== undefined && open !== undefined && isArrow) this.options.onToggle?.(row, !open);
  }

  private activate(): void {
    const row = this.selection;
    if (row !== undefined) this.options.onActivate?.(row);
  }

  private moveTo(wanted: number): void {
    const index = Math.min(wanted, this.rows.length - 1);
    const row = this.rows[index];
    if (row === undefined) return;
    this.selected = index;
    this.selectedKey = this.options.key(row);
    const top = index * ROW_HEIGHT;
    const { scrollTop } = this.rowsElement;
    const clientHeight = this.visibleHeight;
    if (top < scrollTop) this.rowsElement.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.rowsElement.scrollTop = top + ROW_HEIGHT - clientHeight;
    this.draw();
    this.options.onSelect?.(row);
  }
}
