import {
  HEAT_NEVER,
  HEAT_OFFSET,
  HEAT_SHIFT,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  RECORDS,
  RECORDS_SIZE,
  STATE_DECODE,
} from '../cpu/layout.ts';
import { DECODED, type Decoder, NEEDS_MORE } from '../decoder/decoder.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import * as record from './record.ts';

const MAXIMUM_BLOCK = 64;
/** Room kept for one block: helpers included, and the closing record. */
const BLOCK_ROOM = (MAXIMUM_BLOCK * 3 + 4) * record.RECORD_SIZE;
/** Single-stepped instructions are decoded here, at the end of the arena. */
const SINGLE = RECORDS + RECORDS_SIZE - 8 * record.RECORD_SIZE;
/** Data stores into a code frame before its code is given up. */
const STORES_BEFORE_DROP = 64;

export interface Block {
  /** RAM offset of the first byte × 2, plus 1 in 64-bit mode. */
  readonly key: number;
  readonly record: number;
  readonly records: number;
  /** Bytes of the frame that it was decoded from. */
  readonly start: number;
  readonly end: number;
}

/** Who has translated blocks. */
export interface Translations {
  /** The block's bytes have changed. */
  retired(block: Block): void;
  /** No block exists any more. */
  allDropped(): void;
}

/**
 * Decoded blocks by the RAM offset of their first byte and the mode. A block never leaves its page, but for a last
 * instruction that crosses into the next one, which is a block of its own and checks that page each time it runs.
 */
export class CodeCache {
  /** Page offsets of armed instruction breakpoints: blocks are cut there. */
  breakpointOffsets: ReadonlySet<number> = new Set();
  /** Changes whenever all records are dropped: links into the old ones must not be patched. */
  generation = 0;
  /** Runs of a new block until it counts as hot. */
  threshold = HEAT_NEVER;
  translations: Translations | undefined;

  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private blocks = new Map<number, Block>();
  private readonly byRecord = new Map<number, Block>();
  private readonly byFrame = new Map<number, Block[]>();
  private readonly stores = new Map<number, number>();
  private next = RECORDS;
  private mode: 32 | 64 = 64;

  constructor(
    private readonly ram: PhysicalMemory,
    private readonly mmu: Mmu,
    private readonly decoders: Readonly<Record<32 | 64, Decoder>>,
  ) {
    this.u8 = new Uint8Array(ram.memory.buffer);
    this.u16 = new Uint16Array(ram.memory.buffer);
    this.i32 = new Int32Array(ram.memory.buffer);
    ram.onCodeWrite = (mfn) => this.dropFrame(this.ram.offset(mfn));
    mmu.onCodeStore = (offset, bytes) => this.stored(offset, bytes);
  }

  /** The jump cache holds blocks of one mode only. */
  setMode(mode: 32 | 64): void {
    if (mode === this.mode) return;
    this.mode = mode;
    this.clearJumpCache();
  }

  /**
   * Record of the block that starts at RAM offset `code`. `following` is the RAM offset of the next virtual page, asked
   * for only when an instruction crosses; it returns -1 when that page faults (the fault is then recorded).
   */
  lookup(code: number, following: () => number): number {
    const key = code * 2 + (this.mode === 64 ? 1 : 0);
    const known = this.blocks.get(key);
    let at = known?.record ?? 0;
    if (known !== undefined && this.u16[at >> 1] === record.HANDLER_CROSS) {
      const page = following();
      if (page < 0) return -1;
      if (this.i32[(at + record.RECORD_DISPLACEMENT) >> 2] !== page) at = 0;
    }
    if (at === 0) at = this.decodeBlock(code, key, following);
    if (at > 0) {
      const slot = (JUMP_CACHE + (((code ^ (code >>> 12)) & (JUMP_CACHE_ENTRIES - 1)) << 3)) >> 2;
      this.i32[slot] = code;
      this.i32[slot + 1] = at;
    }
    return at;
  }

