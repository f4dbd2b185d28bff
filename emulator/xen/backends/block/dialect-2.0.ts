/** Requests of Xen 2.0's blkif.h, read and answered as that time's blkback does (drivers/xen/blkback/blkback.c). */
import { type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import type { Ram } from '../../../machine/ram.ts';
import { isRefusal } from '../../common/refusal.ts';
import { decodeFields } from '../../hypercall/decode.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_NAMES,
  BLKIF_OP_PROBE,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_REQUEST,
  BLKIF_RESPONSE,
  BLKIF_RING,
  BLKIF_RING_SIZE,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_BYTES,
  VDISK,
  VDISK_FLAG_RO,
  VDISK_TYPE_DISK,
} from '../../public/xen-2.0/io/blkif.ts';
import type { IndexedRingDeclaration } from '../../ring/indexed-ring.ts';
import type { GuestPages } from '../guest-pages.ts';
import type { Answer, BlockDialect } from './block-interface.ts';
import type { Disk } from './disk.ts';
import { problem, type RequestProblem, type Segment, transfer } from './request.ts';

type Request = StructView<keyof (typeof BLKIF_REQUEST)[32]['offset']>;

const MAX_VDISKS = Math.floor(PAGE_SIZE / VDISK[32].size);

export const BLKIF_RING_2_0: IndexedRingDeclaration = {
  name: 'blkif 2.0',
  request: BLKIF_REQUEST,
  response: BLKIF_RESPONSE,
  size: BLKIF_RING_SIZE,
  entries: BLKIF_RING[32].offset.ring,
  entryBytes: BLKIF_REQUEST[32].size,
  indexes: { req_prod: BLKIF_RING[32].offset.req_prod, resp_prod: BLKIF_RING[32].offset.resp_prod },
  modulo: false,
  requestFields,
  summarizeRequest,
  summarizeResponse(entry) {
    const view = new StructView(BLKIF_RESPONSE, 32, entry);
    const operation = view.get('operation');
    return `#${view.get('id')}: ${operationName(operation)} = ${statusText(operation, view.get('status'))}`;
  },
};

export const BLOCK_DIALECT_2_0: BlockDialect = {
  ring: BLKIF_RING_2_0,
  answer(entry, disks, ram, pages) {
    const request = new StructView(BLKIF_REQUEST, 32, entry);
    const operation = request.get('operation');
    switch (operation) {
      case BLKIF_OP_READ:
      case BLKIF_OP_WRITE: {
        const failed = readOrWrite(request, operation === BLKIF_OP_READ, disks, pages);
        return respond(request, failed === undefined ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR, failed?.reason);
      }
      case BLKIF_OP_PROBE: {
        const count = probe(request, disks, ram, pages);
        return typeof count === 'number' ? respond(request, count) : respond(request, BLKIF_RSP_ERROR, count.reason);
      }
      default:
        return respond(request, BLKIF_RSP_ERROR, `there is no operation ${operation}`);
    }
  },
};

function respond(request: Request, status: number, reason?: string): Answer {
  const operation = request.get('operation');
  const response = newStruct(BLKIF_RESPONSE, 32);
  response.set('id', request.get('id'));
  response.set('operation', operation);
  response.set('status', status);
  const failed = reason === undefined ? undefined : `${operationName(operation)} failed: ${reason}`;
  return { response: response.bytes, problem: failed };
}

function readOrWrite(
  request: Request,
  isRead: boolean,
  disks: readonly Disk[],
  pages: GuestPages,
): RequestProblem | undefined {
  const device = request.get('device');
  const disk = disks.find(({ options }) => options.virtualDevice === device);
  if (disk === undefined) return problem(`there is no disk 0x${device.toString(16)}`);
  const segments = readSegments(request);
  return disk.carryOut(transfer(isRead, false, request.get('sector_number'), segments, disk.facts), pages);
}

