/**
 * The LZMA range coder and its state machine, as LZMA2 chunks need it. Written from the format: probabilities of 11
 * bits in one table, states 0 … 11, up to four remembered distances.
 */
import { corruptPayload } from './errors.ts';
import { copyMatch } from './window-copy.ts';

const STATES = 12;
const POSITION_STATES = 16;
const PROBABILITY_HALF = 1024;

/** Where each group of probabilities starts in the table. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_0 = IS_REP + STATES;
const IS_REP_1 = IS_REP_0 + STATES;
const IS_REP_2 = IS_REP_1 + STATES;
const IS_REP_0_LONG = IS_REP_2 + STATES;
const DISTANCE_SLOT = IS_REP_0_LONG + STATES * POSITION_STATES;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
/** A length coder: two choice bits, 16 × 8 low, 16 × 8 middle, 256 high. */
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + POSITION_STATES * 8;
const LENGTH_SIZE = LENGTH_HIGH + 256;
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;
const LITERAL_SIZE = 0x300;
/** LZMA2 allows lc + lp ≤ 4. */
const MAX_LITERAL_BITS = 4;

const MIN_MATCH = 2;

export class LzmaDecoder {
  private readonly probabilities = new Uint16Array(LITERAL + (LITERAL_SIZE << MAX_LITERAL_BITS));
  private literalContextBits = 0;
  private literalPositionMask = 0;
  private positionMask = 0;
  private state = 0;
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  private input: Uint8Array = new Uint8Array(0);
  private at = 0;
  private range = 0;
  private code = 0;

  /** The properties byte of LZMA: (pb * 5 + lp) * 9 + lc. */
  setProperties(properties: number): void {
    if (properties >= 225) throw corruptPayload('XZ', `properties byte ${properties}`);
    const contextBits = properties % 9;
    const rest = Math.floor(properties / 9);
    const literalPositionBits = rest % 5;
    if (contextBits + literalPositionBits > MAX_LITERAL_BITS) {
      throw corruptPayload('XZ', `${contextBits} + ${literalPositionBits} literal bits`);
    }
    this.literalContextBits = contextBits;
    this.literalPositionMask = (1 << literalPositionBits) - 1;
    this.positionMask = (1 << Math.floor(rest / 5)) - 1;
    this.resetState();
  }

  resetState(): void {
    this.probabilities.fill(PROBABILITY_HALF);
    this.state = 0;
    this.rep0 = 0;
    this.rep1 = 0;
    this.rep2 = 0;
    this.rep3 = 0;
  }

  /**
   * Decodes one chunk: `input[from, to)` into `output[start, end)`. The window is what lies before, down to
   * `dictionaryStart`.
   */
  decodeChunk(
    input: Uint8Array,
    from: number,
    to: number,
    output: Uint8Array,
    start: number,
    end: number,
    dictionaryStart: number,
  ): void {
    this.startRangeCoder(input, from, to);
    let position = start;
    while (position < end) {
      if (this.at > to) throw corruptPayload('XZ', 'a chunk is too short');
      const positionState = (position - dictionaryStart) & this.positionMask;
      if (this.bit(IS_MATCH + this.state * POSITION_STATES + positionState) === 0) {
        output[position] = this.literal(output, position, dictionaryStart);
        position++;
        continue;
      }
      const length = this.match(positionState);
      if (length === 0) {
        // A "short rep": one byte from the latest distance.
        if (this.rep0 >= position - dictionaryStart) throw corruptPayload('XZ', 'a distance reaches too far back');
        output[position] = output[position - this.rep0 - 1]!;
        position++;
        continue;
      }
      if (this.rep0 >= position - dictionaryStart) throw corruptPayload('XZ', 'a distance reaches too far back');
      const stop = position + length;
      if (stop > end) throw corruptPayload('XZ', 'a match runs past its chunk');
      copyMatch(output, position, this.rep0 + 1, length);
      position = stop;
    }
    if (!this.finished(to)) throw corruptPayload('XZ', 'a chunk has the wrong length');
  }

  private startRangeCoder(input: Uint8Array, from: number, to: number): void {
    if (to - from < 5 || input[from] !== 0) throw corruptPayload('XZ', 'a chunk does not start as one');
    this.input = input;
    this.range = 0xffffffff | 0;
    this.code = (input[from + 1]! << 24) | (input[from + 2]! << 16) | (input[from + 3]! << 8) | input[from + 4]!;
    this.at = from + 5;
  }

  private finished(to: number): boolean {
    this.normalize();
    return this.at === to && this.code === 0;
  }

  private normalize(): void {
    if (this.range >>> 0 < 0x1000000) {
      this.range <<= 8;
      this.code = (this.code << 8) | (this.input[this.at++] ?? 0);
    }
  }

