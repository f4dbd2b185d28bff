/** What a front end asks for, from the bytes of its request; nothing is believed that has not been checked. */
import type { DiskStore } from '../../../base/disk-store.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import { StructView, type Width } from '../../public/struct.ts';
import {
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_DISCARD,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_INDIRECT,
  BLKIF_OP_NAMES,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_OP_WRITE_BARRIER,
  BLKIF_REQUEST,
  BLKIF_REQUEST_DISCARD,
  BLKIF_REQUEST_INDIRECT,
  BLKIF_REQUEST_SEGMENT,
  BLKIF_RSP_EOPNOTSUPP,
  BLKIF_RSP_ERROR,
  BLKIF_SECTOR_BYTES,
} from '../../public/xen-4/io/blkif.ts';

/** What blkback allows (MAX_INDIRECT_SEGMENTS): 1 MB in one request. */
export const MAX_INDIRECT_SEGMENTS = 256;
const SECTORS_PER_PAGE = PAGE_SIZE / BLKIF_SECTOR_BYTES;
const SEGMENT_BYTES = BLKIF_REQUEST_SEGMENT[64].size;
const SEGMENTS_PER_PAGE = PAGE_SIZE / SEGMENT_BYTES;

export interface Segment {
  /** The grant of a page, or where there are none its frame: what `GuestPages.use` takes. */
  readonly page: number;
  /** Within the page. */
  readonly offset: number;
  readonly length: number;
}

export type BlockOperation =
  /** `flush`: everything before, and the data itself, is on the host's disk when it is done. */
  | {
      readonly kind: 'read' | 'write';
      readonly offset: number;
      readonly bytes: number;
      readonly segments: readonly Segment[];
      readonly flush: boolean;
    }
  | { readonly kind: 'flush' }
  | { readonly kind: 'discard'; readonly offset: number; readonly bytes: number };

/** Why a request is answered with an error, which one, and for whoever looks the reason. */
export interface RequestProblem {
  readonly status: typeof BLKIF_RSP_ERROR | typeof BLKIF_RSP_EOPNOTSUPP;
  readonly reason: string;
}

export function isProblem(result: object): result is RequestProblem {
  return 'status' in result;
}

export function problem(reason: string): RequestProblem {
  return { status: BLKIF_RSP_ERROR, reason };
}

export interface DiskFacts {
  readonly store: DiskStore;
  readonly readOnly: boolean;
  readonly discard: boolean;
}

export interface RequestContext extends DiskFacts {
  readonly width: Width;
  /** Contents of a granted page of segments: a copy, or why it cannot be had. */
  readonly readPage: (gref: number) => Uint8Array | RequestProblem;
}

export function parseRequest(entry: Uint8Array, context: RequestContext): BlockOperation | RequestProblem {
  const operation = entry[0] as number;
  switch (operation) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
    case BLKIF_OP_WRITE_BARRIER:
    case BLKIF_OP_FLUSH_DISKCACHE:
      return parseDirect(entry, operation, context);
    case BLKIF_OP_INDIRECT:
      return parseIndirect(entry, context);
    case BLKIF_OP_DISCARD:
      return parseDiscard(entry, context);
    default:
      return { status: BLKIF_RSP_EOPNOTSUPP, reason: `there is no operation ${operation}` };
  }
}

function parseDirect(entry: Uint8Array, operation: number, context: RequestContext): BlockOperation | RequestProblem {
  const view = new StructView(BLKIF_REQUEST, context.width, entry);
  const count = view.get('nr_segments');
  const flush = operation === BLKIF_OP_WRITE_BARRIER || operation === BLKIF_OP_FLUSH_DISKCACHE;
  if (count === 0 && flush) return { kind: 'flush' };
  if (count === 0 || count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    return problem(`${BLKIF_OP_NAMES[operation]} with ${count} segments (1 to ${BLKIF_MAX_SEGMENTS_PER_REQUEST})`);
  }
  const start = BLKIF_REQUEST[context.width].offset.seg;
  const segments = parseSegments(entry.subarray(start), count);
  return transfer(operation === BLKIF_OP_READ, flush, view.get('sector_number'), segments, context);
}

