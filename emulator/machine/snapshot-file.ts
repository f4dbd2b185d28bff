/**
 * A snapshot as a file: a header, state as plain data, then the frames of RAM that are in use and not all zero. Frames
 * are written from RAM itself, without a copy.
 *
 *   8 bytes magic · version · length of the state (a multiple of 16) · number of frames · 0 · fingerprint of all that
 *   follows (16 bytes) · state · frames of 4096 bytes, in the order of the state's list
 */
import { type Mfn, PAGE_SIZE } from '../base/numbers.ts';
import { UserError } from '../base/user-error.ts';
import { Fingerprint } from './fingerprint.ts';
import { decodePlain, encodePlain, PlainDataError } from './plain-codec.ts';
import type { PlainData } from './plain-data.ts';
import type { Ram } from './ram.ts';

const MAGIC = 'XENSNAP\n';
/** To be raised whenever the state of any class changes its meaning or shape. */
export const SNAPSHOT_VERSION = 1;
const HEADER_BYTES = 40;
const WORDS_PER_FRAME = PAGE_SIZE / 4;

export interface SnapshotContents {
  /** Everything but RAM. */
  readonly state: PlainData;
  /** Frame numbers, and their contents one after the other. */
  readonly mfns: Int32Array;
  readonly pages: Uint8Array;
}

/** Pieces of a file, in order. Views of RAM among them are good until the machine runs on. */
export function encodeSnapshot(state: PlainData, ram: Ram, isInUse: (mfn: Mfn) => boolean): readonly Uint8Array[] {
  const mfns = savedFrames(ram, isInUse);
  const encoded = encodePlain([state, mfns]);
  const head = new Uint8Array(HEADER_BYTES + Math.ceil(encoded.length / 16) * 16);
  head.set(encoded, HEADER_BYTES);
  const frames = adjacentFrames(ram, mfns);
  const fingerprint = new Fingerprint();
  for (const piece of [head.subarray(HEADER_BYTES), ...frames]) addWords(fingerprint, piece);
  head.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(head.buffer);
  view.setUint32(8, SNAPSHOT_VERSION, true);
  view.setUint32(12, head.length - HEADER_BYTES, true);
  view.setUint32(16, mfns.length, true);
  head.set(digestBytes(fingerprint), 24);
  return [head, ...frames];
}

/** @throws UserError `snapshot.*` */
export function decodeSnapshot(bytes: Uint8Array): SnapshotContents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = new TextEncoder().encode(MAGIC);
  if (bytes.length < magic.length || magic.some((byte, at) => bytes[at] !== byte)) throw notASnapshot();
  if (bytes.length < HEADER_BYTES) throw truncatedSnapshot(bytes.length, HEADER_BYTES);
  const version = view.getUint32(8, true);
  if (version !== SNAPSHOT_VERSION) throw otherSnapshotVersion(version);
  const stateEnd = HEADER_BYTES + view.getUint32(12, true);
  const count = view.getUint32(16, true);
  const end = stateEnd + count * PAGE_SIZE;
  if (bytes.length < end) throw truncatedSnapshot(bytes.length, end);
  const fingerprint = new Fingerprint();
  addWords(fingerprint, bytes.subarray(HEADER_BYTES, end));
  const expected = digestBytes(fingerprint);
  const damaged = bytes.length > end || stateEnd % 8 !== 0 || expected.some((byte, at) => bytes[24 + at] !== byte);
  if (damaged) throw damagedSnapshot();
  const [state, mfns] = decodeState(bytes.subarray(HEADER_BYTES, stateEnd));
  if (!(mfns instanceof Int32Array) || mfns.length !== count) throw damagedSnapshot();
  return { state, mfns, pages: bytes.subarray(stateEnd, end) };
}

/** Makes RAM what it was: frames that were not saved are zero. Decoded code is the processor's business. */
export function restoreRam(ram: Ram, { mfns, pages }: SnapshotContents): void {
  let next = 0;
  for (let mfn = ram.firstMfn; mfn < ram.endMfn; mfn++) {
    const frame = ram.frame(mfn as Mfn);
    if (mfns[next] === mfn) {
      frame.set(pages.subarray(next * PAGE_SIZE, (next + 1) * PAGE_SIZE));
      next++;
    } else if (!isZero(ram, mfn as Mfn)) frame.fill(0);
  }
  if (next !== mfns.length) throw damagedSnapshot();
}

/** The encoding is padded with zeros; what it is of is a list of two. */
function decodeState(bytes: Uint8Array): readonly PlainData[] {
  for (let padding = 0; padding < 16; padding++) {
    try {
      const decoded = decodePlain(bytes.subarray(0, bytes.length - padding));
      if (Array.isArray(decoded) && decoded.length === 2) return decoded;
      break;
    } catch (error) {
      if (!(error instanceof PlainDataError)) throw error;
    }
    if (bytes[bytes.length - 1 - padding] !== 0) break;
  }
  throw damagedSnapshot();
}

function savedFrames(ram: Ram, isInUse: (mfn: Mfn) => boolean): Int32Array {
  const mfns = new Int32Array(ram.frameCount);
  let count = 0;
  for (let mfn = ram.firstMfn; mfn < ram.endMfn; mfn++) {
    if (isInUse(mfn as Mfn) && !isZero(ram, mfn as Mfn)) mfns[count++] = mfn;
  }
  return mfns.slice(0, count);
}

function isZero(ram: Ram, mfn: Mfn): boolean {
  const { i32 } = ram;
  const from = ram.offset(mfn) >>> 2;
  for (let at = from; at < from + WORDS_PER_FRAME; at++) if (i32[at] !== 0) return false;
  return true;
}

/** Views of RAM, one for each run of adjacent frames. */
function adjacentFrames(ram: Ram, mfns: Int32Array): readonly Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let from = 0; from < mfns.length; ) {
    let to = from + 1;
    while (to < mfns.length && mfns[to] === (mfns[to - 1] as number) + 1) to++;
    const offset = ram.offset(mfns[from] as Mfn);
    views.push(ram.u8.subarray(offset, offset + (to - from) * PAGE_SIZE));
    from = to;
  }
  return views;
}

/** Bytes whose number is a multiple of 16, as words. */
function addWords(fingerprint: Fingerprint, bytes: Uint8Array): void {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const whole = aligned.length >>> 2;
  fingerprint.words(new Int32Array(aligned.buffer, aligned.byteOffset, whole), 0, whole & ~3);
}

function digestBytes(fingerprint: Fingerprint): Uint8Array {
  const digits = fingerprint.digest();
  return Uint8Array.from({ length: 16 }, (_, at) => Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16));
}

function notASnapshot(): UserError {
  return new UserError('snapshot.unknown', 'This file is no snapshot.', 'Name a file that --snapshot-at has written.');
}

function otherSnapshotVersion(version: number): UserError {
  return new UserError(
    'snapshot.version',
    `The snapshot has format version ${version}; this Xenoscope reads version ${SNAPSHOT_VERSION}.`,
    'Restore it with the Xenoscope that took it, or take it again.',
  );
}

function truncatedSnapshot(bytes: number, expected: number): UserError {
  return new UserError(
    'snapshot.truncated',
    `The snapshot is cut short: it has ${bytes} bytes of ${expected}.`,
    'Take it again.',
  );
}

function damagedSnapshot(): UserError {
  return new UserError('snapshot.damaged', 'The snapshot is damaged: its checksum is wrong.', 'Take it again.');
}
