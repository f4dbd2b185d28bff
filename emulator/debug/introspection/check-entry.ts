import { lowHalf, type Mfn, type VirtualAddress } from '../../base/numbers.ts';
import type { Processor } from '../../x86/cpu/processor.ts';
import type { FrameType } from '../../xen/common/frame-table.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import { errnoName, type Refusal } from '../../xen/common/refusal.ts';
import { FrameReferences } from '../../xen/pv/mm-types.ts';
import { modifyEntry } from '../../xen/pv/mm-update.ts';
import { PageTableValidator } from '../../xen/pv/mm-validate.ts';
import { Tlb } from '../../xen/pv/tlb.ts';
import { TwoLevelTables, validatorByAbi } from '../../xen/pv/xen-2/memory.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import { findDomain } from './frames.ts';

/** What Xen would say to a new page-table entry. */

/** Validates as Xen does and stores nothing. */
class DryValidator extends PageTableValidator {
  override store(): void {}
  override putEntry(): void {}
}

/** The same for tables of two levels, of Xen 1.2 and 2.0. */
class DryTwoLevelTables extends TwoLevelTables {
  protected override store(): void {}
}

const NO_TLB = { flushTlb() {}, invalidatePage(_address: VirtualAddress) {} } as unknown as Processor;

export interface CheckArguments {
  readonly domain: number;
  /** Frame of the table, and the slot in it. */
  readonly table: string;
  readonly index: number;
  /** The proposed entry, hexadecimal. */
  readonly entry: string;
}

/**
 * Carries MMU_NORMAL_PT_UPDATE out on a machine whose memory cannot be written and whose frame counts are put back: the
 * answer is that of the very code that would answer the guest. Undefined: no such domain.
 */
export function checkEntry(machine: Machine, { domain: domid, table, index, entry }: CheckArguments) {
  const domain = findDomain(machine, domid);
  if (domain === undefined) return undefined;
  const { hypervisor } = machine;
  const { frames, ram, m2p, tlb, domains } = hypervisor;
  const mfn = Number(table);
  if (!frames.owns(domain.domid, mfn)) return refused('EPERM', `mfn ${table} is not a frame of domain ${domid}`);
  const level = frames.types[mfn - frames.first] as FrameType;
  const isTable = level >= 1 && level <= 4 && (frames.typeCounts[mfn - frames.first] as number) > 0;
  if (!isTable) return { accepted: true, errno: undefined, reason: `mfn ${table} is in use as no page table` };
  const value = BigInt(entry);
  const before = frames.save();
  const dry = new Tlb(NO_TLB);
  dry.stamp = tlb.stamp;
  const references = new FrameReferences(frames, m2p, dry, domains);
  const validator = new DryValidator(ram, frames, m2p, references);
  const twoLevel = new DryTwoLevelTables(ram, frames, m2p, references);
  twoLevel.restore(hypervisor.twoLevel.save());
  references.validator = validatorByAbi(validator, twoLevel);
  const acted = { ram, references, validator } as unknown as Hypervisor;
  let refusal: Refusal | undefined;
  try {
    if (domain.paging === '4-level')
      refusal = modifyEntry(acted, level, mfn as Mfn, index, half(value), half(value >> 32n), false, domain, domain);
    else if (level === 1) refusal = twoLevel.modifyL1(mfn as Mfn, index, half(value), domain, domain);
    else refusal = twoLevel.modifyL2(mfn as Mfn, index, half(value), domain);
  } finally {
    frames.restore(before);
  }
  if (refusal === undefined) return { accepted: true, errno: undefined, reason: 'Xen accepts it' };
  return refused(errnoName(refusal.errno), refusal.reason);
}

const half = (value: bigint): number => lowHalf(Number(value & 0xffffffffn));
const refused = (errno: string, reason: string) => ({
  accepted: false,
  errno: errno as string | undefined,
  reason,
});
