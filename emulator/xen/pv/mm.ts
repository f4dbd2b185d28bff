import type { Domid, MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import { DOMID_IO, DOMID_SELF, DOMID_XEN, type FrameType, TYPE_L3, TYPE_L4 } from '../common/frame-table.ts';
import { faultAt, writeWord } from '../common/guest-access.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { Width } from '../public/struct.ts';
import {
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  UVMF_ALL,
  UVMF_FLUSHTYPE_MASK,
  UVMF_INVLPG,
  UVMF_TLB_FLUSH,
} from '../public/xen-4/xen.ts';
import { destroyLdt } from './descriptor-tables.ts';
import { updateVaMapping, updateWord } from './mm-update.ts';
import type { PageOwner } from './mm-validate.ts';
import { entryHigh, entryLow, PAGE_ACCESSED, PAGE_PRESENT, PAGE_RW, PAGE_USER } from './page-table-entry.ts';

/** mmu_update, update_va_mapping and the page-table roots (arch/x86/mm.c). NOT IMPLEMENTED: shadow-mode guests. */

const DOMID_MASK = 0xffff;

/** get_pg_owner: the domain whose frames an operation is about. */
export function resolvePageOwner(xen: Hypervisor, caller: Domain, domid: number): Domain | PageOwner | Refusal {
  if (domid === DOMID_SELF) return caller;
  if (domid === DOMID_IO) return { domid: DOMID_IO };
  if (domid === caller.domid) return refuse('ESRCH', 'a domain must call itself DOMID_SELF here');
  const other = xen.domains.get(domid as Domid);
  // dom0 is the host here, and Xen is a domain of its own: both are there, and out of reach.
  if (other === undefined && domid !== 0 && domid !== DOMID_XEN) return refuse('ESRCH', `there is no domain ${domid}`);
  if (other === undefined || !caller.privileged)
    return refuse('EPERM', `domain ${caller.domid} may not use domain ${domid}'s frames`);
  return other;
}

/** HYPERVISOR_mmu_update(requests, count, done, foreign domain). */
export function doMmuUpdate({ xen, domain, args }: HypercallContext): HypercallResult {
  const requests = args.address(0);
  const count = args.u32(1);
  const done = args.address(2);
  const tableDomid = args.u32(3) >>> 16;
  if (tableDomid !== 0 && tableDomid - 1 !== domain.domid) {
    const exists = tableDomid === 1 || xen.domains.has((tableDomid - 1) as Domid);
    return refuse(exists ? 'EPERM' : 'ESRCH', `page tables of domain ${tableDomid - 1} are out of reach`);
  }
  const pageOwner = resolvePageOwner(xen, domain, args.u32(3) & DOMID_MASK);
  if (isRefusal(pageOwner)) return pageOwner;
  let refusal: Refusal | undefined;
  let flush = false;
  let index = 0;
  const words = new Int32Array(4);
  for (; index < count; index++) {
    if (!readWords(xen, (requests + index * 16) as VirtualAddress, words)) {
      refusal = faultAt(`mmu_update ${index}`, requests + index * 16);
      break;
    }
    const outcome = oneUpdate(xen, domain, pageOwner, words);
    if (isRefusal(outcome)) {
      refusal = { errno: outcome.errno, reason: `request ${index}: ${outcome.reason}` };
      break;
    }
    flush ||= outcome.upper;
  }
  // A change above L1 shows through recursive mappings, so that Xen flushes everything.
  if (flush) xen.tlb.flushAll();
  if (done !== 0) writeWord(xen, done, index, 4);
  return refusal ?? 0;
}

/** Four 32-bit words that may straddle pages. */
function readWords(xen: Hypervisor, address: VirtualAddress, words: Int32Array): boolean {
  const bytes = xen.processor.readVirtual(address, words.length * 4);
  if (bytes === undefined) return false;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < words.length; index++) words[index] = data.getInt32(index * 4, true);
  return true;
}

const NO_TABLE = { upper: false } as const;

function oneUpdate(
  xen: Hypervisor,
  domain: Domain,
  pageOwner: Domain | PageOwner,
  words: Int32Array,
): { readonly upper: boolean } | Refusal {
  const [pointerLow, pointerHigh, low, high] = words as unknown as readonly [number, number, number, number];
  const command = pointerLow & 7;
  const pointer = ((pointerHigh >>> 0) * 4294967296 + ((pointerLow & ~7) >>> 0)) as MachineAddress;
  switch (command) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_PRESERVE_AD:
    case MMU_PT_UPDATE_NO_TRANSLATE:
      return updateWord(xen, pointer, low, high, command === MMU_PT_UPDATE_PRESERVE_AD, domain, pageOwner);
    case MMU_MACHPHYS_UPDATE: {
      const frame = Math.floor(pointer / 4096);
      if (!xen.frames.owns(pageOwner.domid, frame)) return xen.references.notOwned(frame, pageOwner.domid);
      xen.setPfn(frame, low, high);
      return NO_TABLE;
    }
    default:
      return refuse('ENOSYS', `mmu_update command ${command}`);
  }
}

