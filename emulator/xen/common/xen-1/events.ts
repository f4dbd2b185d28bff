import { type MachineAddress, PAGE_SIZE } from '../../../base/numbers.ts';
import type { Ram } from '../../../machine/ram.ts';
import { EVENTS_MASTER_ENABLE, SHARED_INFO } from '../../public/xen-1.2/xen.ts';
import type { Domain } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';

/**
 * Events of Xen 1.2 (xeno/event.h): a word of pending bits and one of enable bits, of which bit 31 enables all. On
 * delivery Xen takes away what it delivers from the enable bits, and bit 31.
 */

export function eventsAddress(domain: Domain): MachineAddress {
  return (domain.sharedInfoMfn * PAGE_SIZE + SHARED_INFO[32].offset.events) as MachineAddress;
}

function maskAddress(domain: Domain): MachineAddress {
  return (domain.sharedInfoMfn * PAGE_SIZE + SHARED_INFO[32].offset.events_mask) as MachineAddress;
}

/** Events that are pending and enabled, whatever bit 31 says. */
export function enabledEvents(ram: Ram, domain: Domain): number {
  return ram.read32(eventsAddress(domain)) & ram.read32(maskAddress(domain)) & ~EVENTS_MASTER_ENABLE;
}

export function eventsDisabled(ram: Ram, domain: Domain): boolean {
  return (ram.read32(maskAddress(domain)) & EVENTS_MASTER_ENABLE) === 0;
}

export function disableEvents(ram: Ram, domain: Domain, disabled: boolean): void {
  const mask = ram.read32(maskAddress(domain));
  ram.write32(maskAddress(domain), disabled ? mask & ~EVENTS_MASTER_ENABLE : mask | EVENTS_MASTER_ENABLE);
}

/** The event callback is entered. */
export function eventsDelivered(ram: Ram, domain: Domain): void {
  const delivered = enabledEvents(ram, domain) | EVENTS_MASTER_ENABLE;
  ram.write32(maskAddress(domain), ram.read32(maskAddress(domain)) & ~delivered);
}

/** An event becomes pending; a domain that sleeps wakes up, whether or not the event is enabled. */
export function raiseEvent(xen: Hypervisor, domain: Domain, bit: number): void {
  const { ram } = xen;
  const events = ram.read32(eventsAddress(domain));
  if (!domain.alive || ((events >>> bit) & 1) !== 0) return;
  ram.write32(eventsAddress(domain), events | (1 << bit));
  xen.trace.event?.({ domain, port: bit, action: 'pending', text: `event ${EVENT_NAMES[bit] ?? bit} is pending` });
  for (const vcpu of domain.vcpus) xen.wake(vcpu);
  xen.interruptGuest();
}

const EVENT_NAMES: readonly string[] = ['BLKDEV', 'TIMER', 'DIE', 'DEBUG', 'NET', 'PS2', 'STOP', 'EVTCHN', 'VBD_UPD'];
