import { GS } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';

/**
 * A 64-bit guest's kernel and its processes both run in ring 3; Xen tells them apart by a flag, and gives each its own
 * page-table root and GS base (toggle_guest_mode of pv/domain.c).
 */
export function setGuestMode(xen: Hypervisor, vcpu: Vcpu, kernel: boolean): void {
  if (vcpu.kernelMode === kernel) return;
  const { processor } = xen;
  const low = processor.segmentBaseLow(GS);
  const high = processor.segmentBaseHigh(GS);
  if (kernel) {
    vcpu.gsBaseUserLow = low;
    vcpu.gsBaseUserHigh = high;
    processor.setSegmentBase(GS, vcpu.gsBaseKernelLow, vcpu.gsBaseKernelHigh);
  } else {
    vcpu.gsBaseKernelLow = low;
    vcpu.gsBaseKernelHigh = high;
    processor.setSegmentBase(GS, vcpu.gsBaseUserLow, vcpu.gsBaseUserHigh);
  }
  vcpu.kernelMode = kernel;
  processor.view = kernel ? 0 : 1;
}

/** A 32-bit guest's kernel is what runs in ring 1 (guest_kernel_mode); the guest changes rings by itself. */
export function followRing(xen: Hypervisor, vcpu: Vcpu): void {
  if (vcpu.domain.width === 32) vcpu.kernelMode = xen.processor.privilege === 1;
}
