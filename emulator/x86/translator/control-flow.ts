import type { FunctionBody, Label, Local } from '../wasm/function-body.ts';
import { Int } from '../wasm/int.ts';
import { components } from './components.ts';

/** Where control goes for a block: out of `label`, with the block's number in the selector when that is a dispatch. */
interface Target {
  readonly label: Label;
  readonly select: boolean;
}

/**
 * Lays the blocks of a region out as structured control flow. Strongly connected components stand one after the other
 * in topological order, so that jumps between them leave nested WebAssembly blocks. A component with a cycle is a loop
 * around its entries; what is left of it without the jumps back to those is laid out in the same way. Only a loop with
 * several entries has a br_table, over the selector.
 */
export class ControlFlow {
  private readonly targets = new Map<number, Target>();

  constructor(
    private readonly body: FunctionBody,
    private readonly successors: readonly (readonly number[])[],
    /** Holds the number of the block to begin with. */
    private readonly selector: Local,
    private readonly emitBlock: (block: number) => void,
  ) {}

  /** Emits everything; the function begins with one of `entries`. */
  emit(entries: readonly number[]): void {
    const all = this.successors.map((_, index) => index);
    this.scope(all, entries, new Set());
  }

  /** Code that goes to a block, from within `emitBlock`. */
  jump(block: number): void {
    const target = this.targets.get(block);
    if (target === undefined) throw new Error(`no way to block ${block}`);
    if (target.select) this.body.set(this.selector, Int.constant(32, block));
    this.body.br(target.label);
  }

  /** Blocks among which control arrives at `heads`; jumps to blocks in `cut` go where the enclosing loop has them. */
  private scope(blocks: readonly number[], heads: readonly number[], cut: ReadonlySet<number>): void {
    const { body } = this;
    const inside = new Set(blocks);
    const follow = (block: number): number[] =>
      (this.successors[block] as readonly number[]).filter((next) => inside.has(next) && !cut.has(next));
    const order = components(blocks, follow).reverse();
    const place = new Map(order.flatMap((component, index) => component.map((block) => [block, index] as const)));
    const entries = this.entriesOf(order, place, heads, follow);
    const dispatched = heads.length > 1 || place.get(heads[0] as number) !== 0;
    const first = dispatched ? 0 : 1;
    const labels: Label[] = [];
    for (let index = order.length - 1; index >= first; index--) labels[index] = body.block();
    const saved = new Map(this.targets);
    for (const [index, list] of entries.entries()) {
      for (const block of list) {
        if (!cut.has(block) && index >= first)
          this.targets.set(block, { label: labels[index] as Label, select: list.length > 1 });
      }
    }
    if (dispatched) this.dispatch(heads, (head) => labels[place.get(head) as number] as Label);
    for (const [index, component] of order.entries()) {
      if (index >= first) body.end();
      this.component(component, entries[index] as readonly number[], follow, cut);
    }
    for (const block of blocks) {
      const before = saved.get(block);
      if (before === undefined) this.targets.delete(block);
      else this.targets.set(block, before);
    }
  }

  /** Blocks of each component at which control can arrive from outside of it. */
  private entriesOf(
    order: readonly (readonly number[])[],
    place: ReadonlyMap<number, number>,
    heads: readonly number[],
    follow: (block: number) => number[],
  ): readonly (readonly number[])[] {
    const entries = order.map(() => new Set<number>());
    for (const head of heads) entries[place.get(head) as number]?.add(head);
    for (const [block, index] of place) {
      for (const next of follow(block)) if (place.get(next) !== index) entries[place.get(next) as number]?.add(next);
    }
    return entries.map((set) => [...set]);
  }

  private component(
    blocks: readonly number[],
    entries: readonly number[],
    follow: (block: number) => number[],
    cut: ReadonlySet<number>,
  ): void {
    const only = blocks[0] as number;
    if (blocks.length === 1 && !follow(only).includes(only)) {
      this.emitBlock(only);
      return;
    }
    const label = this.body.loop();
    const select = entries.length > 1;
    const before = new Map(entries.map((entry) => [entry, this.targets.get(entry)] as const));
    for (const entry of entries) this.targets.set(entry, { label, select });
    this.scope(blocks, entries, new Set([...cut, ...entries]));
    for (const [entry, target] of before) {
      if (target === undefined) this.targets.delete(entry);
      else this.targets.set(entry, target);
    }
    this.body.end();
    this.body.unreachable();
  }

  private dispatch(heads: readonly number[], labelOf: (head: number) => Label): void {
    const { body } = this;
    const fallback = labelOf(heads[0] as number);
    const labels: Label[] = [];
    for (let block = 0; block <= Math.max(...heads); block++) {
      labels.push(heads.includes(block) ? labelOf(block) : fallback);
    }
    body.brTable(labels, fallback, body.get(this.selector));
  }
}
