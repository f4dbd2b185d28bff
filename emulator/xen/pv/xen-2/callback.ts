import type { VirtualAddress } from '../../../base/numbers.ts';
import { readStruct } from '../../common/guest-access.ts';
import { hex, isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import { TRAP_INFO } from '../../public/xen-2.0/arch-x86-32.ts';
import { PAGE_OFFSET } from '../../public/xen-2.0/xen.ts';
import { hardwareDebugControl } from '../debug-registers.ts';
import { isValidCodeSelector } from './descriptor-tables.ts';

/** Traps, callbacks, kernel stack, FPU and debug registers (arch/x86/traps.c of Xen 2.0). */

/** HYPERVISOR_set_trap_table(table): ends with address 0. Entries before a bad one stay. */
export function doSetTrapTable2({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  for (let index = 0; ; index++) {
    const entry = readStruct(xen, domain, (args.u32(0) + index * TRAP_INFO[32].size) as VirtualAddress, TRAP_INFO);
    if (isRefusal(entry)) return entry;
    const address = entry.get('address') as VirtualAddress;
    if (address === 0) return 0;
    const cs = entry.get('cs');
    if (!isValidCodeSelector(cs)) return badSelector(cs);
    const flags = entry.get('flags');
    vcpu.traps[entry.get('vector')] = { address, cs, dpl: flags & 3, maskEvents: (flags & 4) !== 0 };
  }
}

function badSelector(selector: number): Refusal {
  return refuse('EPERM', `code selector ${hex(selector)} is not one of ring 1, or Xen's own`);
}

/** HYPERVISOR_set_callbacks(event selector, event address, failsafe selector, failsafe address). */
export function doSetCallbacks2({ vcpu, args }: HypercallContext): HypercallResult {
  for (const index of [0, 2]) if (!isValidCodeSelector(args.u32(index))) return badSelector(args.u32(index));
  vcpu.eventCallback = { address: args.address(1), cs: args.u32(0) & 0xffff, maskEvents: true };
  vcpu.failsafeCallback = { address: args.address(3), cs: args.u32(2) & 0xffff, maskEvents: false };
  return 0;
}

/** HYPERVISOR_set_fast_trap(vector): 0 for none. What the hardware's gate leads to is taken from the trap table now. */
export function doSetFastTrap({ vcpu, args }: HypercallContext): HypercallResult {
  const vector = args.u32(0);
  if (vector === 0) {
    vcpu.fastTrapVector = 0;
    return 0;
  }
  // Xen answers -1, which is EPERM's number.
  if (vector !== 0x80 && (vector < 0x20 || vector > 0x2f))
    return refuse('EPERM', `vector ${hex(vector)} cannot be a fast trap (0x20 to 0x2f, 0x80)`);
  const handler = vcpu.traps[vector] as (typeof vcpu.traps)[number];
  if (handler.maskEvents) return refuse('EPERM', `vector ${hex(vector)} masks events on entry, which is work for Xen`);
  vcpu.fastTrapVector = vector;
  vcpu.fastTrap = { ...handler };
  return 0;
}

/** HYPERVISOR_stack_switch(ss, esp). */
export function doStackSwitch2({ vcpu, args }: HypercallContext): HypercallResult {
  if ((args.u32(0) & 3) === 0) return refuse('EPERM', `stack selector ${hex(args.u32(0))} is of ring 0`);
  vcpu.kernelSs = args.u32(0) & 0xffff;
  vcpu.kernelSp = args.address(1);
  return 0;
}

/** HYPERVISOR_fpu_taskswitch(): the next FPU instruction is #NM, once. */
export function doFpuTaskswitch2({ xen }: HypercallContext): HypercallResult {
  xen.processor.taskSwitched = true;
  return 0;
}

/** HYPERVISOR_set_debugreg(register, value). */
export function doSetDebugreg2({ xen, vcpu, args }: HypercallContext): HypercallResult {
  const register = args.u32(0);
  let value = args.u32(1);
  switch (register) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (value > PAGE_OFFSET - 4) return refuse('EPERM', `a breakpoint at ${hex(value)} is in Xen's area`);
      break;
    case 6:
      // Bits that read as 0 and as 1 (arch/x86/traps.c: set_debugreg).
      value = ((value & 0xffffefff) | 0xffff0ff0) >>> 0;
      break;
    case 7:
      if (value !== 0) {
        value = ((value & 0xffff27ff) | 0x400) >>> 0;
        if ((value & (1 << 13)) !== 0) return refuse('EPERM', 'general detect (DR7.GD) is not for guests');
        // R/W of ports, and a length of 8 bytes: both are 10b.
        for (let shift = 16; shift < 32; shift += 2)
          if (((value >>> shift) & 3) === 2)
            return refuse('EPERM', 'breakpoints on I/O ports, or of 8 bytes, are not for guests');
      }
      break;
    default:
      return refuse('EINVAL', `there is no debug register ${register}`);
  }
  vcpu.debugRegisters[register] = value;
  xen.processor.setDebugRegister(register, register === 7 ? hardwareDebugControl(value) | 0 : value | 0, 0);
  return 0;
}

/** HYPERVISOR_get_debugreg(register): the value itself is the result. */
export function doGetDebugreg2({ vcpu, args }: HypercallContext): HypercallResult {
  const register = args.u32(0);
  if (register > 7) return refuse('EINVAL', `there is no debug register ${register}`);
  return (vcpu.debugRegisters[register] as number) | 0;
}
