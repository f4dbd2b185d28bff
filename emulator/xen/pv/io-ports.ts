import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';

/**
 * I/O ports as a domain without hardware finds them (guest_io_read, guest_io_write of pv/emul-priv-op.c): nothing
 * answers, but the PCI address latch and the CMOS index read back.
 */
const PCI_CONFIG_ADDRESS = 0xcf8;
const RTC_INDEX = 0x70;

export function readPort(_xen: Hypervisor, domain: Domain, port: number, size: number): number {
  if (port === PCI_CONFIG_ADDRESS && size === 4) return domain.pciConfigAddress;
  if (port === RTC_INDEX && size === 1) return domain.cmosIndex;
  return -1;
}

export function writePort(_xen: Hypervisor, domain: Domain, port: number, size: number, value: number): void {
  if (port === PCI_CONFIG_ADDRESS && size === 4) domain.pciConfigAddress = value;
  else if (port === RTC_INDEX && size === 1) domain.cmosIndex = value & 0x7f;
}
