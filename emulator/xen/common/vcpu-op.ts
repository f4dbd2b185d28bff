import type { MachineAddress, Mfn, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import type {
  VCPU_REGISTER_RUNSTATE,
  VCPU_REGISTER_VCPU_INFO,
  VCPU_SET_PERIODIC_TIMER,
  VCPU_SET_SINGLESHOT_TIMER,
} from '../public/xen-4/sched.ts';
import { initialiseVcpu } from '../pv/vcpu-context.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import { faultAt, isGuestHandle } from './guest-access.ts';
import { type Refusal, refuse } from './refusal.ts';
import { setUpcallPending, VCPU_INFO_BYTES, vcpuInfoField } from './shared-info.ts';
import { changeRunstate, runstateInfo, setPeriodicTimer, updateRunstateArea, updateTimeInfo } from './time.ts';
import { NEVER, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, type Vcpu } from './vcpu.ts';

/** vcpu_op (common/domain.c). */

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;

const MILLISECOND = 1_000_000;

/** The vCPU that the second argument names. */
function target({ domain, args }: HypercallContext): Vcpu | Refusal {
  return domain.vcpus[args.u32(1)] ?? refuse('ENOENT', `there is no vCPU ${args.u32(1)}`);
}

function withTarget(call: HypercallContext, run: (vcpu: Vcpu) => HypercallResult): HypercallResult {
  const vcpu = target(call);
  return 'errno' in vcpu ? vcpu : run(vcpu);
}

export function doInitialise(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (vcpu.initialised) return refuse('EEXIST', `vCPU ${vcpu.index} is initialised already`);
    return initialiseVcpu(call.xen, vcpu, call.args.address(2)) ?? 0;
  });
}

export function doUp(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (!vcpu.initialised) return refuse('EINVAL', `vCPU ${vcpu.index} has no context (VCPUOP_initialise)`);
    if (vcpu.offline) {
      vcpu.offline = false;
      changeRunstate(call.xen, vcpu, RUNSTATE_RUNNABLE);
    }
    return 0;
  });
}

export function doDown(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (!vcpu.offline) {
      vcpu.offline = true;
      changeRunstate(call.xen, vcpu, RUNSTATE_OFFLINE);
      const last = call.domain.vcpus.every((other) => other.offline);
      // The last vCPU to go down takes the domain with it (vcpu_op VCPUOP_down of Xen 4: poweroff).
      if (last) call.xen.shutDown(call.domain, 0, 'all vCPUs went down', vcpu);
    }
    return 0;
  });
}

export function doIsUp(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => (vcpu.offline ? 0 : 1));
}

export function doGetRunstate(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    const address = call.args.address(2);
    return call.xen.processor.writeVirtual(address, runstateInfo(call.xen, vcpu))
      ? 0
      : faultAt('runstate info', address);
  });
}

export function doRegisterRunstate(call: HypercallContext, op: View<typeof VCPU_REGISTER_RUNSTATE>): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (!isGuestHandle(call.domain, op.get('addr'))) return faultAt('runstate area', op.get('addr'));
    vcpu.runstateArea = op.get('addr') as VirtualAddress;
    if (vcpu === call.vcpu) updateRunstateArea(call.xen, vcpu);
    else call.xen.processor.writeVirtual(vcpu.runstateArea, runstateInfo(call.xen, vcpu));
    return 0;
  });
}

export function doRegisterTime(call: HypercallContext, op: View<typeof VCPU_REGISTER_RUNSTATE>): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (!isGuestHandle(call.domain, op.get('addr'))) return faultAt('time area', op.get('addr'));
    vcpu.timeArea = op.get('addr') as VirtualAddress;
    if (vcpu === call.vcpu) updateTimeInfo(call.xen, vcpu);
    return 0;
  });
}

export function doSetPeriodic(call: HypercallContext, op: View<typeof VCPU_SET_PERIODIC_TIMER>): HypercallResult {
  return withTarget(call, (vcpu) => {
    const period = op.get('period_ns');
    if (period < MILLISECOND) return refuse('EINVAL', `a period of ${period} ns is under a millisecond`);
    if (period > Number.MAX_SAFE_INTEGER / 2) return refuse('EINVAL', `a period of ${period} ns is too long`);
    setPeriodicTimer(call.xen, vcpu, period);
    return 0;
  });
}

export function doStopPeriodic(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    setPeriodicTimer(call.xen, vcpu, 0);
    return 0;
  });
}

export function doSetSingleshot(call: HypercallContext, op: View<typeof VCPU_SET_SINGLESHOT_TIMER>): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (vcpu !== call.vcpu) return refuse('EINVAL', 'a one-shot timer can be set for the calling vCPU only');
    // Since 4.17.2 Xen ignores VCPU_SSHOTTMR_future, which asked for an error when the time is past.
    vcpu.singleshotTimer = op.get('timeout_abs_ns');
    return 0;
  });
}

export function doStopSingleshot(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (vcpu !== call.vcpu) return refuse('EINVAL', 'a one-shot timer can be stopped for the calling vCPU only');
    vcpu.singleshotTimer = NEVER;
    return 0;
  });
}

/** Moves vcpu_info out of the shared info page, once. */
export function doRegisterVcpuInfo(call: HypercallContext, op: View<typeof VCPU_REGISTER_VCPU_INFO>): HypercallResult {
  return withTarget(call, (vcpu) => {
    const { xen, domain } = call;
    const offset = op.get('offset');
    const frame = op.get('mfn');
    if (offset > 4096 - VCPU_INFO_BYTES || offset % (domain.width / 8) !== 0) {
      return refuse('ENXIO', `vcpu_info at offset ${offset}: must be aligned inside the page`);
    }
    if (vcpu.vcpuInfoRelocated) return refuse('EINVAL', `vcpu_info of vCPU ${vcpu.index} has been moved already`);
    if (vcpu !== call.vcpu && !vcpu.offline) return refuse('EINVAL', `vCPU ${vcpu.index} is up and not the caller`);
    const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, domain.domid);
    if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
    const from = xen.ram.offsetOf(vcpu.vcpuInfo as MachineAddress);
    const address = (frame * 4096 + offset) as MachineAddress;
    xen.ram.writeBytes(address, xen.ram.u8.slice(from, from + VCPU_INFO_BYTES));
    vcpu.vcpuInfo = address;
    vcpu.vcpuInfoFrame = frame as Mfn;
    vcpu.vcpuInfoRelocated = true;
    if (vcpu === call.vcpu) updateTimeInfo(xen, vcpu);
    // Whatever came in between must not be lost: everything counts as pending, and the guest looks.
    setUpcallPending(xen.ram, vcpu);
    xen.ram.write64(vcpuInfoField(vcpu, 'evtchn_pending_sel'), -1, -1);
    return 0;
  });
}

export function doSendNmi(call: HypercallContext): HypercallResult {
  return withTarget(call, (vcpu) => {
    if (call.args.address(2) !== 0) return refuse('EINVAL', 'send_nmi takes no argument');
    if (!vcpu.nmiPending) {
      vcpu.nmiPending = true;
      call.xen.wake(vcpu);
    }
    return 0;
  });
}

export function doGetPhysid(call: HypercallContext): HypercallResult {
  return withTarget(call, () => refuse('EINVAL', 'physical CPU numbers are for a dom0 with pinned vCPUs'));
}