  private decodeBlock(code: number, key: number, following: () => number): number {
    if (this.next + BLOCK_ROOM > SINGLE) this.dropAll();
    const decoder = this.decoders[this.mode];
    const page = code & -4096;
    let at = this.next;
    let offset = code & 4095;
    let count = 0;
    const first = at;
    const starts: number[] = [];
    let second = -1;
    if (this.breakpointOffsets.has(offset)) at = this.helper(at, record.HANDLER_BREAK, offset);
    for (;;) {
      const outcome = decoder.decode(page + offset, 4096 - offset, offset, at);
      if (outcome === NEEDS_MORE) {
        if (count > 0) break;
        const next = following();
        if (next < 0) return -1;
        const crossing = this.helper(at, record.HANDLER_CROSS, offset);
        this.i32[(at + record.RECORD_DISPLACEMENT) >> 2] = next;
        this.decodeCrossing(decoder, page, offset, next, crossing);
        second = next;
        starts.push(crossing);
        at = crossing + decoder.records * record.RECORD_SIZE;
        offset += decoder.length;
        count = 1;
        break;
      }
      starts.push(at);
      at += decoder.records * record.RECORD_SIZE;
      offset += decoder.length;
      count++;
      if (decoder.ends || offset >= 4096 || count === MAXIMUM_BLOCK || this.breakpointOffsets.has(offset)) break;
    }
    this.closeBlock(at, offset);
    for (let index = 0; index < starts.length; index++) {
      const from = index === 0 ? first : (starts[index] as number);
      const to = index + 1 < starts.length ? (starts[index + 1] as number) : at;
      for (let place = from; place < to; place += record.RECORD_SIZE)
        this.u8[place + record.RECORD_REMAINING] = count - index;
    }
    this.next = at + record.RECORD_SIZE;
    const block: Block = {
      key,
      record: first,
      records: (this.next - first) / record.RECORD_SIZE,
      start: code & 4095,
      end: Math.min(offset, 4096),
    };
    this.blocks.set(key, block);
    this.byRecord.set(first, block);
    this.setHeat(first, this.threshold);
    this.own(page, block);
    if (second >= 0) this.own(second, { ...block, start: 0, end: offset - 4096 });
    return first;
  }

  /** Runs until the block at a record counts as hot, or (negative) where its translation begins. */
  heat(at: number): number {
    return this.i32[((at >> HEAT_SHIFT) + HEAT_OFFSET) >> 2] as number;
  }

  setHeat(at: number, heat: number): void {
    this.i32[((at >> HEAT_SHIFT) + HEAT_OFFSET) >> 2] = heat;
  }

  /** The block that begins with this record. */
  blockAt(at: number): Block | undefined {
    return this.byRecord.get(at);
  }

  /** The block that begins at this byte of RAM. */
  blockOf(code: number, mode: 32 | 64): Block | undefined {
    return this.blocks.get(code * 2 + (mode === 64 ? 1 : 0));
  }

  private own(page: number, block: Block): void {
    const list = this.byFrame.get(page);
    if (list === undefined) this.byFrame.set(page, [block]);
    else list.push(block);
    this.markCode(page);
  }

  /** Decodes one instruction without caching it, closed so that execution stops after it. Returns its record, or -1. */
  decodeSingle(code: number, following: () => number): number {
    const decoder = this.decoders[this.mode];
    const page = code & -4096;
    const offset = code & 4095;
    if (decoder.decode(code, 4096 - offset, offset, SINGLE) !== DECODED) {
      const next = following();
      if (next < 0) return -1;
      this.decodeCrossing(decoder, page, offset, next, SINGLE);
    }
    const end = SINGLE + decoder.records * record.RECORD_SIZE;
    for (let place = SINGLE; place < end; place += record.RECORD_SIZE) this.u8[place + record.RECORD_REMAINING] = 1;
    this.setHeat(SINGLE, HEAT_NEVER);
    this.helper(end, record.HANDLER_STOP, offset);
    this.u16[(end + record.RECORD_NEXT_OFFSET) >> 1] = offset + decoder.length;
    return SINGLE;
  }

  /** Whether a record belongs to the single-step area, whose branches must not be linked. */
  isSingle(at: number): boolean {
    return at >= SINGLE;
  }

