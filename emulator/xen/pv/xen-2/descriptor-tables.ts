import type { MachineAddress, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import { machineAddressOf, TYPE_LDT, TYPE_SEGMENT_DESCRIPTORS, TYPE_WRITABLE } from '../../common/frame-table.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { hex, hex64, type Refusal, refuse } from '../../common/refusal.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import {
  FIRST_RESERVED_GDT_ENTRY,
  FLAT_RING1_CS,
  LAST_RESERVED_GDT_ENTRY,
  NR_RESERVED_GDT_ENTRIES,
} from '../../public/xen-2.0/arch-x86-32.ts';
import { PAGE_OFFSET } from '../../public/xen-2.0/xen.ts';
import { destroyGdt, destroyLdt } from '../descriptor-tables.ts';
import { RESERVED_GDT } from './lookup-descriptor.ts';

/** Descriptor tables before Xen 3 (arch/x86/x86_32/mm.c): Xen's entries stand in the middle of every GDT. */

const PRESENT = 1 << 15;
const S = 1 << 12;
const DPL = 3 << 13;
const TYPE = 0xf << 8;
const CALL_GATE = 0xc << 8;
const CODE = 1 << 11;
const EXPAND_DOWN = 1 << 10;
const GRANULAR = 1 << 23;
const ENTRIES_PER_FRAME = 512;

/** VALID_CODESEL: ring 1, and none of Xen's own descriptors but the flat one. */
export function isValidCodeSelector(selector: number): boolean {
  const entry = (selector & 0xffff) >>> 3;
  const xens = (selector & 4) === 0 && entry >= FIRST_RESERVED_GDT_ENTRY && entry <= LAST_RESERVED_GDT_ENTRY;
  return (selector & 0xffff) === FLAT_RING1_CS || (!xens && (selector & 3) === 1);
}

/**
 * What Xen stores for a descriptor that a guest wants: segments may not reach Xen; one of 4 KiB grain that does is cut
 * short without a word. Xen 1.2 refuses it (arch/i386/mm.c: check_descriptor).
 */
export function checkDescriptor2(
  low: number,
  high: number,
  { abiVersion }: Domain,
): { low: number; high: number } | Refusal {
  if ((high & PRESENT) === 0) return { low, high };
  const bad = (why: string): Refusal => refuse('EINVAL', `descriptor ${hex64(low, high)} ${why}`);
  if ((high & DPL) === 0) return bad('is for ring 0');
  if ((high & S) === 0) {
    if ((high & TYPE) !== CALL_GATE) return bad(`is a system segment or gate of type ${(high >> 8) & 0xf}`);
    if (!isValidCodeSelector(low >>> 16)) return bad("is a call gate to a selector that is not the guest kernel's");
    return (high & 0xe0) === 0 ? { low, high } : bad('has reserved bits set');
  }
  const base = ((high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0;
  const granular = (high & GRANULAR) !== 0;
  const raw = ((high & 0xf0000) | (low & 0xffff)) + 1;
  // As C's unsigned long: 1 << 20 pages are 0 bytes.
  const limit = granular ? (raw * 4096) % 2 ** 32 : raw;
  const end = (base + limit) % 2 ** 32;
  if (abiVersion === '1.2')
    return end > base && end <= PAGE_OFFSET
      ? { low, high }
      : bad("reaches into Xen's area, and Xen 1.2 cuts no limits");
  if (base >= PAGE_OFFSET - 4096) return bad(`has its base in Xen's area`);
  if ((high & (CODE | EXPAND_DOWN)) === EXPAND_DOWN) {
    if (end <= base) return { low, high };
    return granular ? withLimit(low, high, 2 ** 32 - (base - (base % 4096))) : bad('reaches down into Xen');
  }
  if (end > base && end <= PAGE_OFFSET) return { low, high };
  return granular ? withLimit(low, high, PAGE_OFFSET - base) : bad("reaches into Xen's area");
}

/** The descriptor with another limit, in bytes. */
export function withLimit(low: number, high: number, bytes: number): { low: number; high: number } {
  const limit = (Math.floor((bytes % 2 ** 32) / 4096) - 1) & 0xfffff;
  return { low: (low & ~0xffff) | (limit & 0xffff), high: (high & ~0xf0000) | (limit & 0xf0000) };
}

/** HYPERVISOR_set_gdt(frames, entries). */
export function doSetGdt2({ xen, vcpu, args }: HypercallContext): HypercallResult {
  const entries = args.u32(1);
  if (entries <= LAST_RESERVED_GDT_ENTRY || entries > 8192) {
    return refuse('EINVAL', `${entries} entries: a GDT has ${LAST_RESERVED_GDT_ENTRY + 1} to 8192, Xen's among them`);
  }
  const count = Math.ceil(entries / ENTRIES_PER_FRAME);
  const bytes = xen.processor.readVirtual(args.address(0), count * 4);
  if (bytes === undefined) return refuse('EFAULT', 'the list of GDT frames cannot be read');
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = Array.from({ length: count }, (_, index) => data.getUint32(index * 4, true));
  return setGdt2(xen, vcpu, frames, entries) ?? 0;
}

function setGdt2(xen: Hypervisor, vcpu: Vcpu, frames: readonly number[], entries: number): Refusal | undefined {
  const { domid, abiVersion } = vcpu.domain;
  const taken: Mfn[] = [];
  for (const [index, frame] of frames.entries()) {
    let refusal = xen.references.getWithType(frame, TYPE_SEGMENT_DESCRIPTORS, domid);
    // A guest may not have thought of Xen's entries in the first page: they are cleared, and it is looked at again.
    const mayClear = refusal !== undefined && index === 0 && abiVersion !== '1.2';
    if (mayClear && clearReserved(xen, frame, domid))
      refusal = xen.references.getWithType(frame, TYPE_SEGMENT_DESCRIPTORS, domid);
    if (refusal !== undefined) {
      for (const mfn of taken) xen.references.putWithType(mfn);
      return refuse('EINVAL', refusal.reason);
    }
    taken.push(frame as Mfn);
  }
  const first = machineAddressOf(taken[0] as Mfn);
  for (let entry = 0; entry < NR_RESERVED_GDT_ENTRIES; entry++) {
    const [low, high] = RESERVED_GDT[entry] ?? [0, 0];
    xen.ram.write64((first + (FIRST_RESERVED_GDT_ENTRY + entry) * 8) as MachineAddress, low, high);
  }
  destroyGdt(xen, vcpu);
  vcpu.gdtFrames = taken;
  vcpu.gdtEntries = entries;
  vcpu.segmentsChanged = true;
  xen.tlb.flushAll();
  return undefined;
}

function clearReserved(xen: Hypervisor, frame: number, domid: Vcpu['domain']['domid']): boolean {
  if (xen.references.getWithType(frame, TYPE_WRITABLE, domid) !== undefined) return false;
  const first = machineAddressOf(frame as Mfn);
  for (let entry = FIRST_RESERVED_GDT_ENTRY; entry <= LAST_RESERVED_GDT_ENTRY; entry++)
    xen.ram.write64((first + entry * 8) as MachineAddress, 0, 0);
  xen.references.putWithType(frame as Mfn);
  return true;
}

/** HYPERVISOR_update_descriptor(machine address, low, high). */
export function doUpdateDescriptor2({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const address = args.u32(0);
  if (address % 8 !== 0) return refuse('EINVAL', `descriptor address ${hex(address)} is not a multiple of 8`);
  const checked = checkDescriptor2(args.low(1), args.low(2), domain);
  if ('errno' in checked) return checked;
  const frame = Math.floor(address / 4096);
  if (!xen.references.get(frame, domain.domid))
    return refuse('EINVAL', xen.references.notOwned(frame, domain.domid).reason);
  const mfn = frame as Mfn;
  const refusal = storeDescriptor(xen, vcpu, mfn, address, checked);
  xen.references.put(mfn);
  if (refusal === undefined) vcpu.segmentsChanged = true;
  return refusal ?? 0;
}

function storeDescriptor(
  xen: Hypervisor,
  vcpu: Vcpu,
  mfn: Mfn,
  address: number,
  descriptor: { readonly low: number; readonly high: number },
): Refusal | undefined {
  const entry = (address % 4096) / 8;
  const current = xen.references.type(mfn);
  const table = current === TYPE_SEGMENT_DESCRIPTORS || current === TYPE_LDT;
  const reserved = entry >= FIRST_RESERVED_GDT_ENTRY && entry <= LAST_RESERVED_GDT_ENTRY;
  if (current === TYPE_SEGMENT_DESCRIPTORS && vcpu.gdtFrames[0] === mfn && reserved)
    return refuse('EINVAL', `entry ${entry} of the GDT is Xen's own`);
  const refusal = xen.references.getType(mfn, table ? current : TYPE_WRITABLE);
  if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
  xen.ram.write64(address as MachineAddress, descriptor.low, descriptor.high);
  xen.references.putType(mfn);
  return undefined;
}

/** MMUEXT_SET_LDT. */
export function setLdt2(xen: Hypervisor, vcpu: Vcpu, base: number, entries: number): Refusal | undefined {
  if (base % 4096 !== 0 || entries > 8192 || base + entries * 8 > PAGE_OFFSET)
    return refuse('EINVAL', `an LDT of ${entries} entries at ${hex(base)}`);
  if (vcpu.ldtEntries === entries && vcpu.ldtBase === base) return undefined;
  destroyLdt(xen, vcpu);
  vcpu.ldtBase = base as VirtualAddress;
  vcpu.ldtEntries = entries;
  vcpu.segmentsChanged = true;
  return undefined;
}
