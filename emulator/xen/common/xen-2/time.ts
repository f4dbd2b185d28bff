import { highHalf, lowHalf, type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import { EVENT_TIMER, SHARED_INFO as SHARED_INFO_1 } from '../../public/xen-1.2/xen.ts';
import { SHARED_INFO, VIRQ_TIMER } from '../../public/xen-2.0/xen.ts';
import { sendVirq } from '../event-channel.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { NEVER, RUNSTATE_RUNNING, type Vcpu } from '../vcpu.ts';
import { raiseEvent } from '../xen-1/events.ts';

/**
 * Time before Xen 3 (arch/x86/time.c, common/schedule.c): a tick every 10 ms brings the time in the shared info page up
 * to date and raises VIRQ_TIMER in whoever is running; one who is scheduled in later is told then.
 */

/** Xen's own timer interrupt: HZ is 100. */
export const TICK = 10_000_000;
/** The TSC counts nanoseconds. */
const CPU_FREQUENCY = 1_000_000_000;
const OFFSETS = { '2.0': SHARED_INFO[32].offset, '1.2': SHARED_INFO_1[32].offset } as const;
/** Of Xen 1.2: an event for every domain, running or not. */
const TIMER_PERIOD_1 = 20_000_000;

type TimeField =
  | 'cpu_freq'
  | 'time_version1'
  | 'time_version2'
  | 'tsc_timestamp'
  | 'system_time'
  | 'wc_sec'
  | 'wc_usec';

/** update_dom_time: false when no tick has passed since the last time. */
export function updateTime2(xen: Hypervisor, vcpu: Vcpu): boolean {
  const stamp = Math.floor(xen.clock.now() / TICK) * TICK;
  if (vcpu.timeShown === stamp) return false;
  vcpu.timeShown = stamp;
  const { ram } = xen;
  const base = vcpu.domain.sharedInfoMfn * PAGE_SIZE;
  const old = vcpu.domain.abiVersion === '1.2';
  const offsets = OFFSETS[old ? '1.2' : '2.0'];
  const at = (field: TimeField): MachineAddress => (base + offsets[field]) as MachineAddress;
  const tsc = xen.clock.tsc() - (xen.clock.now() - stamp);
  const boot = xen.clock.wallClockAtBoot();
  const nanoseconds = boot.nanoseconds + (stamp % 1e9);
  const seconds = boot.seconds + Math.floor(stamp / 1e9) + Math.floor(nanoseconds / 1e9);
  ram.write32(at('time_version1'), ram.read32(at('time_version1')) + 1);
  ram.write64(at('cpu_freq'), CPU_FREQUENCY, 0);
  // Xen 1.2 shows 32 bits of the TSC, from bit rdtsc_bitshift (0) on.
  if (old) ram.write32(at('tsc_timestamp'), lowHalf(tsc));
  else ram.write64(at('tsc_timestamp'), lowHalf(tsc), highHalf(tsc));
  ram.write64(at('system_time'), lowHalf(stamp), highHalf(stamp));
  ram.write32(at('wc_sec'), seconds | 0);
  ram.write32(at('wc_usec'), Math.floor((nanoseconds % 1e9) / 1000));
  ram.write32(at('time_version2'), ram.read32(at('time_version2')) + 1);
  return true;
}

/** The vCPU gets its turn. True: an event became pending. */
export function scheduledIn(xen: Hypervisor, vcpu: Vcpu): boolean {
  if (!updateTime2(xen, vcpu) || vcpu.domain.abiVersion === '1.2') return false;
  sendVirq(xen, vcpu, VIRQ_TIMER);
  return true;
}

/** The tick is only for who runs. */
export function deadline2(vcpu: Vcpu): number {
  if (vcpu.domain.abiVersion === '1.2') return vcpu.periodicTimer;
  return Math.min(vcpu.singleshotTimer, vcpu.runstate === RUNSTATE_RUNNING ? vcpu.periodicTimer : NEVER);
}

export function fireTimers2(xen: Hypervisor, vcpu: Vcpu, now: number): void {
  if (vcpu.domain.abiVersion === '1.2') {
    if (vcpu.periodicTimer > now) return;
    vcpu.periodicTimer = (Math.floor(now / vcpu.periodicPeriod) + 1) * vcpu.periodicPeriod;
    updateTime2(xen, vcpu);
    raiseEvent(xen, vcpu.domain, EVENT_TIMER);
    return;
  }
  if (vcpu.singleshotTimer <= now) {
    vcpu.singleshotTimer = NEVER;
    updateTime2(xen, vcpu);
    sendVirq(xen, vcpu, VIRQ_TIMER);
  }
  if (vcpu.periodicTimer > now) return;
  vcpu.periodicTimer = (Math.floor(now / TICK) + 1) * TICK;
  if (vcpu.runstate !== RUNSTATE_RUNNING) return;
  updateTime2(xen, vcpu);
  sendVirq(xen, vcpu, VIRQ_TIMER);
}

/** Ticks come when they come to everybody, not counted from the start of a domain. */
export function startTicks(xen: Hypervisor, vcpu: Vcpu): void {
  vcpu.periodicPeriod = vcpu.domain.abiVersion === '1.2' ? TIMER_PERIOD_1 : TICK;
  vcpu.periodicTimer = (Math.floor(xen.clock.now() / vcpu.periodicPeriod) + 1) * vcpu.periodicPeriod;
}
