/**
 * A recording: everything that entered a machine from outside, stamped with retired instructions and virtual time, so
 * that the same run can be had again. Entries are appended as they happen; a file that ends in the middle of one (the
 * process was killed) is good up to the last whole one.
 *
 *   "XENLOG\r\n" · version (4 bytes) · entries
 *   entry: length · complement of length · checksum of the payload (4 bytes each) · payload (plain data)
 *
 * The first entry is the head, the others are input.
 */
import type { DiskBlocks } from '../base/disk-layers.ts';
import { UserError } from '../base/user-error.ts';
import { fingerprintOf } from './fingerprint.ts';
import { decodePlain, encodePlain, PlainDataError } from './plain-codec.ts';
import type { PlainData } from './plain-data.ts';

const MAGIC = 'XENLOG\r\n';
/** To be raised whenever entries change their meaning, or the same input gives another run. */
export const INPUT_LOG_VERSION = 1;
const HEADER_BYTES = 12;
const ENTRY_HEADER_BYTES = 12;

export interface InputLogHead {
  /** What the machine was made of: whoever records decides what this is, and compares it. */
  readonly identity: PlainData;
  /** Where the recording begins: 0 unless the machine comes from a snapshot. */
  readonly instructions: number;
  readonly time: number;
  /** Hash of the machine's memory and registers then. */
  readonly hash: string;
  /** What the disks contained then, in the order they were opened. */
  readonly disks: readonly string[];
}

/** Kinds that every log knows; all others have been defined by whoever takes that input. */
export const CHECK = 'check';
export const END = 'end';
/** Not input: what a block of a disk contained at the beginning, before it is overwritten. */
const OLD_BLOCK = 'old-block';

export interface InputEntry {
  readonly kind: string;
  /** Executed instructions, and nanoseconds of virtual time, before it. */
  readonly instructions: number;
  readonly time: number;
  /** Of the registers before it: finds out early that a replay has gone astray. */
  readonly registers: number;
  /** For `check` and `end`: the hash of memory and registers. */
  readonly data: PlainData;
}

export interface InputLog {
  readonly head: InputLogHead;
  readonly entries: readonly InputEntry[];
  /** By disk: its blocks as they were at the beginning, of those that were written since. */
  readonly oldBlocks: readonly DiskBlocks[];
  /** It has an end; false when the process that wrote it was killed. */
  readonly complete: boolean;
}

/** Takes bytes as they come and keeps them in order. */
export interface ByteSink {
  append(bytes: Uint8Array): void;
}

/** Writes a log into a sink. */
export class InputLogWriter {
  constructor(
    private readonly sink: ByteSink,
    head: InputLogHead,
  ) {
    const header = new Uint8Array(HEADER_BYTES);
    header.set(new TextEncoder().encode(MAGIC));
    new DataView(header.buffer).setUint32(8, INPUT_LOG_VERSION, true);
    this.sink.append(header);
    this.payload({ ...head });
  }

  entry({ kind, instructions, time, registers, data }: InputEntry): void {
    this.payload([kind, instructions, time, registers, data]);
  }

  oldBlock(disk: number, block: number, bytes: Uint8Array): void {
    this.payload([OLD_BLOCK, 0, 0, 0, { disk, block, bytes }]);
  }

