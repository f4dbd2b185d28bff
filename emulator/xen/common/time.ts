import { highHalf, lowHalf, type MachineAddress, type VirtualAddress } from '../../base/numbers.ts';
import { newStruct } from '../public/struct.ts';
import { VCPU_RUNSTATE_INFO, XEN_RUNSTATE_UPDATE_HIGH } from '../public/xen-4/sched.ts';
import { VCPU_TIME_INFO, VIRQ_TIMER, VMASST_TYPE_RUNSTATE_UPDATE_FLAG } from '../public/xen-4/xen.ts';
import type { Domain } from './domain.ts';
import { sendVirq } from './event-channel.ts';
import type { Hypervisor } from './hypervisor.ts';
import { sharedInfoAddress, vcpuInfoField } from './shared-info.ts';
import { NEVER, type Vcpu } from './vcpu.ts';
import { deadline2, fireTimers2 } from './xen-2/time.ts';

/** Time as guests are shown it, and their timers (arch/x86/time.c, common/schedule.c). */

/** One tick is one nanosecond: (ticks << 1) * 2^31 >> 32. Xen's set_time_scale gives these for 1 GHz. */
const TSC_TO_SYSTEM_MUL = 0x80000000;
const TSC_SHIFT = 1;
const TIME = VCPU_TIME_INFO[64].offset;

/** Wall clock at boot, for `wc_sec + system time`. */
export function updateWallClock(xen: Hypervisor, domain: Domain): void {
  if (domain.abiVersion !== '4') return;
  const wall = xen.clock.wallClockAtBoot();
  const version = sharedInfoAddress(domain, 'wc_version');
  const next = xen.ram.read32(version) + 2;
  xen.ram.write32(version, next - 1);
  xen.ram.write32(sharedInfoAddress(domain, 'wc_sec'), wall.seconds | 0);
  xen.ram.write32(sharedInfoAddress(domain, 'wc_nsec'), wall.nanoseconds);
  xen.ram.write32(sharedInfoAddress(domain, 'wc_sec_hi'), highHalf(wall.seconds));
  xen.ram.write32(version, next);
}

/** vcpu_time_info of one vCPU, and its second copy if it registered one. Only while that vCPU is loaded. */
export function updateTimeInfo(xen: Hypervisor, vcpu: Vcpu): void {
  if (vcpu.domain.abiVersion !== '4') return;
  const base = vcpuInfoField(vcpu, 'time');
  const at = (offset: number): MachineAddress => (base + offset) as MachineAddress;
  const version = xen.ram.read32(at(TIME.version)) & ~1;
  const now = xen.clock.now();
  const tsc = xen.clock.tsc();
  xen.ram.write32(at(TIME.version), version + 1);
  xen.ram.write64(at(TIME.tsc_timestamp), lowHalf(tsc), highHalf(tsc));
  xen.ram.write64(at(TIME.system_time), lowHalf(now), highHalf(now));
  xen.ram.write32(at(TIME.tsc_to_system_mul), TSC_TO_SYSTEM_MUL);
  xen.ram.write8(at(TIME.tsc_shift), TSC_SHIFT);
  xen.ram.write8(at(TIME.flags), 0);
  xen.ram.write32(at(TIME.version), version + 2);
  if (vcpu.timeArea === 0) return;
  const offset = xen.ram.offsetOf(base);
  const copy = xen.ram.u8.slice(offset, offset + VCPU_TIME_INFO[64].size);
  inKernelView(xen, vcpu, () => xen.processor.writeVirtual(vcpu.timeArea, copy));
}

/** Accounts the time since the last change of state and enters another. */
export function changeRunstate(xen: Hypervisor, vcpu: Vcpu, state: number): void {
  if (vcpu.runstate === state) return;
  const now = xen.clock.now();
  const passed = now - vcpu.runstateSince;
  vcpu.runstateTimes[vcpu.runstate] = (vcpu.runstateTimes[vcpu.runstate] as number) + passed;
  vcpu.runstate = state;
  vcpu.runstateSince = now;
}

