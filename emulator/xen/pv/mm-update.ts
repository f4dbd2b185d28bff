import {
  highHalf,
  isCanonical,
  lowHalf,
  type MachineAddress,
  type Mfn,
  type VirtualAddress,
} from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import { TYPE_L1, TYPE_L2, TYPE_L3, TYPE_L4, TYPE_WRITABLE } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT } from '../public/xen-4/xen.ts';
import { isGuestL4Slot, PAE_XEN_L3_SLOT, type PageOwner } from './mm-validate.ts';
import {
  adjustedHigh,
  adjustedLow,
  bitNames,
  disallowedBits,
  mapsTheSame,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_PRESENT,
} from './page-table-entry.ts';

/**
 * Changes one entry of a validated page table (mod_l?_entry): takes what the new entry needs, stores it, lets go of
 * what the old one held. `preserveAd` keeps accessed and dirty bits that the processor set meanwhile.
 */
export function modifyEntry(
  xen: Hypervisor,
  level: number,
  table: Mfn,
  slot: number,
  low: number,
  high: number,
  preserveAd: boolean,
  tableOwner: Domain,
  pageOwner: PageOwner,
): Refusal | undefined {
  const { width } = tableOwner;
  if (level === TYPE_L4 && !isGuestL4Slot(slot)) {
    return refuse('EINVAL', `L4 table ${hex(table)} slot ${slot} is Xen's own`);
  }
  if (width === 32 && level > TYPE_L1) {
    const refusal = checkCompatSlot(xen, level, table, slot);
    if (refusal !== undefined) return refusal;
  }
  const at = (xen.ram.offset(table) >>> 2) + slot * 2;
  const oldLow = xen.ram.i32[at] as number;
  const oldHigh = xen.ram.i32[at + 1] as number;
  let newLow = low;
  let newHigh = high;
  let fresh = true;
  if ((low & PAGE_PRESENT) !== 0) {
    const bad = disallowedBits(level, low, high, width);
    if (bad !== 0) return refuse('EINVAL', `new L${level} entry has forbidden bits: ${bitNames(bad)}`);
    newLow = adjustedLow(level, low, high, width);
    newHigh = adjustedHigh(level, low, high, width);
    fresh = (oldLow & PAGE_PRESENT) === 0 || !mapsTheSame(oldLow, oldHigh, newLow, newHigh);
    if (fresh) {
      const refusal = xen.validator.getEntry(level, newLow, newHigh, table, tableOwner, pageOwner);
      if (refusal !== undefined) return refusal;
    }
  }
  if (preserveAd) newLow |= oldLow & (PAGE_ACCESSED | PAGE_DIRTY);
  xen.validator.store(table, slot, newLow, newHigh);
  if (fresh) xen.validator.putEntry(level, oldLow, oldHigh, table);
  return undefined;
}

/** Slots of a 32-bit guest's tables that it may not change: the last L3 entry (and those behind), Xen's L2 slots. */
function checkCompatSlot(xen: Hypervisor, level: number, table: Mfn, slot: number): Refusal | undefined {
  if (level === TYPE_L3 && slot >= PAE_XEN_L3_SLOT)
    return refuse('EINVAL', `L3 table ${hex(table)} slot ${slot} leads to Xen's own slots and stays as it is`);
  if (level === TYPE_L2 && slot >= COMPAT_L2_PAGETABLE_FIRST_XEN_SLOT && xen.references.isPaeXenL2(table))
    return refuse('EPERM', `L2 table ${hex(table)} slot ${slot} is Xen's own`);
  return undefined;
}

