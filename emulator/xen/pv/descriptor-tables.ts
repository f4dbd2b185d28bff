import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import { machineAddressOf, TYPE_SEGMENT_DESCRIPTORS, TYPE_WRITABLE } from '../common/frame-table.ts';
import { isGuestHandle } from '../common/guest-access.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, hex64, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Width } from '../public/struct.ts';
import {
  FIRST_RESERVED_GDT_ENTRY,
  FLAT_COMPAT_RING1_CS,
  FLAT_RING3_CS64,
  HYPERVISOR_COMPAT_VIRT_START,
} from '../public/xen-4/xen.ts';
import { lookUpDescriptor2 } from './xen-2/lookup-descriptor.ts';

/**
 * Descriptor tables of guests (pv/descriptor-tables.c): what may stand in them, Xen's own page of the GDT, and
 * the LDT, which lies in guest memory and is looked up when a selector asks for it.
 */
const SEGMENT_PRESENT = 1 << 15;
const SEGMENT_S = 1 << 12;
const SEGMENT_TYPE = 0xf << 8;
const SEGMENT_DPL = 3 << 13;
const SEGMENT_LONG = 1 << 21;
const SEGMENT_GRANULAR = 1 << 23;
const CALL_GATE_TYPE = 0xc << 8;
const ENTRIES_PER_FRAME = 512;

/** Descriptors of Xen's page of the GDT, by entry (x86_64/desc.c: boot_gdt). Ring 0 ones are out of a guest's reach. */
const RESERVED_GDT: ReadonlyMap<number, readonly [low: number, high: number]> = new Map([
  // 0xE008 ring 0 code, 0xE010 ring 0 data
  [FIRST_RESERVED_GDT_ENTRY + 1, [0x00000000, 0x00af9b00]],
  [FIRST_RESERVED_GDT_ENTRY + 2, [0x0000ffff, 0x00cf9300]],
  // 0xE023 ring 3 code, compatibility; 0xE02B ring 3 data; 0xE033 ring 3 code, 64 bit
  [FIRST_RESERVED_GDT_ENTRY + 4, [0x0000ffff, 0x00cffb00]],
  [FIRST_RESERVED_GDT_ENTRY + 5, [0x0000ffff, 0x00cff300]],
  [FIRST_RESERVED_GDT_ENTRY + 6, [0x00000000, 0x00affb00]],
  // 0xE038 ring 0 code, compatibility
  [FIRST_RESERVED_GDT_ENTRY + 7, [0x0000ffff, 0x00cf9b00]],
]);

/** The same for 32-bit guests (boot_compat_gdt). */
const RESERVED_COMPAT_GDT: typeof RESERVED_GDT = new Map([
  [FIRST_RESERVED_GDT_ENTRY + 1, [0x0000ffff, 0x00af9b00]],
  [FIRST_RESERVED_GDT_ENTRY + 2, [0x0000ffff, 0x00cf9300]],
  // 0xE019 ring 1 code, 0xE021 ring 1 data; 0xE02B ring 3 code, 0xE033 ring 3 data: all flat, 4 GiB
  [FIRST_RESERVED_GDT_ENTRY + 3, [0x0000ffff, 0x00cfbb00]],
  [FIRST_RESERVED_GDT_ENTRY + 4, [0x0000ffff, 0x00cfb300]],
  [FIRST_RESERVED_GDT_ENTRY + 5, [0x0000ffff, 0x00cffb00]],
  [FIRST_RESERVED_GDT_ENTRY + 6, [0x0000ffff, 0x00cff300]],
]);

/** Privilege of a guest's kernel, which no selector or descriptor of its may exceed. */
export function kernelRing(width: Width): 1 | 3 {
  return width === 64 ? 3 : 1;
}

/** __fixup_guest_selector: the requested privilege lowered to the kernel's. */
export function fixedSelector(selector: number, width: Width): number {
  return (selector & 3) >= kernelRing(width) ? selector : (selector & ~3) | kernelRing(width);
}

/**
 * What Xen stores for a descriptor that a guest wants: DPL raised to its kernel's ring; call gates lose theirs (it goes
 * into the selector's RPL), so that using them faults. Other gates and system segments are refused.
 */
