import type { VirtualAddress } from '../../base/numbers.ts';
import type { StructDefinition } from '../public/struct.ts';
import { StructView } from '../public/struct.ts';
import { HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START } from '../public/xen-4/xen.ts';
import type { Domain } from './domain.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hex, type Refusal, refuse } from './refusal.ts';

/** copy_from_guest and copy_to_guest for structures, in the current vCPU's address space. */

/** access_ok: a guest's pointer that does not lead into Xen's own area (64-bit; a 32-bit one cannot reach further). */
export function isGuestHandle(domain: Domain, address: number): boolean {
  return domain.width === 32 || address < HYPERVISOR_VIRT_START || address >= HYPERVISOR_VIRT_END;
}

/** Reads one structure; EFAULT when any of it is not readable. */
export function readStruct<Names extends string>(
  xen: Hypervisor,
  domain: Domain,
  address: VirtualAddress,
  definition: StructDefinition<Names>,
): StructView<Names> | Refusal {
  const bytes = isGuestHandle(domain, address)
    ? xen.processor.readVirtual(address, definition[domain.width].size)
    : undefined;
  if (bytes === undefined) return refuse('EFAULT', `${definition.name} at ${hex(address)} cannot be read`);
  return new StructView(definition, domain.width, bytes);
}

export function writeStruct(xen: Hypervisor, address: VirtualAddress, view: StructView<string>): Refusal | undefined {
  if (xen.processor.writeVirtual(address, view.bytes)) return undefined;
  return refuse('EFAULT', `${view.definition.name} at ${hex(address)} cannot be written`);
}

export function writeWord(xen: Hypervisor, address: VirtualAddress, value: number, bytes: 4 | 8): boolean {
  const buffer = new Uint8Array(bytes);
  const data = new DataView(buffer.buffer);
  data.setUint32(0, value % 4294967296, true);
  if (bytes === 8) data.setUint32(4, Math.floor(value / 4294967296), true);
  return xen.processor.writeVirtual(address, buffer);
}

export function faultAt(what: string, address: number): Refusal {
  return refuse('EFAULT', `${what} at ${hex(address)} cannot be accessed`);
}
