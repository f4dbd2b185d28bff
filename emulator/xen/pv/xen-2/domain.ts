import { CS, DS, EFLAGS_IF, ES, FS, GS, SS } from '../../../x86/cpu/processor.ts';
import { TYPE_L2 } from '../../common/frame-table.ts';
import type { Hypervisor, VcpuContext } from '../../common/hypervisor.ts';
import type { Refusal } from '../../common/refusal.ts';
import { setUpcallMask } from '../../common/shared-info.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { FLAT_RING1_CS, FLAT_RING1_DS } from '../../public/xen-2.0/arch-x86-32.ts';
import { followRing } from '../guest-mode.ts';
import { bounceFailsafe2 } from './bounce-frame.ts';
import { pinTable2 } from './mmu-update.ts';

/** Registers of vCPUs before Xen 3 (arch/x86/domain.c). */

/** State of a vCPU that has no context yet. */
export function resetVcpu2(xen: Hypervisor, vcpu: Vcpu): void {
  const { registers } = vcpu;
  registers.selectors.fill(FLAT_RING1_DS);
  registers.selectors[CS] = FLAT_RING1_CS;
  registers.rflags = 2 | EFLAGS_IF;
  for (const trap of vcpu.traps) trap.cs = FLAT_RING1_CS;
  vcpu.eventCallback.cs = FLAT_RING1_CS;
  vcpu.failsafeCallback.cs = FLAT_RING1_CS;
  vcpu.kernelSs = FLAT_RING1_DS;
  if (vcpu.domain.abiVersion === '2.0') setUpcallMask(xen.ram, vcpu, true);
}

/** Pins the page directory and makes it the one in force. */
export function installFirstRoot(xen: Hypervisor, vcpu: Vcpu, context: VcpuContext): Refusal | undefined {
  const refusal =
    pinTable2(xen, vcpu.domain, context.rootMfn, TYPE_L2) ??
    xen.references.getWithType(context.rootMfn, TYPE_L2, vcpu.domain.domid);
  if (refusal !== undefined) return refusal;
  vcpu.kernelRoot = context.rootMfn;
  return undefined;
}

/** In the order in which Xen loads them. */
const DATA_SEGMENTS = [DS, ES, FS, GS] as const;

/**
 * Xen loads the data segment registers on every way back into the guest, so that changed descriptors take effect, and
 * one that cannot be loaded any more leads to the failsafe callback. Here that is done when descriptors have changed.
 */
export function reloadSegments(xen: Hypervisor, vcpu: Vcpu): void {
  vcpu.segmentsChanged = false;
  const { processor } = xen;
  const wanted = DATA_SEGMENTS.map((segment) => processor.selector(segment));
  let failed = false;
  for (const [index, segment] of DATA_SEGMENTS.entries()) {
    if (processor.loadSegment(segment, wanted[index] as number) === -1) continue;
    processor.loadSegment(segment, 0);
    failed = true;
  }
  followRing(xen, vcpu);
  if (failed) bounceFailsafe2(xen, vcpu, { cs: processor.selector(CS), ss: processor.selector(SS) }, wanted);
}