function parseIndirect(entry: Uint8Array, context: RequestContext): BlockOperation | RequestProblem {
  const view = new StructView(BLKIF_REQUEST_INDIRECT, context.width, entry);
  const operation = view.get('indirect_op');
  if (operation !== BLKIF_OP_READ && operation !== BLKIF_OP_WRITE) {
    return problem(`indirect operation ${operation} is neither READ nor WRITE`);
  }
  const count = view.get('nr_segments');
  if (count === 0 || count > MAX_INDIRECT_SEGMENTS) {
    return problem(`indirect request with ${count} segments (1 to ${MAX_INDIRECT_SEGMENTS})`);
  }
  const segments: Segment[] = [];
  for (let first = 0; first < count; first += SEGMENTS_PER_PAGE) {
    const page = context.readPage(view.get('indirect_grefs', first / SEGMENTS_PER_PAGE));
    if (isProblem(page)) return page;
    const some = parseSegments(page, Math.min(SEGMENTS_PER_PAGE, count - first));
    if (isProblem(some)) return some;
    segments.push(...some);
  }
  return transfer(operation === BLKIF_OP_READ, false, view.get('sector_number'), segments, context);
}

function parseSegments(bytes: Uint8Array, count: number): Segment[] | RequestProblem {
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const view = new StructView(BLKIF_REQUEST_SEGMENT, 64, bytes, index * SEGMENT_BYTES);
    const first = view.get('first_sect');
    const last = view.get('last_sect');
    if (last < first || last >= SECTORS_PER_PAGE) {
      return problem(`segment ${index} covers sectors ${first} to ${last} of a page of ${SECTORS_PER_PAGE}`);
    }
    segments.push({
      page: view.get('gref'),
      offset: first * BLKIF_SECTOR_BYTES,
      length: (last - first + 1) * BLKIF_SECTOR_BYTES,
    });
  }
  return segments;
}

/** A read or write of these segments from that sector on, if the disk allows it. */
export function transfer(
  isRead: boolean,
  flush: boolean,
  sector: number,
  segments: Segment[] | RequestProblem,
  { store, readOnly }: DiskFacts,
): BlockOperation | RequestProblem {
  if (isProblem(segments)) return segments;
  if (!isRead && readOnly) return problem('a write to a read-only disk');
  const bytes = segments.reduce((sum, { length }) => sum + length, 0);
  const outside = outOfRange(sector, bytes / BLKIF_SECTOR_BYTES, store);
  if (outside !== undefined) return outside;
  return { kind: isRead ? 'read' : 'write', offset: sector * BLKIF_SECTOR_BYTES, bytes, segments, flush };
}

function parseDiscard(entry: Uint8Array, context: RequestContext): BlockOperation | RequestProblem {
  const view = new StructView(BLKIF_REQUEST_DISCARD, context.width, entry);
  if (!context.discard) return { status: BLKIF_RSP_EOPNOTSUPP, reason: 'DISCARD, which was not offered' };
  if (context.readOnly) return problem('a discard on a read-only disk');
  const sector = view.get('sector_number');
  const count = view.get('nr_sectors');
  const outside = outOfRange(sector, count, context.store);
  if (outside !== undefined) return outside;
  return { kind: 'discard', offset: sector * BLKIF_SECTOR_BYTES, bytes: count * BLKIF_SECTOR_BYTES };
}

/** Numbers of 64 bits beyond the exact range of doubles are beyond the end of any disk as well. */
function outOfRange(sector: number, count: number, store: DiskStore): RequestProblem | undefined {
  const sectors = store.size / BLKIF_SECTOR_BYTES;
  if (sector + count <= sectors) return undefined;
  return problem(`sectors ${sector} to ${sector + count - 1} of a disk that has ${sectors}`);
}
