import type { Domain } from './domain.ts';
import type { Hypervisor } from './hypervisor.ts';
import {
  clearBit,
  setBit,
  setUpcallPending,
  sharedInfoAddress,
  testBit,
  upcallPending,
  vcpuInfoField,
} from './shared-info.ts';
import type { Vcpu } from './vcpu.ts';

/** The two-level ABI (common/event_2l.c): a bit per port in the shared info page, a selector word in each vcpu_info. */

export function twoLevelSetPending(xen: Hypervisor, vcpu: Vcpu, port: number): void {
  const { domain } = vcpu;
  if (setBit(xen.ram, sharedInfoAddress(domain, 'evtchn_pending'), port)) return;
  if (!testBit(xen.ram, sharedInfoAddress(domain, 'evtchn_mask'), port)) select(xen, vcpu, port);
  xen.wakePollers(domain, port);
}

export function twoLevelUnmask(xen: Hypervisor, vcpu: Vcpu, port: number): void {
  const { domain } = vcpu;
  if (!clearBit(xen.ram, sharedInfoAddress(domain, 'evtchn_mask'), port)) return;
  if (testBit(xen.ram, sharedInfoAddress(domain, 'evtchn_pending'), port)) select(xen, vcpu, port);
}

export function twoLevelClear(xen: Hypervisor, domain: Domain, port: number): void {
  clearBit(xen.ram, sharedInfoAddress(domain, 'evtchn_pending'), port);
}

export function twoLevelIsPending(xen: Hypervisor, domain: Domain, port: number): boolean {
  return testBit(xen.ram, sharedInfoAddress(domain, 'evtchn_pending'), port);
}

export function twoLevelIsMasked(xen: Hypervisor, domain: Domain, port: number): boolean {
  return testBit(xen.ram, sharedInfoAddress(domain, 'evtchn_mask'), port);
}

function select(xen: Hypervisor, vcpu: Vcpu, port: number): void {
  const word = Math.floor(port / vcpu.domain.width);
  if (!setBit(xen.ram, vcpuInfoField(vcpu, 'evtchn_pending_sel'), word)) markEventsPending(xen, vcpu);
}

/** The vCPU has something to look at: told once, until it clears the flag itself. */
export function markEventsPending(xen: Hypervisor, vcpu: Vcpu): void {
  if (upcallPending(xen.ram, vcpu)) return;
  setUpcallPending(xen.ram, vcpu);
  xen.wake(vcpu);
}
