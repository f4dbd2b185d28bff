import { highHalf, isCanonical } from '../../base/numbers.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START } from '../public/xen-4/xen.ts';

/** Debug registers (set_debugreg, get_debugreg of pv/misc-hypercalls.c). DR4 and DR5 are 6 and 7 unless CR4.DE. */

/** Bits of DR6 and DR7 that read as 1 (SDM vol. 3, 18.2). */
const DR6_DEFAULT = 0xffff0ff0;
const DR7_DEFAULT = 0x400;
const DR7_GENERAL_DETECT = 1 << 13;
/** Local and global enable of all four. */
const DR7_ACTIVE = 0xff;
const DR7_RESERVED = 0xd800;
const CR4_DE = 8;

function physical(vcpu: Vcpu, register: number): number | undefined {
  if (register === 4 || register === 5) return (vcpu.cr4 & CR4_DE) !== 0 ? undefined : register + 2;
  return register <= 7 ? register : undefined;
}

export function getDebugRegister(vcpu: Vcpu, register: number): number | undefined {
  const index = physical(vcpu, register);
  return index === undefined ? undefined : (vcpu.debugRegisters[index] as number);
}

export function setDebugRegister(xen: Hypervisor, vcpu: Vcpu, register: number, value: number): Refusal | undefined {
  const index = physical(vcpu, register);
  if (index === undefined) return refuse('ENODEV', `there is no debug register ${register}`);
  const low = value | 0;
  const high = highHalf(value);
  if (index < 4) {
    const inXen = value >= HYPERVISOR_VIRT_START && value < HYPERVISOR_VIRT_END;
    if (!isCanonical(high) || inXen)
      return refuse('EPERM', `a breakpoint at ${value} is outside the guest's addresses`);
    store(xen, vcpu, index, value);
    return undefined;
  }
  if (high !== 0) return refuse('EINVAL', `bits 63:32 of DR${index} must be 0`);
  if (index === 6) {
    store(xen, vcpu, 6, ((low & 0xe00f) | DR6_DEFAULT) >>> 0);
    return undefined;
  }
  if ((low & DR7_GENERAL_DETECT) !== 0) return refuse('EPERM', 'general detect (DR7.GD) is not for guests');
  const active = (low & DR7_ACTIVE) !== 0;
  for (let breakpoint = 0; active && breakpoint < 4; breakpoint++) {
    if (accessOf(low, breakpoint) === ACCESS_IO && (vcpu.cr4 & CR4_DE) === 0)
      return refuse('EPERM', `breakpoint ${breakpoint} watches I/O ports, which needs CR4.DE`);
  }
  store(xen, vcpu, 7, ((low & ~DR7_RESERVED) | DR7_DEFAULT) >>> 0);
  return undefined;
}

function accessOf(control: number, breakpoint: number): number {
  return (control >>> (16 + breakpoint * 4)) & 3;
}

/** DR7 without what Xen itself looks after: breakpoints on ports, since all port accesses of a PV guest come to it. */
export function hardwareDebugControl(control: number): number {
  let hardware = control;
  for (let breakpoint = 0; breakpoint < 4; breakpoint++)
    if (accessOf(control, breakpoint) === ACCESS_IO) hardware &= ~(3 << (breakpoint * 2));
  return hardware >>> 0;
}

/** check_guest_io_breakpoint: bits of DR6 for an access to ports. */
export function portBreakpoints({ cr4, debugRegisters }: Vcpu, port: number, size: number): number {
  const control = debugRegisters[7] as number;
  if ((control & DR7_ACTIVE) === 0 || (cr4 & CR4_DE) === 0) return 0;
  let bits = 0;
  for (let breakpoint = 0; breakpoint < 4; breakpoint++) {
    if (accessOf(control, breakpoint) !== ACCESS_IO || (control & (3 << (breakpoint * 2))) === 0) continue;
    const length = LENGTHS[(control >>> (18 + breakpoint * 4)) & 3] as number;
    const address = debugRegisters[breakpoint] as number;
    const start = address - (address % length);
    if (start < port + size && start + length > port) bits |= 1 << breakpoint;
  }
  return bits;
}

const ACCESS_IO = 2;
/** Bytes by the LEN field (SDM vol. 3, 18.2.4). */
const LENGTHS: readonly number[] = [1, 2, 8, 4];

function store(xen: Hypervisor, vcpu: Vcpu, index: number, value: number): void {
  vcpu.debugRegisters[index] = value;
  const hardware = index === 7 ? hardwareDebugControl(value) : value;
  xen.processor.setDebugRegister(index, hardware | 0, highHalf(value));
}