  private bit(index: number): 0 | 1 {
    if (this.range >>> 0 < 0x1000000) {
      this.range <<= 8;
      this.code = (this.code << 8) | this.input[this.at++]!;
    }
    const probability = this.probabilities[index]!;
    const bound = Math.imul(this.range >>> 11, probability);
    if (this.code >>> 0 < bound >>> 0) {
      this.range = bound;
      this.probabilities[index] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.range = (this.range - bound) | 0;
    this.code = (this.code - bound) | 0;
    this.probabilities[index] = probability - (probability >> 5);
    return 1;
  }

  private literal(output: Uint8Array, position: number, dictionaryStart: number): number {
    const offset = position - dictionaryStart;
    const previous = offset === 0 ? 0 : output[position - 1]!;
    const context =
      ((offset & this.literalPositionMask) << this.literalContextBits) + (previous >> (8 - this.literalContextBits));
    const base = LITERAL + context * LITERAL_SIZE;
    let symbol: number;
    if (this.state >= 7) {
      symbol = 1;
      if (this.rep0 >= offset) throw corruptPayload('XZ', 'a distance reaches too far back');
      let matchByte = output[position - this.rep0 - 1]!;
      let guide = 0x100;
      while (symbol < 0x100) {
        matchByte <<= 1;
        const matchBit = matchByte & guide;
        const bit = this.bit(base + guide + matchBit + symbol);
        symbol = (symbol << 1) | bit;
        guide &= bit === 1 ? matchBit : ~matchBit;
      }
    } else {
      symbol = this.tree(base, 8);
    }
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
    return symbol & 0xff;
  }

  /** Sets `rep0` and answers the length; 0 for a short rep. */
  private match(positionState: number): number {
    const state = this.state;
    if (this.bit(IS_REP + state) === 0) {
      this.rep3 = this.rep2;
      this.rep2 = this.rep1;
      this.rep1 = this.rep0;
      const length = this.length(MATCH_LENGTH, positionState);
      this.rep0 = this.distance(length);
      this.state = state < 7 ? 7 : 10;
      return length;
    }
    if (this.bit(IS_REP_0 + state) === 0) {
      if (this.bit(IS_REP_0_LONG + state * POSITION_STATES + positionState) === 0) {
        this.state = state < 7 ? 9 : 11;
        return 0;
      }
    } else {
      let distance = this.rep1;
      if (this.bit(IS_REP_1 + state) === 1) {
        distance = this.rep2;
        if (this.bit(IS_REP_2 + state) === 1) {
          distance = this.rep3;
          this.rep3 = this.rep2;
        }
        this.rep2 = this.rep1;
      }
      this.rep1 = this.rep0;
      this.rep0 = distance;
    }
    const length = this.length(REP_LENGTH, positionState);
    this.state = state < 7 ? 8 : 11;
    return length;
  }

  private length(coder: number, positionState: number): number {
    if (this.bit(coder) === 0) return MIN_MATCH + this.tree(coder + LENGTH_LOW + positionState * 8, 3);
    if (this.bit(coder + 1) === 0) return MIN_MATCH + 8 + this.tree(coder + LENGTH_MIDDLE + positionState * 8, 3);
    return MIN_MATCH + 16 + this.tree(coder + LENGTH_HIGH, 8);
  }

  /** `bits` bits, each with the probability that the bits before it choose. The hot loop: `bit`, with state in locals. */
  private tree(base: number, bits: number): number {
    const { probabilities, input } = this;
    let { range, code, at } = this;
    let symbol = 1;
    for (let left = bits; left > 0; left--) {
      if (range >>> 0 < 0x1000000) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      const index = base + symbol;
      const probability = probabilities[index]!;
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probabilities[index] = probability + ((2048 - probability) >> 5);
        symbol <<= 1;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[index] = probability - (probability >> 5);
        symbol = (symbol << 1) | 1;
      }
    }
    this.range = range;
    this.code = code;
    this.at = at;
    return symbol - (1 << bits);
  }

  private reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let index = 0; index < bits; index++) {
      const bit = this.bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << index;
    }
    return value;
  }

  private distance(length: number): number {
    const slot = this.tree(DISTANCE_SLOT + Math.min(length - MIN_MATCH, 3) * 64, 6);
    if (slot < 4) return slot;
    const footer = (slot >> 1) - 1;
    const top = (2 | (slot & 1)) << footer;
    if (slot < 14) return top + this.reverseTree(DISTANCE_SPECIAL + top - slot, footer);
    const direct = this.directBits(footer - 4);
    // Unsigned: distances go up to 2^32-1, the end marker, which LZMA2 never uses.
    return ((top + (direct << 4)) | this.reverseTree(DISTANCE_ALIGN, 4)) >>> 0;
  }

  private directBits(bits: number): number {
    let value = 0;
    for (let left = bits; left > 0; left--) {
      this.normalize();
      this.range >>>= 1;
      const take = this.code >>> 0 >= this.range >>> 0;
      if (take) this.code = (this.code - this.range) | 0;
      value = (value << 1) | (take ? 1 : 0);
    }
    return value;
  }
}
