import { HEAT_NEVER, STATE_REGION_STALE } from '../cpu/layout.ts';
import type { Block, CodeCache, Translations } from '../interpreter/code-cache.ts';
import type { FormTable } from '../interpreter/forms.ts';
import { REGION_ENTRIES, REGION_SLOTS } from '../interpreter/record.ts';
import { type BlockCode, readBlock } from './block-code.ts';
import { RegionCode, type RegionPlan } from './region-code.ts';
import { RegionCompiler, type RegionHost } from './region-compiler.ts';
import type { RecordFields } from './region-emitter.ts';

export interface TranslatorOptions {
  /** Runs of a block before it is translated. */
  readonly threshold: number;
  /** Regions of one WebAssembly module. */
  readonly batch: number;
  /** A frame that lost regions to stores this often stays with the interpreter until all code is given up. */
  readonly drops: number;
}

export const DEFAULT_OPTIONS: TranslatorOptions = { threshold: 2000, batch: 32, drops: 16 };
/** For tests: everything is translated before it runs. */
export const EAGER_OPTIONS: TranslatorOptions = { threshold: 0, batch: 1, drops: Infinity };

const MAXIMUM_BLOCKS = 64;
const MAXIMUM_INSTRUCTIONS = 800;
/** A block joins a region when it has run this fraction of the threshold. */
const WARM = 64;
/** Times that a region is made anew because others of its page join it. */
const MAXIMUM_REBUILDS = 4;
/** All regions are given up when their modules are larger than this in sum. */
const MAXIMUM_BYTES = 64 << 20;

interface Region {
  readonly slot: number;
  readonly mode: 32 | 64;
  readonly page: number;
  /** Records of its blocks, and of those that it is entered at. */
  readonly blocks: readonly number[];
  readonly entries: readonly number[];
  readonly rebuilds: number;
}

/**
 * Decides what is translated, and knows which regions exist. Blocks that have become hot wait in a queue; a batch of
 * them becomes one module. Nothing of this is visible to the guest, and none of it is state.
 */
export class Translator implements Translations {
  /** Figures for ourselves. */
  readonly statistics = { regions: 0, blocks: 0, modules: 0, bytes: 0, dropped: 0, milliseconds: 0 };

  private readonly compilers: Record<32 | 64, RegionCompiler | undefined> = { 32: undefined, 64: undefined };
  private readonly byBlock = new Map<number, Region>();
  /** Regions of each frame, by the RAM offset of the page. */
  private readonly byPage = new Map<number, Set<Region>>();
  private readonly drops = new Map<number, number>();
  private readonly queue = new Set<number>();
  private readonly freeSlots: Record<32 | 64, number[]> = { 32: allSlots(), 64: allSlots() };
  private bytes = 0;
  readonly memory: WebAssembly.Memory;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly fields: RecordFields;

  constructor(
    private readonly host: RegionHost,
    private readonly cache: CodeCache,
    private readonly forms: Readonly<Record<32 | 64, FormTable>>,
    private readonly options: TranslatorOptions,
    private readonly now: () => number = () => 0,
  ) {
    this.memory = host.memory;
    this.u8 = new Uint8Array(host.memory.buffer);
    this.u16 = new Uint16Array(host.memory.buffer);
    this.i32 = new Int32Array(host.memory.buffer);
    this.fields = {
      u8: (at) => this.u8[at] as number,
      u16: (at) => this.u16[at >> 1] as number,
      i32: (at) => this.i32[at >> 2] as number,
    };
    cache.threshold = options.threshold;
    cache.translations = this;
  }

  /** Whether the frame at this RAM offset has regions: stores to it are the interpreter's. */
  hasRegions(page: number): boolean {
    return this.byPage.has(page);
  }