  private payload(data: PlainData): void {
    const bytes = encodePlain(data);
    const entry = new Uint8Array(ENTRY_HEADER_BYTES + bytes.length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint32(4, ~bytes.length >>> 0, true);
    view.setUint32(8, checksum(bytes), true);
    entry.set(bytes, ENTRY_HEADER_BYTES);
    this.sink.append(entry);
  }
}

/** @throws UserError `recording.*` */
export function readInputLog(bytes: Uint8Array): InputLog {
  const magic = new TextEncoder().encode(MAGIC);
  if (bytes.length < magic.length || magic.some((byte, at) => bytes[at] !== byte)) throw notARecording();
  if (bytes.length < HEADER_BYTES) throw emptyRecording();
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  if (version !== INPUT_LOG_VERSION) throw otherRecordingVersion(version);
  const payloads = Array.from(wholePayloads(bytes));
  const [first, ...rest] = payloads;
  if (first === undefined) throw emptyRecording();
  if (!isHead(first)) throw damagedRecording(0);
  const entries: InputEntry[] = [];
  const oldBlocks: DiskBlocks[] = [];
  for (const [index, payload] of rest.entries()) {
    const entry = entryOf(payload, index + 1);
    if (entry.kind === OLD_BLOCK) addOldBlock(oldBlocks, entry.data as unknown as OldBlock);
    else entries.push(entry);
  }
  return { head: first, entries, oldBlocks, complete: entries.at(-1)?.kind === END };
}

interface OldBlock {
  readonly disk: number;
  readonly block: number;
  readonly bytes: Uint8Array;
}

function addOldBlock(list: DiskBlocks[], { disk, block, bytes }: OldBlock): void {
  while (list.length <= disk) list.push(new Map());
  list[disk]?.set(block, bytes);
}

/** Up to the end, or to an entry that is not there whole. */
function* wholePayloads(bytes: Uint8Array): Generator<PlainData> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = HEADER_BYTES;
  for (let index = 0; at + ENTRY_HEADER_BYTES <= bytes.length; index++) {
    const length = view.getUint32(at, true);
    if (view.getUint32(at + 4, true) !== ~length >>> 0) throw damagedRecording(index);
    const start = at + ENTRY_HEADER_BYTES;
    if (start + length > bytes.length) return;
    const payload = bytes.subarray(start, start + length);
    if (view.getUint32(at + 8, true) !== checksum(payload)) throw damagedRecording(index);
    yield decoded(payload, index);
    at = start + length;
  }
}

function decoded(payload: Uint8Array, index: number): PlainData {
  try {
    return decodePlain(payload);
  } catch (error) {
    if (error instanceof PlainDataError) throw damagedRecording(index);
    throw error;
  }
}

function checksum(bytes: Uint8Array): number {
  return Number.parseInt(fingerprintOf(bytes).slice(0, 8), 16);
}

function isHead(payload: PlainData): payload is PlainData & InputLogHead {
  if (typeof payload !== 'object' || payload === null || !('identity' in payload)) return false;
  const { instructions, time, hash, disks } = payload as Partial<Record<keyof InputLogHead, unknown>>;
  const numbers = typeof instructions === 'number' && typeof time === 'number';
  return numbers && typeof hash === 'string' && Array.isArray(disks);
}

function entryOf(payload: PlainData, index: number): InputEntry {
  const [kind, instructions, time, registers, data] = Array.isArray(payload) ? (payload as readonly PlainData[]) : [];
  const sound =
    typeof kind === 'string' &&
    typeof instructions === 'number' &&
    typeof time === 'number' &&
    typeof registers === 'number';
  if (!sound) throw damagedRecording(index);
  return { kind, instructions, time, registers, data };
}

function notARecording(): UserError {
  return new UserError('recording.unknown', 'This file is no recording.', 'Name a file that --record has written.');
}

function emptyRecording(): UserError {
  return new UserError(
    'recording.truncated',
    'The recording is cut short: not even its head is there.',
    'The process that wrote it was killed at once; record again.',
  );
}

function otherRecordingVersion(version: number): UserError {
  return new UserError(
    'recording.version',
    `The recording has format version ${version}; this Xenoscope reads version ${INPUT_LOG_VERSION}.`,
    'Replay it with the Xenoscope that recorded it.',
  );
}

function damagedRecording(index: number): UserError {
  const what = index === 0 ? 'its head' : `entry ${index}`;
  return new UserError(
    'recording.damaged',
    `The recording is damaged: the checksum of ${what} is wrong.`,
    'Record again.',
  );
}
