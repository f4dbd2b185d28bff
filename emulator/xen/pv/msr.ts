import { highHalf, isCanonical, lowHalf } from '../../base/numbers.ts';
import { FS, GS } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';

/** Model-specific registers of a PV guest (read_msr, write_msr of pv/emul-priv-op.c). */

const MSR_IA32_TSC = 0x10;
const MSR_APIC_BASE = 0x1b;
const MSR_IA32_UCODE_REV = 0x8b;
const MSR_PLATFORM_INFO = 0xce;
const MSR_MISC_ENABLE = 0x1a0;
const MSR_CR_PAT = 0x277;
const MSR_PERF_CAPABILITIES = 0x345;
const MSR_EFER = 0xc0000080;
const MSR_FS_BASE = 0xc0000100;
const MSR_GS_BASE = 0xc0000101;
const MSR_SHADOW_GS_BASE = 0xc0000102;
const MSR_XEN_HYPERCALL_PAGE = 0x40000000;

/** SCE, LME, LMA, NXE. */
const EFER_64 = 0xd01;
/** Of those, a 32-bit guest on an Intel processor is shown NXE (guest_efer). */
const EFER_32 = 0x800;
/** Fast strings (bit 0); BTS and PEBS unavailable (11, 12); xTPR messages disabled (23), as Xen shows PV guests. */
const MISC_ENABLE = 1 | (1 << 11) | (1 << 12) | (1 << 23);
/** Fixed ABI: WB, WT, UC-, UC, WC, WP, UC, UC. */
const PAT_LOW = 0x00070406;
const PAT_HIGH = 0x00000501;

/** MSRs that the modelled processor has but Xen shows no guest: they fault, or read 0 before a #GP handler is there. */
const HARDWARE_ONLY: ReadonlySet<number> = new Set([0x17, 0x2a, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1d9, 0x2ff]);

/** Low and high half into `out`; false raises #GP(0). */
export function readMsr(xen: Hypervisor, vcpu: Vcpu, msr: number, out: Uint32Array): boolean {
  out[0] = 0;
  out[1] = 0;
  const narrow = vcpu.domain.width === 32;
  switch (narrow && isBase(msr) ? UNKNOWN : msr) {
    case MSR_APIC_BASE:
      out[0] = 0xfee00800 | (vcpu.index === 0 ? 0x100 : 0);
      return true;
    case MSR_FS_BASE:
      out[0] = xen.processor.segmentBaseLow(FS);
      out[1] = xen.processor.segmentBaseHigh(FS);
      return true;
    case MSR_GS_BASE:
      out[0] = xen.processor.segmentBaseLow(GS);
      out[1] = xen.processor.segmentBaseHigh(GS);
      return true;
    case MSR_SHADOW_GS_BASE:
      out[0] = vcpu.gsBaseUserLow;
      out[1] = vcpu.gsBaseUserHigh;
      return true;
    case MSR_IA32_TSC: {
      const tsc = xen.clock.tsc();
      out[0] = lowHalf(tsc);
      out[1] = highHalf(tsc);
      return true;
    }
    case MSR_EFER:
      out[0] = narrow ? EFER_32 : EFER_64;
      return true;
    case MSR_CR_PAT:
      out[0] = PAT_LOW;
      out[1] = PAT_HIGH;
      return true;
    case MSR_MISC_ENABLE:
      out[0] = MISC_ENABLE;
      return true;
    case MSR_IA32_UCODE_REV:
    case MSR_PLATFORM_INFO:
    case MSR_PERF_CAPABILITIES:
      return true;
    default:
      break;
  }
  xen.notice(vcpu.domain, 'RDMSR', { errno: 22, reason: `MSR 0x${msr.toString(16)} is unknown` });
  // A guest that cannot take a #GP yet gets a zero where the hardware has such a register.
  return vcpu.traps[13]?.address === 0 && HARDWARE_ONLY.has(msr);
}

/** 32-bit guests have no segment bases but those of descriptors. */
function isBase(msr: number): boolean {
  return msr === MSR_FS_BASE || msr === MSR_GS_BASE || msr === MSR_SHADOW_GS_BASE;
}
const UNKNOWN = -1;

/** False raises #GP(0). */
export function writeMsr(xen: Hypervisor, vcpu: Vcpu, msr: number, low: number, high: number): boolean {
  const narrow = vcpu.domain.width === 32;
  switch (narrow && isBase(msr) ? UNKNOWN : msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_SHADOW_GS_BASE:
      if (!isCanonical(high)) return false;
      if (msr === MSR_FS_BASE) xen.processor.setSegmentBase(FS, low, high);
      else if (msr === MSR_GS_BASE) xen.processor.setSegmentBase(GS, low, high);
      else {
        vcpu.gsBaseUserLow = low;
        vcpu.gsBaseUserHigh = high;
      }
      return true;
    case MSR_EFER:
      // Linux writes the current value back; anything else is refused.
      return low === (narrow ? EFER_32 : EFER_64) && high === 0;
    case MSR_IA32_UCODE_REV:
      return true;
    case MSR_MISC_ENABLE:
    case MSR_APIC_BASE:
    case MSR_IA32_TSC:
      // Known, not for the guest to change: dropped.
      return true;
    case MSR_XEN_HYPERCALL_PAGE:
      return xen.installHypercallPage(vcpu.domain, high, low);
    default:
      xen.notice(vcpu.domain, 'WRMSR', { errno: 22, reason: `MSR 0x${msr.toString(16)} is unknown` });
      return false;
  }
}