  /** The block at this record has run often enough. */
  hot(at: number): void {
    const waiting = this.queue.has(at);
    const block = this.cache.blockAt(at);
    if (block === undefined || (this.drops.get(pageOf(block)) ?? 0) >= this.options.drops) {
      this.cache.setHeat(at, HEAT_NEVER);
      return;
    }
    this.queue.add(at);
    this.cache.setHeat(at, this.options.threshold);
    // One that has become hot once more has waited long enough.
    if (waiting || this.queue.size >= this.options.batch || this.options.threshold <= this.options.batch) this.flush();
  }

  /** Translates what waits. */
  private flush(): void {
    const started = this.now();
    const roots = [...this.queue];
    this.queue.clear();
    for (const mode of [64, 32] as const) {
      const plans = this.plan(roots, mode);
      if (plans.length > 0) this.compile(plans, mode);
    }
    this.statistics.milliseconds += this.now() - started;
  }

  /** Regions for these hot blocks; regions that they take in are dropped. */
  private plan(roots: readonly number[], mode: 32 | 64): Planned[] {
    const plans: Planned[] = [];
    const taken = new Set<number>();
    for (const root of roots) {
      const block = this.cache.blockAt(root);
      if (block === undefined || modeOf(block) !== mode || taken.has(root)) continue;
      const planned = this.discover(block, taken);
      if (planned === undefined) {
        this.cache.setHeat(root, HEAT_NEVER);
        continue;
      }
      for (const member of planned.plan.blocks) taken.add(member.record);
      plans.push(planned);
    }
    const late = roots.filter((root) => taken.has(root));
    return plans.map((planned) => withEntries(planned, late));
  }

