import { type StructDefinition, StructView } from '../../public/struct.ts';
import { CONTROL_MSG_PAYLOAD } from '../../public/xen-2.0/io/domain-controller.ts';

/** Sends a request to the guest. */
export type Send = (type: number, subtype: number, payload: Uint8Array) => void;

/** A payload as a structure; what a guest sent too short reads as zeros. */
export function viewPayload<Names extends string>(
  definition: StructDefinition<Names>,
  payload: Uint8Array,
): StructView<Names> {
  const bytes = new Uint8Array(CONTROL_MSG_PAYLOAD);
  bytes.set(payload);
  return new StructView(definition, 32, bytes);
}