function readSegments(request: Request): Segment[] | RequestProblem {
  const count = request.get('nr_segments');
  if (count === 0 || count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    return problem(`${count} segments (1 to ${BLKIF_MAX_SEGMENTS_PER_REQUEST})`);
  }
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const { frame, first, last } = frameAndSectors(request.get('frame_and_sects', index));
    if (last < first) return problem(`segment ${index} covers sectors ${first} to ${last}`);
    segments.push({
      page: frame,
      offset: first * BLKIF_SECTOR_BYTES,
      length: (last - first + 1) * BLKIF_SECTOR_BYTES,
    });
  }
  return segments;
}

function frameAndSectors(value: number): { readonly frame: number; readonly first: number; readonly last: number } {
  return { frame: value >>> 12, first: (value >>> 3) & 7, last: value & 7 };
}

/** Lists the disks in a page of the guest: how many they are, or why not. */
function probe(request: Request, disks: readonly Disk[], ram: Ram, pages: GuestPages): number | RequestProblem {
  if (request.get('nr_segments') !== 1) return problem(`${request.get('nr_segments')} pages for the list, not 1`);
  const { frame, first, last } = frameAndSectors(request.get('frame_and_sects'));
  if (first !== 0 || last !== 7) return problem(`sectors ${first} to ${last} of a page for the list, not all`);
  const mfn = pages.use(frame, true);
  if (isRefusal(mfn)) return problem(mfn.reason);
  const listed = disks.slice(0, MAX_VDISKS);
  ram.writeBytes((mfn * PAGE_SIZE) as MachineAddress, listOf(listed));
  pages.end(frame, true);
  return listed.length;
}

function listOf(disks: readonly Disk[]): Uint8Array {
  const { size } = VDISK[32];
  const bytes = new Uint8Array(disks.length * size);
  disks.forEach((disk, index) => {
    const view = new StructView(VDISK, 32, bytes, index * size);
    view.set('capacity', disk.sectors);
    view.set('device', disk.options.virtualDevice);
    view.set('info', VDISK_TYPE_DISK | (disk.options.readOnly ? VDISK_FLAG_RO : 0));
  });
  return bytes;
}

/** Segments only as many as there are. */
function requestFields(entry: Uint8Array): ReturnType<typeof decodeFields> {
  const view = new StructView(BLKIF_REQUEST, 32, entry);
  const count = Math.min(view.get('nr_segments'), BLKIF_MAX_SEGMENTS_PER_REQUEST);
  const segments = Array.from({ length: count }, (_, index) => {
    const { frame, first, last } = frameAndSectors(view.get('frame_and_sects', index));
    return { name: `[${index}]`, value: `mfn 0x${frame.toString(16)} sectors ${first} to ${last}`, children: [] };
  });
  return decodeFields(view, 32).map((field) =>
    field.name === 'frame_and_sects' ? { ...field, value: `${count} segments`, children: segments } : field,
  );
}

/** "#3: WRITE 8 segments at sector 2048 of 0x301". */
function summarizeRequest(entry: Uint8Array): string {
  const view = new StructView(BLKIF_REQUEST, 32, entry);
  const operation = view.get('operation');
  const name = `#${view.get('id')}: ${operationName(operation)}`;
  if (operation !== BLKIF_OP_READ && operation !== BLKIF_OP_WRITE) return name;
  const count = view.get('nr_segments');
  const what = `${count} segment${count === 1 ? '' : 's'} at sector ${view.get('sector_number')}`;
  return `${name} ${what} of 0x${view.get('device').toString(16)}`;
}

function statusText(operation: number, status: number): string {
  if (operation === BLKIF_OP_PROBE && status >= 0) return `${status} disks`;
  return status === BLKIF_RSP_OKAY ? 'OKAY' : status === BLKIF_RSP_ERROR ? 'ERROR' : String(status);
}

function operationName(operation: number): string {
  return BLKIF_OP_NAMES[operation] ?? `operation ${operation}`;
}