  private decodeCrossing(decoder: Decoder, page: number, offset: number, next: number, to: number): void {
    const here = 4096 - offset;
    this.u8.copyWithin(STATE_DECODE, page + offset, page + 4096);
    this.u8.copyWithin(STATE_DECODE + here, next, next + 16);
    decoder.decode(STATE_DECODE, here + 16, offset, to);
  }

  private helper(at: number, handler: number, offset: number): number {
    this.i32.fill(0, at >> 2, (at + record.RECORD_SIZE) >> 2);
    this.u16[at >> 1] = handler;
    this.u16[(at + record.RECORD_OFFSET) >> 1] = offset;
    this.u16[(at + record.RECORD_NEXT_OFFSET) >> 1] = offset;
    return at + record.RECORD_SIZE;
  }

  private closeBlock(at: number, offset: number): void {
    this.helper(at, record.HANDLER_CONTINUE, offset);
    this.i32[(at + record.RECORD_LINK_NEXT) >> 2] = offset < 4096 ? 0 : -1;
  }

  private markCode(page: number): void {
    const index = (page - this.ram.base) >>> 12;
    if (this.ram.codeFrames[index] !== 0) return;
    this.ram.codeFrames[index] = 1;
    this.mmu.withholdWrites(page);
  }

  /** A store hit a code frame: drops the blocks it overlaps. */
  private stored(offset: number, bytes: number): void {
    const page = offset & -4096;
    const list = this.byFrame.get(page);
    const start = offset & 4095;
    const end = start + bytes;
    if (list !== undefined) {
      let kept = 0;
      for (const block of list) {
        if (block.start < end && start < block.end) this.retire(block);
        else list[kept++] = block;
      }
      list.length = kept;
    }
    const count = (this.stores.get(page) ?? 0) + 1;
    if (count >= STORES_BEFORE_DROP || list === undefined || list.length === 0) this.dropFrame(page);
    else this.stores.set(page, count);
  }

  /** Every record of the block sends the interpreter back here, so links to it may stay. */
  private retire(block: Block): void {
    for (let index = 0; index < block.records; index++) {
      this.u16[(block.record + index * record.RECORD_SIZE) >> 1] = record.HANDLER_STALE;
    }
    if (this.blocks.get(block.key)?.record === block.record) this.blocks.delete(block.key);
    this.byRecord.delete(block.record);
    this.setHeat(block.record, HEAT_NEVER);
    this.translations?.retired(block);
    const code = Math.floor(block.key / 2);
    const slot = (JUMP_CACHE + (((code ^ (code >>> 12)) & (JUMP_CACHE_ENTRIES - 1)) << 3)) >> 2;
    if (this.i32[slot] === (code | 0)) this.i32[slot] = 0;
  }

  /** Forgets all code of a frame (byte offset of the frame). */
  dropFrame(page: number): void {
    for (const block of this.byFrame.get(page) ?? []) this.retire(block);
    this.byFrame.delete(page);
    this.stores.delete(page);
    const index = (page - this.ram.base) >>> 12;
    if (this.ram.codeFrames[index] === 0) return;
    this.ram.codeFrames[index] = 0;
    this.mmu.restoreWrites(page);
  }

  dropAll(): void {
    this.blocks.clear();
    this.byRecord.clear();
    this.translations?.allDropped();
    const pages = [...this.byFrame.keys()];
    this.byFrame.clear();
    this.stores.clear();
    this.next = RECORDS;
    this.generation++;
    this.clearJumpCache();
    for (const page of pages) {
      this.ram.codeFrames[(page - this.ram.base) >>> 12] = 0;
      this.mmu.restoreWrites(page);
    }
  }

  private clearJumpCache(): void {
    this.i32.fill(0, JUMP_CACHE >> 2, (JUMP_CACHE + JUMP_CACHE_ENTRIES * 8) >> 2);
  }

  /** Frames that hold code now, for statistics and tests. */
  get codeFrames(): number {
    return this.byFrame.size;
  }
}
