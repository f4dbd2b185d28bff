import type { Mfn } from '../../base/numbers.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { vcpuInfoField } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { storeCr2 } from './inject.ts';
import { setKernelRoot } from './mm.ts';

/** Control registers of a PV guest (read_cr, write_cr of pv/emul-priv-op.c). */

const CR0_TS = 1 << 3;
/** PG, AM, WP, NE, ET, MP, PE: what Xen runs with. */
const CR0_FIXED = 0x80050033 | 0;
/** PAE, MCE, OSFXSR, OSXMMEXCPT: Xen's own, shown to guests. */
export const CR4_FIXED = 0x660;
/** TSD and DE follow the guest's wish; all other bits are filtered. */
const CR4_GUEST = 0x00c;

export interface Word64 {
  readonly low: number;
  readonly high: number;
}

export function readControl(xen: Hypervisor, vcpu: Vcpu, register: number): Word64 | undefined {
  switch (register) {
    case 0:
      return { low: CR0_FIXED | (xen.processor.taskSwitched ? CR0_TS : 0), high: 0 };
    case 2: {
      const at = xen.ram.offsetOf(vcpuInfoField(vcpu, 'arch_cr2')) >>> 2;
      return { low: xen.ram.i32[at] as number, high: vcpu.domain.width === 64 ? (xen.ram.i32[at + 1] as number) : 0 };
    }
    case 3: {
      // mfn_to_gfn of a domain that is not translated: the machine frame itself.
      const mfn = vcpu.kernelRoot as Mfn;
      // compat_pfn_to_cr3: frame numbers of more than 20 bits fold into the low ones.
      if (vcpu.domain.width === 32) return { low: (mfn << 12) | (mfn >>> 20), high: 0 };
      return { low: mfn << 12, high: Math.floor(mfn / 0x100000) };
    }
    case 4:
      return { low: CR4_FIXED | vcpu.cr4, high: 0 };
    default:
      return undefined;
  }
}

/** False: #GP. */
export function writeControl(xen: Hypervisor, vcpu: Vcpu, register: number, low: number, high: number): boolean {
  switch (register) {
    case 0:
      if (((low ^ CR0_FIXED) & ~CR0_TS) !== 0 || high !== 0) return false;
      xen.processor.taskSwitched = (low & CR0_TS) !== 0;
      return true;
    case 2:
      storeCr2(xen, vcpu, low, high);
      return true;
    case 3: {
      const frame =
        vcpu.domain.width === 64 ? (high >>> 0) * 0x100000 + (low >>> 12) : ((low >>> 12) | (low << 20)) >>> 0;
      const refusal = setKernelRoot(xen, vcpu, frame);
      if (refusal !== undefined) xen.notice(vcpu.domain, 'write of CR3', refusal);
      return refusal === undefined;
    }
    case 4:
      vcpu.cr4 = low & CR4_GUEST;
      xen.processor.cr4 = CR4_FIXED | vcpu.cr4;
      return true;
    default:
      return false;
  }
}
