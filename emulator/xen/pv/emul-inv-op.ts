import type { VirtualAddress } from '../../base/numbers.ts';
import { CS, EFLAGS_TF, type Processor, RAX, RBX, RCX, RDX } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { guestCpuid } from './cpuid.ts';
import { DR6_SINGLE_STEP, injectDebugTrap } from './inject.ts';

/** ud2, "xen", cpuid: the guest asks for CPUID as Xen would have it (pv/emul-inv-op.c). */
const FORCED_CPUID: readonly number[] = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2];

export function emulateForcedInvalidOp(xen: Hypervisor, vcpu: Vcpu): boolean {
  const { processor } = xen;
  const bytes = processor.peek(codeAddress(processor), FORCED_CPUID.length);
  if (bytes.length < FORCED_CPUID.length || !FORCED_CPUID.every((byte, index) => bytes[index] === byte)) return false;
  emulateCpuid(xen, vcpu);
  processor.rip = (processor.rip + FORCED_CPUID.length) as VirtualAddress;
  if ((processor.rflags & EFLAGS_TF) !== 0) injectDebugTrap(xen, vcpu, DR6_SINGLE_STEP);
  return true;
}

/** Linear address of the instruction at rip. */
export function codeAddress(processor: Processor): VirtualAddress {
  if (processor.longMode) return processor.rip;
  return ((processor.rip + processor.segmentBaseLow(CS)) >>> 0) as VirtualAddress;
}

/** CPUID on the guest's registers. */
export function emulateCpuid(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  const out = new Uint32Array(4);
  guestCpuid(
    processor.low(RAX),
    processor.low(RCX),
    { vcpuIndex: vcpu.index, width: vcpu.domain.width, abiVersion: '4' },
    out,
  );
  processor.setRegister(RAX, out[0] as number, 0);
  processor.setRegister(RBX, out[1] as number, 0);
  processor.setRegister(RCX, out[2] as number, 0);
  processor.setRegister(RDX, out[3] as number, 0);
}
