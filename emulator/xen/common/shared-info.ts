import { assert } from '../../base/assert.ts';
import { type MachineAddress, PAGE_SIZE } from '../../base/numbers.ts';
import type { Ram } from '../../machine/ram.ts';
import { SHARED_INFO as SHARED_INFO_2 } from '../public/xen-2.0/xen.ts';
import { SHARED_INFO, SHARED_INFO_32, VCPU_INFO, VCPU_INFO_32 } from '../public/xen-4/xen.ts';
import type { Domain } from './domain.ts';
import type { Vcpu } from './vcpu.ts';
import { disableEvents, enabledEvents, eventsDisabled } from './xen-1/events.ts';

/** The shared info page and the vcpu_info structures, as bits and words in the guest's memory. */

const LAYOUTS = { 64: SHARED_INFO[64], 32: SHARED_INFO_32[32] } as const;
const VCPU_LAYOUTS = { 64: VCPU_INFO[64], 32: VCPU_INFO_32[32] } as const;
export const VCPU_INFO_BYTES = 64;

export type SharedInfoField = keyof (typeof LAYOUTS)[64]['offset'];

/** Fields that the shared info page of Xen 2.0 has as well; what stands for the one vCPU comes first there. */
const OFFSETS_2: Readonly<Partial<Record<string, number>>> = { ...SHARED_INFO_2[32].offset, vcpu_info: 0 };

export function sharedInfoAddress(domain: Domain, field: SharedInfoField): MachineAddress {
  const offset = domain.abiVersion === '4' ? LAYOUTS[domain.width].offset[field] : OFFSETS_2[field];
  assert(offset !== undefined, `the shared info page of Xen ${domain.abiVersion} has no ${field}`);
  return (domain.sharedInfoMfn * PAGE_SIZE + offset) as MachineAddress;
}

/** Where vcpu_info of a vCPU lies unless it registered another place. */
export function defaultVcpuInfo(domain: Domain, vcpu: number): MachineAddress {
  return (sharedInfoAddress(domain, 'vcpu_info') + vcpu * VCPU_INFO_BYTES) as MachineAddress;
}

export function vcpuInfoField(vcpu: Vcpu, field: keyof (typeof VCPU_LAYOUTS)[64]['offset']): MachineAddress {
  const { domain } = vcpu;
  const offset = domain.abiVersion === '4' ? VCPU_LAYOUTS[domain.width].offset[field] : OFFSETS_2[field];
  assert(offset !== undefined, `a vCPU of Xen ${domain.abiVersion} has no ${field}`);
  return (vcpu.vcpuInfo + offset) as MachineAddress;
}

export function testBit(ram: Ram, base: MachineAddress, bit: number): boolean {
  const byte = ram.u8[ram.offsetOf((base + (bit >>> 3)) as MachineAddress)] as number;
  return (byte & (1 << (bit & 7))) !== 0;
}

/** Sets a bit; answers what it was. */
export function setBit(ram: Ram, base: MachineAddress, bit: number): boolean {
  const address = (base + (bit >>> 3)) as MachineAddress;
  const byte = ram.u8[ram.offsetOf(address)] as number;
  const mask = 1 << (bit & 7);
  if ((byte & mask) !== 0) return true;
  ram.write8(address, byte | mask);
  return false;
}

/** Clears a bit; answers what it was. */
export function clearBit(ram: Ram, base: MachineAddress, bit: number): boolean {
  const address = (base + (bit >>> 3)) as MachineAddress;
  const byte = ram.u8[ram.offsetOf(address)] as number;
  const mask = 1 << (bit & 7);
  if ((byte & mask) === 0) return false;
  ram.write8(address, byte & ~mask);
  return true;
}

export function upcallPending(ram: Ram, vcpu: Vcpu): boolean {
  if (vcpu.domain.abiVersion === '1.2') return enabledEvents(ram, vcpu.domain) !== 0;
  return ram.u8[ram.offsetOf(vcpu.vcpuInfo as MachineAddress)] !== 0;
}

export function setUpcallPending(ram: Ram, vcpu: Vcpu): void {
  ram.write8(vcpu.vcpuInfo as MachineAddress, 1);
}

/** Events are disabled: the PV guest's interrupt flag, inverted. */
export function upcallMask(ram: Ram, vcpu: Vcpu): boolean {
  if (vcpu.domain.abiVersion === '1.2') return eventsDisabled(ram, vcpu.domain);
  return ram.u8[ram.offsetOf((vcpu.vcpuInfo + 1) as MachineAddress)] !== 0;
}

/** The whole byte: it is shown to the guest as it is. */
export function upcallMaskByte(ram: Ram, vcpu: Vcpu): number {
  if (vcpu.domain.abiVersion === '1.2') return eventsDisabled(ram, vcpu.domain) ? 1 : 0;
  return ram.u8[ram.offsetOf((vcpu.vcpuInfo + 1) as MachineAddress)] as number;
}

export function setUpcallMask(ram: Ram, vcpu: Vcpu, masked: boolean): void {
  if (vcpu.domain.abiVersion === '1.2') {
    disableEvents(ram, vcpu.domain, masked);
    return;
  }
  ram.write8((vcpu.vcpuInfo + 1) as MachineAddress, masked ? 1 : 0);
}

/** An event would be delivered as soon as the vCPU runs. */
export function eventsNeedDelivery(ram: Ram, vcpu: Vcpu): boolean {
  return upcallPending(ram, vcpu) && !upcallMask(ram, vcpu);
}
