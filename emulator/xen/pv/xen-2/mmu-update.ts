import type { Domid, MachineAddress, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import {
  DOMID_IO,
  DOMID_XEN,
  FRAME_ALLOCATED,
  FRAME_TYPE_NAMES,
  type FrameType,
  TYPE_L1,
  TYPE_L2,
  TYPE_WRITABLE,
} from '../../common/frame-table.ts';
import { faultAt, writeWord } from '../../common/guest-access.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import {
  HYPERVISOR_VIRT_START,
  MMU_EXTENDED_COMMAND,
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMUEXT_NAMES,
  UVMF_FLUSH_TLB,
  UVMF_INVLPG,
} from '../../public/xen-2.0/xen.ts';
import { destroyLdt } from '../descriptor-tables.ts';
import type { PageOwner } from '../mm-validate.ts';
import { PAGE_PRESENT } from '../page-table-entry.ts';
import { setLdt2 } from './descriptor-tables.ts';

/** mmu_update with its extended commands, and update_va_mapping (arch/x86/memory.c of Xen 2.0). */

/** Bits of the count that only Xen sets, to go on later. */
const PRIVATE_COUNT = 0xffff0000;
const COMMAND_SHIFT = 8;

/** One call of mmu_update: what is put off until its end, and whose frames entries refer to. */
interface Batch {
  readonly xen: Hypervisor;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  foreign: Domain | PageOwner | undefined;
  flush: boolean;
}

