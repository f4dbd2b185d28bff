import type { MachineAddress, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import { machineAddressOf, TYPE_LDT } from '../../common/frame-table.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { FIRST_RESERVED_GDT_ENTRY, LAST_RESERVED_GDT_ENTRY } from '../../public/xen-2.0/arch-x86-32.ts';

/** Descriptors of guests before Xen 3, as the processor finds them. */

const ENTRIES_PER_FRAME = 512;

/** From entry 256 on (boot/x86_32.S: gdt_table): ring 0 code and data, then what guests use. Task states read as null. */
export const RESERVED_GDT: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0x0000ffff, 0x00cf9a00],
  [0x0000ffff, 0x00cf9200],
  [0x0000c3ff, 0x00cfba00],
  [0x0000c3ff, 0x00cfb200],
  [0x0000c3ff, 0x00cffa00],
  [0x0000c3ff, 0x00cff200],
];

/** The processor asks for a descriptor; false: beyond the table (#GP). */
export function lookUpDescriptor2(xen: Hypervisor, vcpu: Vcpu, selector: number, out: Uint32Array): boolean {
  const place = descriptorPlace(xen, vcpu, selector);
  if (place === undefined) return false;
  if (place === RESERVED) {
    const [low, high] = RESERVED_GDT[((selector & 0xffff) >>> 3) - FIRST_RESERVED_GDT_ENTRY] ?? [0, 0];
    out[0] = low;
    out[1] = high;
    return true;
  }
  const at = xen.ram.offsetOf(place) >>> 2;
  out[0] = xen.ram.u32[at] as number;
  out[1] = xen.ram.u32[at + 1] as number;
  return true;
}

/** In the GDT that every vCPU starts with. */
export const RESERVED = Symbol('reserved');

/** Where in memory a selector's descriptor stands; undefined beyond its table. */
export function descriptorPlace(
  xen: Hypervisor,
  vcpu: Vcpu,
  selector: number,
): MachineAddress | typeof RESERVED | undefined {
  const entry = (selector & 0xffff) >>> 3;
  if ((selector & 4) !== 0) {
    if (entry >= vcpu.ldtEntries) return undefined;
    const mfn = ldtFrame(xen, vcpu, Math.floor(entry / ENTRIES_PER_FRAME));
    return mfn === undefined ? undefined : entryAddress(mfn, entry);
  }
  if (vcpu.gdtEntries === 0) return entry <= LAST_RESERVED_GDT_ENTRY ? RESERVED : undefined;
  if (entry >= vcpu.gdtEntries) return undefined;
  return entryAddress(vcpu.gdtFrames[Math.floor(entry / ENTRIES_PER_FRAME)] as Mfn, entry);
}

function entryAddress(mfn: Mfn, entry: number): MachineAddress {
  return (machineAddressOf(mfn) + (entry % ENTRIES_PER_FRAME) * 8) as MachineAddress;
}

/** A page of the LDT: the first use makes it a descriptor page (map_ldt_shadow_page). */
function ldtFrame(xen: Hypervisor, vcpu: Vcpu, page: number): Mfn | undefined {
  const known = vcpu.ldtFrames.get(page);
  if (known !== undefined) return known;
  const walk = xen.processor.walk((vcpu.ldtBase + page * 4096) as VirtualAddress, vcpu.hardwareRoot);
  if (walk.machine === undefined) return undefined;
  const frame = Math.floor(walk.machine / 4096);
  const refusal = xen.references.getWithType(frame, TYPE_LDT, vcpu.domain.domid);
  if (refusal !== undefined) {
    xen.notice(vcpu.domain, 'LDT', { errno: refusal.errno, reason: `page ${page} of the LDT: ${refusal.reason}` });
    return undefined;
  }
  vcpu.ldtFrames.set(page, frame as Mfn);
  return frame as Mfn;
}
