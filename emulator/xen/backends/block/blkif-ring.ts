import type { DecodedArgument } from '../../common/trace.ts';
import { decodeFields } from '../../hypercall/decode.ts';
import { type StructDefinition, StructView, type Width } from '../../public/struct.ts';
import {
  BLKIF_OP_DISCARD,
  BLKIF_OP_INDIRECT,
  BLKIF_OP_NAMES,
  BLKIF_REQUEST,
  BLKIF_REQUEST_DISCARD,
  BLKIF_REQUEST_INDIRECT,
  BLKIF_RESPONSE,
} from '../../public/xen-4/io/blkif.ts';
import type { RequestRingDeclaration } from '../../ring/request-ring.ts';

/** The ring of a block device. All requests begin alike; what follows depends on the operation. */
export const BLKIF_RING: RequestRingDeclaration = {
  name: 'blkif',
  request: BLKIF_REQUEST,
  response: BLKIF_RESPONSE,
  requestFields,
  summarizeRequest,
  summarizeResponse(entry, width) {
    const view = new StructView(BLKIF_RESPONSE, width, entry);
    const [, operation, status] = decodeFields(view, width);
    return `${operation?.value} = ${status?.value}`;
  },
};

function layoutOf(operation: number | undefined): StructDefinition<string> {
  if (operation === BLKIF_OP_DISCARD) return BLKIF_REQUEST_DISCARD;
  if (operation === BLKIF_OP_INDIRECT) return BLKIF_REQUEST_INDIRECT;
  return BLKIF_REQUEST;
}

/** The fields that the operation uses; segments and indirect pages only as many as there are. */
function requestFields(entry: Uint8Array, width: Width): readonly DecodedArgument[] {
  const view = new StructView(layoutOf(entry[0]), width, entry);
  const fields = decodeFields(view, width);
  if (entry[0] === BLKIF_OP_INDIRECT || entry[0] === BLKIF_OP_DISCARD) return fields;
  const count = view.get('nr_segments');
  return fields.map((field) => (field.name === 'seg' ? { ...field, children: field.children.slice(0, count) } : field));
}

/** "WRITE 8 segments at sector 2048". */
function summarizeRequest(entry: Uint8Array, width: Width): string {
  const operation = entry[0] as number;
  const view = new StructView(layoutOf(operation), width, entry);
  const name = BLKIF_OP_NAMES[operation] ?? `operation ${operation}`;
  const at = `at sector ${view.get('sector_number')}`;
  if (operation === BLKIF_OP_DISCARD) return `${name} ${view.get('nr_sectors')} sectors ${at}`;
  if (operation === BLKIF_OP_INDIRECT) {
    const inner = view.get('indirect_op');
    return `${BLKIF_OP_NAMES[inner] ?? `operation ${inner}`} (indirect) ${view.get('nr_segments')} segments ${at}`;
  }
  const count = view.get('nr_segments');
  return count === 0 ? name : `${name} ${count} segment${count === 1 ? '' : 's'} ${at}`;
}
