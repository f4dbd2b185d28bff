/** Requests of Xen 1.2's block ring, read and answered as its drivers/block/xen_block.c does. */
import { PAGE_SIZE } from '../../../base/numbers.ts';
import { decodeFields } from '../../hypercall/decode.ts';
import { newStruct, StructView } from '../../public/struct.ts';
import {
  BLK_RING,
  BLK_RING_REQ_ENTRY,
  BLK_RING_RESP_ENTRY,
  BLK_RING_SIZE,
  MAX_BLK_SEGS,
  SECTOR_BYTES,
  XEN_BLOCK_NAMES,
  XEN_BLOCK_READ,
  XEN_BLOCK_WRITE,
} from '../../public/xen-1.2/io/block.ts';
import type { IndexedRingDeclaration } from '../../ring/indexed-ring.ts';
import type { GuestPages } from '../guest-pages.ts';
import type { BlockDialect } from './block-interface.ts';
import type { Disk } from './disk.ts';
import { problem, type RequestProblem, type Segment, transfer } from './request.ts';

type Request = StructView<keyof (typeof BLK_RING_REQ_ENTRY)[32]['offset']>;

const GOOD = 0;
const BAD = 1;

export const BLK_RING_1_2: IndexedRingDeclaration = {
  name: 'block 1.2',
  request: BLK_RING_REQ_ENTRY,
  response: BLK_RING_RESP_ENTRY,
  size: BLK_RING_SIZE,
  entries: BLK_RING[32].offset.ring,
  entryBytes: BLK_RING_REQ_ENTRY[32].size,
  indexes: { req_prod: BLK_RING[32].offset.req_prod, resp_prod: BLK_RING[32].offset.resp_prod },
  modulo: true,
  requestFields,
  summarizeRequest(entry) {
    const view = new StructView(BLK_RING_REQ_ENTRY, 32, entry);
    const count = view.get('nr_segments');
    const what = `${count} segment${count === 1 ? '' : 's'} at sector ${view.get('sector_number')}`;
    return `#${view.get('id')}: ${nameOf(view.get('operation'))} ${what} of 0x${view.get('device').toString(16)}`;
  },
  summarizeResponse(entry) {
    const view = new StructView(BLK_RING_RESP_ENTRY, 32, entry);
    return `#${view.get('id')}: ${nameOf(view.get('operation'))} = status ${view.get('status')}`;
  },
};

export const BLOCK_DIALECT_1_2: BlockDialect = {
  ring: BLK_RING_1_2,
  answer(entry, disks, _ram, pages) {
    const request = new StructView(BLK_RING_REQ_ENTRY, 32, entry);
    const operation = request.get('operation');
    const failed = perform(request, operation, disks, pages);
    const response = newStruct(BLK_RING_RESP_ENTRY, 32);
    response.set('id', request.get('id'));
    response.set('operation', operation);
    response.set('status', failed === undefined ? GOOD : BAD);
    const text = failed && `${nameOf(operation)} failed: ${failed.reason}`;
    return { response: response.bytes, problem: text };
  },
};

/** READA and the others are in the header only. */
function perform(
  request: Request,
  operation: number,
  disks: readonly Disk[],
  pages: GuestPages,
): RequestProblem | undefined {
  if (operation !== XEN_BLOCK_READ && operation !== XEN_BLOCK_WRITE) return problem('Xen 1.2 does not carry it out');
  const device = request.get('device');
  const disk = disks.find(({ options }) => options.virtualDevice === device);
  if (disk === undefined) return problem(`there is no disk 0x${device.toString(16)}`);
  const segments = readSegments(request);
  const isRead = operation === XEN_BLOCK_READ;
  return disk.carryOut(transfer(isRead, false, request.get('sector_number'), segments, disk.facts), pages);
}

/** A buffer may go over several frames that are neighbours in the machine; each is a segment of its own. */
function readSegments(request: Request): Segment[] | RequestProblem {
  const count = request.get('nr_segments');
  if (count === 0 || count > MAX_BLK_SEGS) return problem(`${count} segments (1 to ${MAX_BLK_SEGS})`);
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const { address, sectors } = bufferAndSectors(request.get('buffer_and_sects', index));
    if (sectors === 0) return problem(`segment ${index} has no sectors`);
    const end = address + sectors * SECTOR_BYTES;
    for (let at = address; at < end; ) {
      const offset = at % PAGE_SIZE;
      const length = Math.min(end - at, PAGE_SIZE - offset);
      segments.push({ page: Math.floor(at / PAGE_SIZE), offset, length });
      at += length;
    }
  }
  return segments;
}

function bufferAndSectors(value: number): { readonly address: number; readonly sectors: number } {
  const sectors = value % SECTOR_BYTES;
  return { address: value - sectors, sectors };
}

/** Segments only as many as there are. */
function requestFields(entry: Uint8Array): ReturnType<typeof decodeFields> {
  const view = new StructView(BLK_RING_REQ_ENTRY, 32, entry);
  const count = Math.min(view.get('nr_segments'), MAX_BLK_SEGS);
  const segments = Array.from({ length: count }, (_, index) => {
    const { address, sectors } = bufferAndSectors(view.get('buffer_and_sects', index));
    return { name: `[${index}]`, value: `${sectors} sectors at 0x${address.toString(16)}`, children: [] };
  });
  return decodeFields(view, 32).map((field) =>
    field.name === 'buffer_and_sects' ? { ...field, value: `${count} segments`, children: segments } : field,
  );
}

function nameOf(operation: number): string {
  return XEN_BLOCK_NAMES[operation] ?? `operation ${operation}`;
}