export function checkDescriptor(low: number, high: number, width: Width): { low: number; high: number } | Refusal {
  if ((high & SEGMENT_PRESENT) === 0) return { low, high };
  const dpl = Math.max((high >>> 13) & 3, kernelRing(width));
  const raised = (high & ~SEGMENT_DPL) | (dpl << 13);
  if ((high & SEGMENT_S) !== 0) return width === 64 ? { low, high: raised } : checkCompatSegment(low, raised);
  if ((high & SEGMENT_TYPE) === 0) return { low, high };
  if ((high & SEGMENT_TYPE) !== CALL_GATE_TYPE) {
    return refuse('EINVAL', `descriptor ${hex64(low, high)} is a system segment or gate of type ${(high >> 8) & 0xf}`);
  }
  const selector = low >>> 16;
  const xens = (selector & 4) === 0 && selector >>> 3 >= FIRST_RESERVED_GDT_ENTRY;
  if (xens && selector !== (width === 64 ? FLAT_RING3_CS64 : FLAT_COMPAT_RING1_CS)) {
    return refuse('EINVAL', `call gate ${hex64(low, high)} leads to Xen's selector ${hex(selector)}`);
  }
  // 32-bit gates have a count of parameters in bits 4:0.
  if ((high & (width === 64 ? 0xff : 0xe0)) !== 0)
    return refuse('EINVAL', `call gate ${hex64(low, high)} has reserved bits or a parameter count`);
  return { low: (low & 0xffff) | (((selector & ~3) | dpl) << 16), high: high & ~SEGMENT_DPL };
}

/** A 32-bit guest has no 64-bit code; flat segments that end in Xen's area are let out to 4 GiB, for the M2P table. */
function checkCompatSegment(low: number, high: number): { low: number; high: number } | Refusal {
  if ((high & SEGMENT_LONG) !== 0)
    return refuse('EINVAL', `descriptor ${hex64(low, high)} is 64-bit code in a 32-bit domain`);
  const base = (high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16);
  const raw = ((high & 0xf0000) | (low & 0xffff)) + 1;
  const limit = (high & SEGMENT_GRANULAR) !== 0 ? raw * 4096 : raw;
  if (base !== 0 || limit <= HYPERVISOR_COMPAT_VIRT_START) return { low, high };
  return { low: low | 0xffff, high: high | 0xf0000 };
}

/** HYPERVISOR_set_gdt. Frames are the guest's machine frames; entries at most 7168. */
export function setGdt(xen: Hypervisor, vcpu: Vcpu, frames: readonly number[], entries: number): Refusal | undefined {
  if (entries > FIRST_RESERVED_GDT_ENTRY) {
    return refuse(
      'EINVAL',
      `${entries} entries reach into Xen's own page of the GDT (at most ${FIRST_RESERVED_GDT_ENTRY})`,
    );
  }
  const taken: Mfn[] = [];
  for (const frame of frames) {
    const refusal = xen.references.getWithType(frame, TYPE_SEGMENT_DESCRIPTORS, vcpu.domain.domid);
    if (refusal !== undefined) {
      for (const mfn of taken) xen.references.putWithType(mfn);
      return refuse('EINVAL', refusal.reason);
    }
    taken.push(frame as Mfn);
  }
  destroyGdt(xen, vcpu);
  vcpu.gdtFrames = taken;
  vcpu.gdtEntries = entries;
  xen.tlb.flushAll();
  return undefined;
}

export function destroyGdt(xen: Hypervisor, vcpu: Vcpu): void {
  for (const mfn of vcpu.gdtFrames) xen.references.putWithType(mfn);
  vcpu.gdtFrames = [];
  vcpu.gdtEntries = 0;
}

/** HYPERVISOR_update_descriptor: `address` is the machine address of the entry. */
export function updateDescriptor(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: MachineAddress,
  low: number,
  high: number,
): Refusal | undefined {
  if (address % 8 !== 0) return refuse('EINVAL', `descriptor address ${hex(address)} is not a multiple of 8`);
  const checked = checkDescriptor(low, high, vcpu.domain.width);
  if ('errno' in checked) return checked;
  const frame = Math.floor(address / 4096);
  const domid = vcpu.domain.domid;
  if (!xen.references.get(frame, domid)) return xen.references.notOwned(frame, domid);
  const mfn = frame as Mfn;
  // A frame that holds descriptors stays one; any other must be an ordinary writable page.
  const type = xen.references.type(mfn) === TYPE_SEGMENT_DESCRIPTORS ? TYPE_SEGMENT_DESCRIPTORS : TYPE_WRITABLE;
  const refusal = xen.references.getType(mfn, type);
  if (refusal === undefined) {
    xen.ram.write64(address, checked.low, checked.high);
    xen.references.putType(mfn);
  }
  xen.references.put(mfn);
  return refusal;
}