  /** Blocks of the page that the root leads to, with those of a region of which it is part or which it leads to. */
  private discover(root: Block, taken: ReadonlySet<number>): Planned | undefined {
    const mode = modeOf(root);
    const page = pageOf(root);
    const blocks: BlockCode[] = [];
    const entries = new Set<number>([root.record]);
    const seen = new Set<number>();
    let instructions = 0;
    let rebuilds = 0;
    const waiting = [root.record];
    const own = this.byBlock.get(root.record);
    const absorb = (region: Region): boolean => {
      const fits = blocks.length + region.blocks.length <= MAXIMUM_BLOCKS;
      if (region !== own && (region.rebuilds >= MAXIMUM_REBUILDS || !fits)) return false;
      rebuilds = Math.max(rebuilds, region.rebuilds + 1);
      for (const entry of region.entries) entries.add(entry);
      waiting.push(...region.blocks);
      this.drop(region);
      return true;
    };
    if (own !== undefined) absorb(own);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (seen.has(next) || taken.has(next)) continue;
      seen.add(next);
      const region = this.byBlock.get(next);
      if (region !== undefined && !absorb(region)) continue;
      const block = this.cache.blockAt(next);
      if (block === undefined) continue;
      const code = readBlock(this.fields, this.forms[mode], next, block.records);
      if (code === undefined || blocks.length === MAXIMUM_BLOCKS) continue;
      if (instructions + code.count > MAXIMUM_INSTRUCTIONS && blocks.length > 0) continue;
      blocks.push(code);
      instructions += code.count;
      waiting.push(...code.links.filter((link) => this.isWarm(link)));
      if (code.returnOffset >= 0 && code.returnOffset < 4096) {
        const site = this.cache.blockOf(page + code.returnOffset, mode)?.record;
        if (site !== undefined && this.isWarm(site)) {
          entries.add(site);
          waiting.push(site);
        }
      }
    }
    if (blocks[0]?.record !== root.record && !blocks.some(({ record }) => record === root.record)) return undefined;
    const indices = blocks.flatMap(({ record }, index) => (entries.has(record) ? [index] : []));
    return { plan: { mode, page, blocks, entries: indices.slice(0, REGION_ENTRIES) }, rebuilds };
  }

  private isWarm(at: number): boolean {
    const heat = this.cache.heat(at);
    const { threshold } = this.options;
    return heat <= threshold - Math.floor(threshold / WARM);
  }

  private compile(plans: readonly Planned[], mode: 32 | 64): void {
    if (this.bytes > MAXIMUM_BYTES || this.freeSlots[mode].length < plans.length) this.dropAllRegions();
    const compiler = this.compilers[mode] ?? new RegionCompiler(this.host, mode);
    this.compilers[mode] = compiler;
    const slots = plans.map(() => this.freeSlots[mode].pop() as number);
    const bytes = compiler.compile(
      slots,
      plans.map(
        ({ plan }) =>
          (imports, routineType) =>
            new RegionCode(plan, imports, routineType, this.fields).emit(),
      ),
    );
    this.bytes += bytes;
    const { statistics } = this;
    statistics.modules++;
    statistics.bytes += bytes;
    for (const [index, planned] of plans.entries()) this.publish(planned, slots[index] as number);
  }

  private publish({ plan, rebuilds }: Planned, slot: number): void {
    const blocks = plan.blocks.map(({ record }) => record);
    const entries = plan.entries.map((index) => blocks[index] as number);
    const region: Region = { slot, mode: plan.mode, page: plan.page, blocks, entries, rebuilds };
    const position = this.host.tables[plan.mode].base + slot;
    // A block that is no entry, but is entered often, has the region made anew: ever more reluctantly.
    const patience = this.options.threshold * 2 ** Math.min(rebuilds, 15);
    for (const at of blocks) {
      this.byBlock.set(at, region);
      this.cache.setHeat(at, patience);
    }
    for (const index of plan.entries) this.cache.setHeat(blocks[index] as number, ~(position * REGION_ENTRIES + index));
    const list = this.byPage.get(plan.page);
    if (list === undefined) this.byPage.set(plan.page, new Set([region]));
    else list.add(region);
    this.statistics.regions++;
    this.statistics.blocks += blocks.length;
  }

  private drop(region: Region): void {
    this.i32[STATE_REGION_STALE >> 2] = 1;
    for (const at of region.blocks) {
      this.byBlock.delete(at);
      if (this.cache.blockAt(at) !== undefined) this.cache.setHeat(at, this.options.threshold);
    }
    const list = this.byPage.get(region.page);
    list?.delete(region);
    if (list?.size === 0) this.byPage.delete(region.page);
    this.freeSlots[region.mode].push(region.slot);
    this.statistics.dropped++;
  }

  retired(block: Block): void {
    this.queue.delete(block.record);
    const region = this.byBlock.get(block.record);
    if (region === undefined) return;
    this.drops.set(region.page, (this.drops.get(region.page) ?? 0) + 1);
    this.drop(region);
  }

  allDropped(): void {
    this.queue.clear();
    this.drops.clear();
    this.dropAllRegions();
  }

  /** Frees the code of all regions; their blocks start to count again. */
  private dropAllRegions(): void {
    for (const regions of [...this.byPage.values()]) for (const region of [...regions]) this.drop(region);
    for (const compiler of Object.values(this.compilers)) compiler?.clear();
    this.bytes = 0;
  }
}

interface Planned {
  readonly plan: RegionPlan;
  readonly rebuilds: number;
}

/** Hot blocks that another hot block's region took in are entries of it. */
function withEntries({ plan, rebuilds }: Planned, hot: readonly number[]): Planned {
  const more = plan.blocks.flatMap(({ record }, index) => (hot.includes(record) ? [index] : []));
  const entries = [...new Set([...plan.entries, ...more])].sort((a, b) => a - b);
  return { plan: { ...plan, entries }, rebuilds };
}

function allSlots(): number[] {
  return Array.from({ length: REGION_SLOTS }, (_, index) => REGION_SLOTS - 1 - index);
}

function modeOf({ key }: Block): 32 | 64 {
  return key % 2 === 1 ? 64 : 32;
}

/** RAM offset of the page that a block begins in. */
function pageOf({ key }: Block): number {
  const code = Math.floor(key / 2);
  return code - (code % 4096);
}
