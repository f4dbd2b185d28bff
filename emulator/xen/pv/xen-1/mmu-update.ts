import type { MachineAddress, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import { TYPE_L1, TYPE_L2 } from '../../common/frame-table.ts';
import { faultAt } from '../../common/guest-access.ts';
import { hex, type Refusal, refuse } from '../../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import {
  MMU_EXTENDED_COMMAND,
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_UNCHECKED_PT_UPDATE,
} from '../../public/xen-1.2/xen.ts';
import { setLdt2 } from '../xen-2/descriptor-tables.ts';
import { loadPageDirectory, pinTable2, unpinTable2, updateWord2 } from '../xen-2/mmu-update.ts';

/** mmu_update of Xen 1.2 (common/memory.c): entries are given by where they are mapped, in the address space in force. */

/** HYPERVISOR_mmu_update(requests, count). Stops at the first refusal; nobody is told how many went before. */
export function doMmuUpdate1(call: HypercallContext): HypercallResult {
  const { xen, args } = call;
  const flush = { wanted: false };
  let refusal: Refusal | undefined;
  for (let index = 0; index < args.low(1); index++) {
    const at = args.u32(0) + index * 8;
    const bytes = xen.processor.readVirtual(at as VirtualAddress, 8);
    if (bytes === undefined) {
      refusal = faultAt(`mmu_update ${index}`, at);
      break;
    }
    const data = new DataView(bytes.buffer, bytes.byteOffset, 8);
    const outcome = oneUpdate(call, data.getUint32(0, true), data.getUint32(4, true), flush);
    if (outcome === undefined) continue;
    refusal = refuse('EINVAL', args.low(1) > 1 ? `request ${index}: ${outcome.reason}` : outcome.reason);
    break;
  }
  if (flush.wanted) xen.tlb.flushAll();
  return refusal ?? 0;
}

function oneUpdate(call: HypercallContext, ptr: number, val: number, flush: { wanted: boolean }): Refusal | undefined {
  const { xen, domain, vcpu } = call;
  const pointer = (ptr & ~3) >>> 0;
  switch (ptr & 3) {
    case MMU_NORMAL_PT_UPDATE: {
      const { machine } = xen.processor.walk(pointer as VirtualAddress, vcpu.kernelRoot);
      if (machine === undefined) return refuse('EINVAL', `nothing is mapped at ${hex(pointer)}`);
      const mfn = Math.floor(machine / 4096) as Mfn;
      const type = xen.references.type(mfn);
      const isFree = !xen.frames.owns(domain.domid, mfn) || xen.references.typeCount(mfn) === 0;
      if (type !== TYPE_L1 && type !== TYPE_L2 && !isFree)
        return refuse('EINVAL', `mfn ${hex(mfn)} is no page table, and in use as something else`);
      return updateWord2(xen, domain, machine as MachineAddress, val, domain);
    }
    case MMU_UNCHECKED_PT_UPDATE:
      return refuse('EINVAL', 'unchecked updates are for dom0');
    case MMU_MACHPHYS_UPDATE: {
      const frame = pointer >>> 12;
      if (!xen.frames.owns(domain.domid, frame)) return xen.references.notOwned(frame, domain.domid);
      xen.setPfn(frame, val, 0);
      return undefined;
    }
    case MMU_EXTENDED_COMMAND:
      return extendedCommand(call, pointer, val, flush);
    default:
      return undefined;
  }
}

function extendedCommand(
  { xen, domain, vcpu }: HypercallContext,
  pointer: number,
  val: number,
  flush: { wanted: boolean },
): Refusal | undefined {
  const frame = pointer >>> 12;
  const command = val & 0xff;
  // What is no address of a table must be one of memory all the same.
  if (command !== SET_LDT && frame >= xen.ram.endMfn) return refuse('EINVAL', `mfn ${hex(frame)} is no RAM`);
  switch (command) {
    case 0:
      return pinTable2(xen, domain, frame, TYPE_L1);
    case 1:
      return pinTable2(xen, domain, frame, TYPE_L2);
    case 4:
      return unpinTable2(xen, domain, frame);
    case 5:
      return loadPageDirectory(xen, vcpu, frame);
    case 6:
      flush.wanted = true;
      return undefined;
    case 7:
      xen.tlb.flushPage((val & ~0xff) as VirtualAddress);
      return undefined;
    case SET_LDT:
      return setLdt2(xen, vcpu, pointer, val >>> 8);
    default:
      return refuse('EINVAL', `there is no extended command ${command} on this machine`);
  }
}

const SET_LDT = 8;
