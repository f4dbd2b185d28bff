import type { XenPageTableBody, XenPageTableEntry } from '../../../../debug-adapter/protocol/view-data.ts';

/** One line of the tree: an entry, or a run of L1 entries' tables that is open below it. */
export interface TreeRow {
  readonly key: string;
  readonly depth: number;
  readonly level: number;
  /** The table that the entry lies in. */
  readonly table: string;
  readonly entry: XenPageTableEntry;
}

export type LoadTable = (
  table: string | undefined,
  level: number | undefined,
  base: string | undefined,
) => Promise<XenPageTableBody>;

/** Page tables as a tree whose branches are read when they are opened, and all anew at each stop. */
export class PageTableTree {
  private readonly open = new Set<string>();
  private loaded = new Map<string, XenPageTableBody>();
  root: XenPageTableBody | undefined;

  constructor(private readonly load: LoadTable) {}

  isOpen({ key, entry }: TreeRow): boolean | undefined {
    return entry.isTable ? this.open.has(key) : undefined;
  }

  /** Reads the root and every open branch. */
  async reload(): Promise<void> {
    const loaded = new Map<string, XenPageTableBody>();
    this.root = await this.load(undefined, undefined, undefined);
    const visit = async (body: XenPageTableBody, path: string): Promise<void> => {
      for (const entry of body.entries) {
        const key = `${path}/${entry.index}`;
        if (!this.open.has(key) || !entry.isTable) continue;
        const below = await this.load(entry.mfn, body.level - 1, entry.virtual);
        loaded.set(key, below);
        await visit(below, key);
      }
    };
    await visit(this.root, '');
    this.loaded = loaded;
  }

  async toggle(row: TreeRow, open: boolean): Promise<void> {
    if (!open) {
      this.open.delete(row.key);
      return;
    }
    this.loaded.set(row.key, await this.load(row.entry.mfn, row.level - 1, row.entry.virtual));
    this.open.add(row.key);
  }

  /** Opens what leads to an address: indexes from the root on. The key of the last line that is there. */
  async reveal(indexes: readonly number[]): Promise<string | undefined> {
    let body = this.root;
    let path = '';
    let last: string | undefined;
    for (const index of indexes) {
      const entry = body?.entries.find((candidate) => candidate.index === index);
      if (body === undefined || entry === undefined) break;
      path = `${path}/${index}`;
      last = path;
      if (!entry.isTable) break;
      if (index === indexes.at(-1) && body.level === 1) break;
      body = this.loaded.get(path) ?? (await this.load(entry.mfn, body.level - 1, entry.virtual));
      this.loaded.set(path, body);
      if (indexes.length > path.split('/').length - 1) this.open.add(path);
    }
    return last;
  }

  rows(): readonly TreeRow[] {
    const found: TreeRow[] = [];
    const visit = (body: XenPageTableBody, path: string, depth: number): void => {
      for (const entry of body.entries) {
        const key = `${path}/${entry.index}`;
        found.push({ key, depth, level: body.level, table: body.table, entry });
        const below = this.open.has(key) && entry.isTable ? this.loaded.get(key) : undefined;
        if (below !== undefined) visit(below, key, depth + 1);
      }
    };
    if (this.root !== undefined) visit(this.root, '', 0);
    return found;
  }

  clear(): void {
    this.open.clear();
    this.loaded.clear();
  }
}
