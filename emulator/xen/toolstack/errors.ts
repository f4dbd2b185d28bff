import { formatAddress } from '../../base/numbers.ts';
import { UserError } from '../../base/user-error.ts';

export function notEnoughMemory(what: string, neededPages: number, pages: number): UserError {
  const megabytes = (count: number): string => `${Math.ceil(count / 256)} MB`;
  return new UserError(
    'domain.not-enough-memory',
    `The domain has too little memory: ${what} needs ${megabytes(neededPages)}, but memory is ${megabytes(pages)}.`,
    'Raise `memory` in the configuration.',
  );
}

export function segmentNotAligned(address: number): UserError {
  return new UserError(
    'domain.segment-not-aligned',
    `The kernel starts at ${formatAddress(address)}, which is not the start of a page.`,
    'Align the first loadable segment to 4096 bytes in the linker script.',
  );
}

export function segmentTooLow(address: number, end: number): UserError {
  return new UserError(
    'domain.segment-too-low',
    `The image wants something at ${formatAddress(address)}, below ${formatAddress(end)}, which is already in use.`,
    'Look at VIRT_BASE and the load addresses of the kernel.',
  );
}

export function overlappingMappings(p2mBase: number): UserError {
  return new UserError(
    'domain.overlapping-mappings',
    `The image wants its P2M at ${formatAddress(p2mBase)} (INIT_P2M), which the initial mapping of the kernel covers.`,
    'Choose an INIT_P2M address outside the kernel mapping.',
  );
}

export function machineOutOfMemory(name: string, reason: string): UserError {
  return new UserError(
    'domain.machine-out-of-memory',
    `Domain "${name}" does not fit into the emulated machine: ${reason}.`,
    'Give the domains less memory.',
  );
}

export function builtTablesRefused(reason: string): UserError {
  return new UserError(
    'domain.page-tables-refused',
    `The hypervisor refused the domain's first page tables: ${reason}.`,
    'The kernel probably lies where Xen itself lives; look at VIRT_BASE.',
  );
}

export function deviceRefused(domain: string, device: string, reason: string): UserError {
  return new UserError(
    'domain.device',
    `Domain "${domain}" cannot have the device "${device}": ${reason}.`,
    'Look at `disk` and `vif` in the configuration.',
  );
}

export function oneVcpuOnly(domain: string, xen: string, vcpus: number): UserError {
  return new UserError(
    'domain.vcpus',
    `Domain "${domain}" is to have ${vcpus} vCPUs, and Xen ${xen} gives its domains one.`,
    'Leave `vcpus` out of the configuration.',
  );
}