/** HYPERVISOR_update_va_mapping(address, entry, flags). */
export function doUpdateVaMapping({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  return updateAndFlush(xen, vcpu, args.address(0), args.low(1), args.high(1), args.low(2), args.high(2), domain);
}

/** HYPERVISOR_update_va_mapping_otherdomain(address, entry, flags, domid). */
export function doUpdateVaMappingOtherDomain({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const pageOwner = resolvePageOwner(xen, domain, args.u32(3) & DOMID_MASK);
  if (isRefusal(pageOwner)) return pageOwner;
  return updateAndFlush(xen, vcpu, args.address(0), args.low(1), args.high(1), args.low(2), args.high(2), pageOwner);
}

function updateAndFlush(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: VirtualAddress,
  low: number,
  high: number,
  flags: number,
  flagsHigh: number,
  pageOwner: Domain | PageOwner,
): number | Refusal {
  const refusal = updateVaMapping(xen, vcpu, address, low, high, pageOwner);
  // Xen flushes whether or not the update worked. One processor serves all vCPUs, so that every scope is the same.
  const scope = flags & ~UVMF_FLUSHTYPE_MASK;
  if (scope !== 0 && scope !== UVMF_ALL && (flags & UVMF_FLUSHTYPE_MASK) !== 0) {
    const mask = (flagsHigh * 4294967296 + ((flags & ~7) >>> 0)) as VirtualAddress;
    if (xen.processor.readVirtual(mask, 8) === undefined) return refusal ?? faultAt('vCPU mask', mask);
  }
  switch (flags & UVMF_FLUSHTYPE_MASK) {
    case UVMF_TLB_FLUSH:
      xen.tlb.flushAll();
      break;
    case UVMF_INVLPG:
      xen.tlb.flushPage(address);
      break;
    default:
      break;
  }
  return refusal ?? 0;
}

/** What a guest's top-level page table is. */
export function rootType(width: Width): FrameType {
  return width === 64 ? TYPE_L4 : TYPE_L3;
}

/** Makes a validated root the one in force for the kernel; of a 32-bit vCPU, through the L4 that Xen keeps for it. */
export function installKernelRoot(xen: Hypervisor, vcpu: Vcpu, root: Mfn): void {
  vcpu.kernelRoot = root;
  if (vcpu.compatL4 !== undefined) {
    const flags = PAGE_PRESENT | PAGE_RW | PAGE_USER | PAGE_ACCESSED;
    xen.validator.store(vcpu.compatL4, 0, entryLow(root, flags), entryHigh(root));
  } else if (!vcpu.domain.m2pStrict) xen.validator.showMachineToPhysical(root);
}

/** MMUEXT_NEW_BASEPTR and writes of CR3: the kernel's root, an L4 (32-bit: L3) of the domain. */
export function setKernelRoot(xen: Hypervisor, vcpu: Vcpu, frame: number): Refusal | undefined {
  const old = vcpu.kernelRoot;
  if (old !== frame) {
    const refusal = xen.references.getWithType(frame, rootType(vcpu.domain.width), vcpu.domain.domid);
    if (refusal !== undefined) return { errno: refusal.errno, reason: `new page-table root: ${refusal.reason}` };
    // The LDT is seen through the old root; its pages are looked up again under the new one.
    destroyLdt(xen, vcpu);
    installKernelRoot(xen, vcpu, frame as Mfn);
    xen.processor.setRoot(0, vcpu.hardwareRoot);
    xen.trace.root?.({ vcpu, user: false, from: old, to: frame });
  }
  xen.tlb.flushAll();
  if (old !== undefined && old !== frame) xen.references.putWithType(old);
  return undefined;
}

/** MMUEXT_NEW_USER_BASEPTR: the root of user mode; frame 0 takes it away. */
export function setUserRoot(xen: Hypervisor, vcpu: Vcpu, frame: number): Refusal | undefined {
  const old = vcpu.userRoot;
  if ((old ?? 0) === frame) return undefined;
  if (frame !== 0) {
    const refusal = xen.references.getWithType(frame, TYPE_L4, vcpu.domain.domid);
    if (refusal !== undefined) return { errno: refusal.errno, reason: `new user page-table root: ${refusal.reason}` };
    if (vcpu.domain.m2pStrict) xen.validator.hideMachineToPhysical(frame as Mfn);
  }
  vcpu.userRoot = frame === 0 ? undefined : (frame as Mfn);
  xen.processor.setRoot(1, vcpu.userRoot);
  xen.trace.root?.({ vcpu, user: true, from: old, to: vcpu.userRoot });
  if (old !== undefined) xen.references.putWithType(old);
  return undefined;
}