/** HYPERVISOR_mmuext_op SET_LDT. */
export function setLdt(xen: Hypervisor, vcpu: Vcpu, base: VirtualAddress, entries: number): Refusal | undefined {
  if (entries > 8192) return refuse('EINVAL', `an LDT of ${entries} entries (at most 8192)`);
  if (entries > 0 && base % 4096 !== 0) return refuse('EINVAL', `LDT base ${hex(base)} is not page aligned`);
  if (entries > 0 && !isGuestHandle(vcpu.domain, base)) return refuse('EINVAL', `LDT base ${hex(base)} is Xen's`);
  destroyLdt(xen, vcpu);
  vcpu.ldtBase = (entries > 0 ? base : 0) as VirtualAddress;
  vcpu.ldtEntries = entries;
  return undefined;
}

/** Drops the references on LDT pages in use; they are taken again page by page when selectors ask for them. */
export function destroyLdt(xen: Hypervisor, vcpu: Vcpu): void {
  for (const mfn of vcpu.ldtFrames.values()) xen.references.putWithType(mfn);
  const used = vcpu.ldtFrames.size > 0;
  vcpu.ldtFrames.clear();
  if (used) xen.tlb.flushAll();
}

/**
 * The processor asks for a descriptor. Beyond the guest's entries and Xen's page: false (#GP). Guest entries between
 * gdtEntries and the end of its frames read as they are, and frames not set as null descriptors, as in Xen.
 */
export function lookUpDescriptor(xen: Hypervisor, vcpu: Vcpu, selector: number, out: Uint32Array): boolean {
  if (vcpu.domain.abiVersion !== '4') return lookUpDescriptor2(xen, vcpu, selector, out);
  const entry = (selector & 0xffff) >>> 3;
  if ((selector & 4) !== 0) return lookUpLocal(xen, vcpu, entry, out);
  if (entry >= FIRST_RESERVED_GDT_ENTRY) {
    const reserved = (vcpu.domain.width === 64 ? RESERVED_GDT : RESERVED_COMPAT_GDT).get(entry);
    if (entry >= FIRST_RESERVED_GDT_ENTRY + ENTRIES_PER_FRAME) return false;
    out[0] = reserved?.[0] ?? 0;
    out[1] = reserved?.[1] ?? 0;
    return true;
  }
  const mfn = vcpu.gdtFrames[Math.floor(entry / ENTRIES_PER_FRAME)];
  if (mfn === undefined) {
    out[0] = 0;
    out[1] = 0;
    return true;
  }
  readDescriptor(xen, mfn, entry, out);
  return true;
}

function lookUpLocal(xen: Hypervisor, vcpu: Vcpu, entry: number, out: Uint32Array): boolean {
  if (entry >= vcpu.ldtEntries) return false;
  const page = Math.floor(entry / ENTRIES_PER_FRAME);
  let mfn = vcpu.ldtFrames.get(page);
  if (mfn === undefined) {
    mfn = mapLdtPage(xen, vcpu, page);
    if (mfn === undefined) return false;
  }
  readDescriptor(xen, mfn, entry, out);
  return true;
}

/** First use of a page of the LDT: it must be mapped in the kernel's view and able to be a descriptor page. */
function mapLdtPage(xen: Hypervisor, vcpu: Vcpu, page: number): Mfn | undefined {
  const walk = xen.processor.walk((vcpu.ldtBase + page * 4096) as VirtualAddress, vcpu.hardwareRoot);
  if (walk.machine === undefined) return undefined;
  const frame = Math.floor(walk.machine / 4096);
  const refusal = xen.references.getWithType(frame, TYPE_SEGMENT_DESCRIPTORS, vcpu.domain.domid);
  if (refusal !== undefined) {
    xen.notice(vcpu.domain, 'LDT', { errno: refusal.errno, reason: `page ${page} of the LDT: ${refusal.reason}` });
    return undefined;
  }
  const mfn = frame as Mfn;
  vcpu.ldtFrames.set(page, mfn);
  return mfn;
}

function readDescriptor(xen: Hypervisor, mfn: Mfn, entry: number, out: Uint32Array): void {
  const at = (xen.ram.offsetOf(machineAddressOf(mfn)) >>> 2) + (entry % ENTRIES_PER_FRAME) * 2;
  out[0] = xen.ram.u32[at] as number;
  out[1] = xen.ram.u32[at + 1] as number;
}