/** HYPERVISOR_mmu_update(requests, count, done). Stops at the first refusal; `done` counts those before it. */
export function doMmuUpdate2({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const requests = args.u32(0);
  const count = args.u32(1);
  const done = args.address(2);
  const batch: Batch = { xen, domain, vcpu, foreign: undefined, flush: false };
  let refusal: Refusal | undefined;
  let index = 0;
  if ((count & PRIVATE_COUNT) !== 0) refusal = refuse('EINVAL', `a count of ${hex(count)} has bits that are Xen's own`);
  else if (count > 0 && requests + count * 8 > HYPERVISOR_VIRT_START) refusal = faultAt('list of updates', requests);
  for (; refusal === undefined && index < count; index++) {
    const bytes = xen.processor.readVirtual((requests + index * 8) as VirtualAddress, 8);
    if (bytes === undefined) {
      refusal = faultAt(`mmu_update ${index}`, requests + index * 8);
      break;
    }
    const data = new DataView(bytes.buffer, bytes.byteOffset, 8);
    const outcome = oneUpdate(batch, data.getUint32(0, true), data.getUint32(4, true));
    if (outcome !== undefined) {
      refusal = refuse('EINVAL', count > 1 ? `request ${index}: ${outcome.reason}` : outcome.reason);
      break;
    }
  }
  if (batch.flush) xen.tlb.flushAll();
  if (done !== 0) writeWord(xen, done, index, 4);
  return refusal ?? 0;
}

function oneUpdate(batch: Batch, ptr: number, val: number): Refusal | undefined {
  const { xen, domain, foreign } = batch;
  const pointer = (ptr & ~3) >>> 0;
  switch (ptr & 3) {
    case MMU_NORMAL_PT_UPDATE:
      return updateWord2(xen, domain, pointer as MachineAddress, val, foreign ?? domain);
    case MMU_MACHPHYS_UPDATE: {
      const frame = pointer >>> 12;
      const owner = (foreign ?? domain).domid;
      if (!xen.frames.owns(owner, frame)) return xen.references.notOwned(frame, owner);
      xen.setPfn(frame, val, 0);
      return undefined;
    }
    case MMU_EXTENDED_COMMAND:
      return extendedCommand(batch, pointer, val);
    default:
      return refuse('EINVAL', `there is no mmu_update command ${ptr & 3}`);
  }
}

/** MMU_NORMAL_PT_UPDATE: by the frame's type an entry of a page table, or a word of an ordinary page. */
export function updateWord2(
  xen: Hypervisor,
  domain: Domain,
  address: MachineAddress,
  value: number,
  pageOwner: Domain | PageOwner,
): Refusal | undefined {
  const frame = Math.floor(address / 4096);
  if (!xen.references.get(frame, domain.domid)) return xen.references.notOwned(frame, domain.domid);
  const mfn = frame as Mfn;
  const refusal = updateOwned(xen, domain, mfn, address, value | 0, pageOwner);
  xen.references.put(mfn);
  return refusal;
}

function updateOwned(
  xen: Hypervisor,
  domain: Domain,
  mfn: Mfn,
  address: MachineAddress,
  value: number,
  pageOwner: Domain | PageOwner,
): Refusal | undefined {
  const type = xen.references.type(mfn);
  const slot = (address % 4096) >>> 2;
  const isTable = type === TYPE_L1 || type === TYPE_L2;
  const refusal = xen.references.getType(mfn, isTable ? type : TYPE_WRITABLE);
  if (refusal !== undefined) return refusal;
  let outcome: Refusal | undefined;
  if (type === TYPE_L1) outcome = xen.twoLevel.modifyL1(mfn, slot, value, domain, pageOwner);
  else if (type === TYPE_L2) outcome = xen.twoLevel.modifyL2(mfn, slot, value, domain);
  else xen.ram.write32(address, value);
  xen.references.putType(mfn);
  return outcome;
}

function extendedCommand(batch: Batch, pointer: number, val: number): Refusal | undefined {
  const { xen, domain, vcpu } = batch;
  const frame = pointer >>> 12;
  const owner = batch.foreign ?? domain;
  const command = val & 0xff;
  switch (command) {
    case 0:
      return pinTable2(xen, owner, frame, TYPE_L1);
    case 1:
      return pinTable2(xen, owner, frame, TYPE_L2);
    case 4:
      return unpinTable2(xen, owner, frame);
    case 5:
      return newBasePointer(batch, frame);
    case 6:
      batch.flush = true;
      return undefined;
    case 7:
      xen.tlb.flushPage(pointer as VirtualAddress);
      return undefined;
    case 8:
      return refuse('EINVAL', 'cache flushes are for domains with devices');
    case 9:
      return setLdt2(xen, vcpu, pointer, val >>> COMMAND_SHIFT);
    case 10:
      return setForeignDomain(batch, val >>> 16);
    case 11:
      batch.foreign = undefined;
      return undefined;
    case 12:
      return transferPage(batch, frame, val >>> 16);
    case 13:
      return reassignPage(batch, frame);
    default:
      return refuse('EINVAL', `there is no extended command ${MMUEXT_NAMES[command] ?? command} on this machine`);
  }
}

/** MMUEXT_PIN_Ln_TABLE; the toolstack pins a new domain's page directory with it. */
export function pinTable2(xen: Hypervisor, owner: PageOwner, frame: number, type: FrameType): Refusal | undefined {
  const refusal = xen.references.getWithType(frame, type, owner.domid);
  if (refusal !== undefined) return refuse('EINVAL', `pinning: ${refusal.reason}`);
  const mfn = frame as Mfn;
  if (xen.references.isPinned(mfn)) {
    xen.references.putWithType(mfn);
    return refuse('EINVAL', `mfn ${hex(mfn)} is pinned already, as ${FRAME_TYPE_NAMES[type]}`);
  }
  xen.references.setPinned(mfn, true);
  if (type === TYPE_L1) xen.twoLevel.pinned(mfn, xen.references.typeCount(mfn) === 1);
  return undefined;
}

export function unpinTable2(xen: Hypervisor, owner: PageOwner, frame: number): Refusal | undefined {
  if (!xen.frames.owns(owner.domid, frame)) return xen.references.notOwned(frame, owner.domid);
  if (!xen.references.isPinned(frame)) return refuse('EINVAL', `mfn ${hex(frame)} is not pinned`);
  xen.references.setPinned(frame, false);
  xen.references.putWithType(frame);
  return undefined;
}

function newBasePointer(batch: Batch, frame: number): Refusal | undefined {
  const refusal = loadPageDirectory(batch.xen, batch.vcpu, frame);
  if (refusal === undefined) batch.flush = false;
  return refusal;
}

/** MMUEXT_NEW_BASEPTR: the page directory in force; loading it flushes the TLB. */
export function loadPageDirectory(xen: Hypervisor, vcpu: Vcpu, frame: number): Refusal | undefined {
  const refusal = xen.references.getWithType(frame, TYPE_L2, vcpu.domain.domid);
  if (refusal !== undefined) return refuse('EINVAL', `new page directory: ${refusal.reason}`);
  const old = vcpu.kernelRoot;
  // The LDT is seen through the old tables; its pages are looked up again under the new ones.
  destroyLdt(xen, vcpu);
  vcpu.segmentsChanged = true;
  vcpu.kernelRoot = frame as Mfn;
  xen.processor.setRoot(0, vcpu.kernelRoot);
  xen.processor.setRoot(1, vcpu.kernelRoot);
  xen.tlb.flushAll();
  if (old !== undefined) xen.references.putWithType(old);
  return undefined;
}

function setForeignDomain(batch: Batch, domid: number): Refusal | undefined {
  const { xen, domain } = batch;
  batch.foreign = undefined;
  if (domid === DOMID_IO) batch.foreign = { domid: DOMID_IO };
  else if (!domain.privileged) return refuse('EINVAL', `domain ${domain.domid} may not use domain ${domid}'s frames`);
  else if (domid === DOMID_XEN) batch.foreign = { domid: DOMID_XEN };
  else batch.foreign = xen.domains.get(domid as Domid);
  return batch.foreign === undefined ? refuse('EINVAL', `there is no domain ${domid}`) : undefined;
}

/** Gives a page to a domain that has granted its transfer. Nobody can have: grants are switched off from 2.0.2 on. */
function transferPage({ xen, domain }: Batch, frame: number, domid: number): Refusal | undefined {
  if (domid !== 0 && !xen.domains.has(domid as Domid)) return refuse('EINVAL', `there is no domain ${domid}`);
  const refusal = checkUnused(xen, domain, frame);
  if (refusal !== undefined) return refusal;
  // Xen takes the page away before it asks for the grant, and does not give it back.
  xen.references.deallocate(frame as Mfn);
  return refuse('EINVAL', `domain ${domid} has granted no transfer; mfn ${hex(frame)} is lost`);
}

/** The owner's own reference must be the only one. */
function checkUnused(xen: Hypervisor, domain: Domain, frame: number): Refusal | undefined {
  if (!xen.frames.owns(domain.domid, frame)) return xen.references.notOwned(frame, domain.domid);
  const index = frame - xen.frames.first;
  const allocated = ((xen.frames.flags[index] as number) & FRAME_ALLOCATED) !== 0;
  if (allocated && xen.frames.counts[index] === 1 && !xen.isXenHeap(frame)) return undefined;
  return refuse('EINVAL', `mfn ${hex(frame)} is in use (count ${xen.frames.counts[index]})`);
}

function reassignPage({ xen, domain, foreign }: Batch, frame: number): Refusal | undefined {
  if (!domain.privileged) return refuse('EINVAL', `domain ${domain.domid} may not give pages to others`);
  const to = foreign === undefined ? undefined : xen.domains.get(foreign.domid);
  if (to === undefined) return refuse('EINVAL', 'no foreign domain is set to give the page to');
  const refusal = checkUnused(xen, domain, frame);
  if (refusal !== undefined) return refusal;
  xen.moveFrame(frame as Mfn, domain, to);
  return undefined;
}

/** HYPERVISOR_update_va_mapping(page number, entry, flags). */
export function doUpdateVaMapping2(call: HypercallContext): HypercallResult {
  return updateVaMapping2(call, call.domain);
}

/** HYPERVISOR_update_va_mapping_otherdomain(page number, entry, flags, domid). */
export function doUpdateVaMappingOtherDomain2(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  if (!domain.privileged) return refuse('EPERM', "mapping other domains' frames is for privileged domains");
  const other = xen.domains.get((args.u32(3) & 0xffff) as Domid);
  if (other === undefined) return refuse('ESRCH', `there is no domain ${args.u32(3) & 0xffff}`);
  return updateVaMapping2(call, other);
}

function updateVaMapping2({ xen, domain, vcpu, args }: HypercallContext, pageOwner: Domain): HypercallResult {
  const page = args.u32(0);
  if (page >= HYPERVISOR_VIRT_START >>> 12) return refuse('EINVAL', `page number ${hex(page)} is in Xen's area`);
  const address = (page * 4096) as VirtualAddress;
  const table = findL1(xen, vcpu, address);
  // Xen 1.2 passes on what reading the entry came to.
  if (isRefusal(table) && domain.abiVersion === '1.2') return refuse('EFAULT', table.reason);
  const refusal = isRefusal(table) ? table : xen.twoLevel.modifyL1(table, page & 0x3ff, args.low(1), domain, pageOwner);
  const flags = args.u32(2);
  if ((flags & UVMF_FLUSH_TLB) !== 0) xen.tlb.flushAll();
  else if ((flags & UVMF_INVLPG) !== 0) xen.tlb.flushPage(address);
  return refusal ?? 0;
}

/** The L1 table that maps an address now. */
export function findL1(xen: Hypervisor, vcpu: Vcpu, address: VirtualAddress): Mfn | Refusal {
  const directory = vcpu.kernelRoot;
  const entry = directory === undefined ? 0 : xen.twoLevel.entry(directory, address >>> 22);
  const table = entry >>> 12;
  if ((entry & PAGE_PRESENT) === 0) return refuse('EINVAL', `no page table covers ${hex(address)}`);
  // Through a recursive entry the page directory itself would be changed, which is for mmu_update.
  if (xen.references.type(table as Mfn) !== TYPE_L1)
    return refuse('EINVAL', `${hex(address)} is mapped by page directory ${hex(table)}, not by an L1 table`);
  return table as Mfn;
}