/** vcpu_runstate_info as of now. */
export function runstateInfo(xen: Hypervisor, vcpu: Vcpu): Uint8Array {
  const info = newStruct(VCPU_RUNSTATE_INFO, vcpu.domain.width);
  info.set('state', vcpu.runstate);
  info.set('state_entry_time', vcpu.runstateSince);
  for (let state = 0; state < 4; state++) {
    const running = state === vcpu.runstate ? xen.clock.now() - vcpu.runstateSince : 0;
    info.set('time', (vcpu.runstateTimes[state] as number) + running, state);
  }
  return info.bytes;
}

/** The guest's own copy, at a virtual address of its kernel; as Xen does, when the vCPU is scheduled in. */
export function updateRunstateArea(xen: Hypervisor, vcpu: Vcpu): void {
  const area = vcpu.runstateArea;
  if (area === 0) return;
  const bytes = runstateInfo(xen, vcpu);
  // The copy holds the times up to the last change, as Xen's does.
  const offsets = VCPU_RUNSTATE_INFO[vcpu.domain.width].offset;
  const data = new DataView(bytes.buffer);
  for (let state = 0; state < 4; state++) {
    const time = vcpu.runstateTimes[state] as number;
    data.setUint32(offsets.time + state * 8, lowHalf(time) >>> 0, true);
    data.setUint32(offsets.time + state * 8 + 4, highHalf(time) >>> 0, true);
  }
  inKernelView(xen, vcpu, () => {
    const flagged = (vcpu.domain.assists & (1 << VMASST_TYPE_RUNSTATE_UPDATE_FLAG)) !== 0;
    if (!flagged) return xen.processor.writeVirtual(area, bytes);
    const entryHigh = offsets.state_entry_time + 4;
    const clean = data.getUint32(entryHigh, true);
    data.setUint32(entryHigh, (clean | XEN_RUNSTATE_UPDATE_HIGH) >>> 0, true);
    if (!xen.processor.writeVirtual(area, bytes)) return false;
    data.setUint32(entryHigh, clean, true);
    return xen.processor.writeVirtual((area + entryHigh) as VirtualAddress, bytes.slice(entryHigh, entryHigh + 4));
  });
}

/** Runs an access to kernel addresses though the vCPU may be in user mode. */
function inKernelView(xen: Hypervisor, vcpu: Vcpu, access: () => boolean): void {
  const { processor } = xen;
  if (vcpu.kernelMode) {
    access();
    return;
  }
  processor.view = 0;
  access();
  processor.view = 1;
}

/** When the vCPU has something to do next; NEVER if not on its own. A periodic tick that reaches nobody is none. */
export function vcpuDeadline(vcpu: Vcpu): number {
  if (vcpu.domain.abiVersion !== '4') return deadline2(vcpu);
  const periodic = vcpu.virqPorts[VIRQ_TIMER] === 0 ? NEVER : vcpu.periodicTimer;
  return Math.min(vcpu.singleshotTimer, periodic, vcpu.pollTimeout);
}

/** Fires what is due. */
export function fireVcpuTimers(xen: Hypervisor, vcpu: Vcpu, now: number): void {
  if (vcpu.domain.abiVersion !== '4') {
    fireTimers2(xen, vcpu, now);
    return;
  }
  if (vcpu.singleshotTimer <= now) {
    vcpu.singleshotTimer = NEVER;
    sendVirq(xen, vcpu, VIRQ_TIMER);
  }
  if (vcpu.periodicTimer <= now) {
    const missed = Math.floor((now - vcpu.periodicTimer) / vcpu.periodicPeriod) + 1;
    vcpu.periodicTimer += missed * vcpu.periodicPeriod;
    sendVirq(xen, vcpu, VIRQ_TIMER);
  }
  if (vcpu.pollTimeout <= now) {
    vcpu.pollTimeout = NEVER;
    xen.wake(vcpu);
  }
}

export function setPeriodicTimer(xen: Hypervisor, vcpu: Vcpu, period: number): void {
  vcpu.periodicPeriod = period;
  vcpu.periodicTimer = period === 0 ? NEVER : xen.clock.now() + period;
}