/** L1 table and slot that map an address in the kernel's page tables; undefined when a level is missing. */
export function findL1Entry(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: VirtualAddress,
): { table: Mfn; slot: number } | undefined {
  const root = vcpu.hardwareRoot;
  if (root === undefined) return undefined;
  const low = lowHalf(address);
  const high = highHalf(address);
  let table: number = root;
  for (let level = 4; level > 1; level--) {
    const slot = slotOf(level, low, high);
    const at = (xen.ram.offset(table as Mfn) >>> 2) + slot * 2;
    const entry = xen.ram.i32[at] as number;
    if ((entry & PAGE_PRESENT) === 0) return undefined;
    table = ((xen.ram.i32[at + 1] as number) & 0xfffff) * 0x100000 + (entry >>> 12);
    if (!xen.ram.hasFrame(table)) return undefined;
  }
  return { table: table as Mfn, slot: slotOf(1, low, high) };
}

/** Index into the table of a level: 9 bits of the address from bit 12 + 9 * (level - 1). */
function slotOf(level: number, low: number, high: number): number {
  if (level === 1) return (low >>> 12) & 0x1ff;
  if (level === 2) return (low >>> 21) & 0x1ff;
  if (level === 3) return ((low >>> 30) | (high << 2)) & 0x1ff;
  return (high >>> 7) & 0x1ff;
}

/** HYPERVISOR_update_va_mapping without its flush. */
export function updateVaMapping(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: VirtualAddress,
  low: number,
  high: number,
  pageOwner: PageOwner,
): Refusal | undefined {
  if (!isCanonical(highHalf(address))) return refuse('EINVAL', `address ${hex(address)} is not canonical`);
  const found = findL1Entry(xen, vcpu, address);
  if (found === undefined) return refuse('EINVAL', `no L1 table covers address ${hex(address)}`);
  const type = xen.references.type(found.table);
  if (type !== TYPE_L1)
    return refuse('EINVAL', `mfn ${hex(found.table)}, which maps ${hex(address)}, is no validated L1 table`);
  return modifyEntry(xen, TYPE_L1, found.table, found.slot, low, high, false, vcpu.domain, pageOwner);
}

/**
 * One MMU_NORMAL_PT_UPDATE: by the frame's type an entry of a page table, or a plain word of a writable page. Answers
 * whether an upper-level table changed (then the caller flushes).
 */
export function updateWord(
  xen: Hypervisor,
  address: MachineAddress,
  low: number,
  high: number,
  preserveAd: boolean,
  tableOwner: Domain,
  pageOwner: PageOwner,
): { readonly upper: boolean } | Refusal {
  const frame = Math.floor(address / 4096);
  if (!xen.references.get(frame, tableOwner.domid)) return xen.references.notOwned(frame, tableOwner.domid);
  const mfn = frame as Mfn;
  const outcome = updateOwnedWord(xen, mfn, address, low, high, preserveAd, tableOwner, pageOwner);
  xen.references.put(mfn);
  return outcome;
}

const LOWEST_LEVEL = { upper: false } as const;
const UPPER_LEVEL = { upper: true } as const;

function updateOwnedWord(
  xen: Hypervisor,
  mfn: Mfn,
  address: MachineAddress,
  low: number,
  high: number,
  preserveAd: boolean,
  tableOwner: Domain,
  pageOwner: PageOwner,
): { readonly upper: boolean } | Refusal {
  const slot = (address % 4096) / 8;
  const type = xen.references.type(mfn);
  if (xen.references.typeCount(mfn) > 0 && type >= TYPE_L1 && type <= TYPE_L4) {
    if (type > TYPE_L1 && pageOwner.domid !== tableOwner.domid) {
      return refuse('EINVAL', `an L${type} entry cannot refer to domain ${pageOwner.domid}'s frames`);
    }
    const refusal = modifyEntry(xen, type, mfn, slot, low, high, preserveAd, tableOwner, pageOwner);
    if (refusal !== undefined) return refusal;
    return type > TYPE_L1 ? UPPER_LEVEL : LOWEST_LEVEL;
  }
  const refusal = xen.references.getType(mfn, TYPE_WRITABLE);
  if (refusal !== undefined) return refusal;
  xen.ram.write64(address, low, high);
  xen.references.putType(mfn);
  return LOWEST_LEVEL;
}
