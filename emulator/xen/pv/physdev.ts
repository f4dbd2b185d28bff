import type { Domid, Mfn, VirtualAddress } from '../../base/numbers.ts';
import { DOMID_SELF, TYPE_WRITABLE } from '../common/frame-table.ts';
import { isGuestHandle } from '../common/guest-access.ts';
import { refuse } from '../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import type {
  PHYSDEV_EOI,
  PHYSDEV_GET_FREE_PIRQ,
  PHYSDEV_IRQ_STATUS_QUERY,
  PHYSDEV_SET_IOBITMAP,
  PHYSDEV_SET_IOPL,
} from '../public/xen-4/physdev.ts';

/** physdev_op of a domain without hardware (arch/x86/physdev.c). */

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;

export function doSetIopl({ vcpu }: HypercallContext, op: View<typeof PHYSDEV_SET_IOPL>): HypercallResult {
  const iopl = op.get('iopl');
  if (iopl > 3) return refuse('EINVAL', `there is no I/O privilege level ${iopl}`);
  vcpu.iopl = iopl << 12;
  return 0;
}

export function doSetIobitmap(
  { domain, vcpu }: HypercallContext,
  op: View<typeof PHYSDEV_SET_IOBITMAP>,
): HypercallResult {
  const ports = op.get('nr_ports');
  if (ports > 65536) return refuse('EINVAL', `${ports} ports`);
  if (!isGuestHandle(domain, op.get('bitmap'))) return refuse('EINVAL', 'the bitmap is in Xen’s area');
  vcpu.ioBitmap = op.get('bitmap') as VirtualAddress;
  vcpu.ioBitmapPorts = ports;
  return 0;
}

/** PIRQs that a domain may have: those of the I/O APIC, and extra_domU_irqs for messages above them. */
const NR_GSIS = 24;
const NR_PIRQS = NR_GSIS + 32;
const FIRST_FREE_GSI = 16;
const MAP_PIRQ_TYPE_GSI = 1;

export function doEoi({ domain }: HypercallContext, op: View<typeof PHYSDEV_EOI>): HypercallResult {
  return domain.pirqs.includes(op.get('irq')) ? 0 : refuse('EINVAL', `PIRQ ${op.get('irq')} is not known`);
}

/** PHYSDEVOP_IRQ_UNMASK_NOTIFY: looks for PIRQs to unmask, and there are none. */
export function doIrqUnmaskNotify(): HypercallResult {
  return 0;
}

/** PHYSDEVOP_get_free_pirq: the lowest of the I/O APIC's, or the highest for a message. It stays taken. */
export function doGetFreePirq({ domain }: HypercallContext, op: View<typeof PHYSDEV_GET_FREE_PIRQ>): HypercallResult {
  const gsi = op.get('type') === MAP_PIRQ_TYPE_GSI;
  const free = (pirq: number): boolean => !domain.pirqs.includes(pirq);
  let pirq = gsi ? FIRST_FREE_GSI : NR_PIRQS - 1;
  while (gsi ? pirq < NR_GSIS && !free(pirq) : pirq >= NR_GSIS && !free(pirq)) pirq += gsi ? 1 : -1;
  if (gsi ? pirq === NR_GSIS : pirq < NR_GSIS) return refuse('ENOSPC', 'all PIRQs are taken');
  domain.pirqs.push(pirq);
  op.set('pirq', pirq);
  return 0;
}

/** PHYSDEVOP_map_pirq and unmap_pirq: for whoever controls the domain, which a domU does not even of itself. */
export function doMapPirq({ xen, domain }: HypercallContext, op: StructView<'domid'>): HypercallResult {
  const domid = op.get('domid');
  const known = domid === DOMID_SELF || domid === 0 || domid === domain.domid || xen.domains.has(domid as Domid);
  return known ? noHardware() : refuse('ESRCH', `there is no domain ${domid}`);
}

export function doManagePciAddExt(_call: HypercallContext, op: StructView<'is_extfn' | 'is_virtfn'>): HypercallResult {
  if (op.get('is_extfn') > 1 || op.get('is_virtfn') > 1) return refuse('EINVAL', 'is_extfn and is_virtfn are 0 or 1');
  return noHardware();
}

export function doSetupGsi(_call: HypercallContext, op: StructView<'gsi'>): HypercallResult {
  const gsi = op.get('gsi');
  return gsi < 0 || gsi >= NR_GSIS ? refuse('EINVAL', `there is no GSI ${gsi}`) : noHardware();
}

const XENIRQSTAT_NEEDS_EOI = 1;

export function doIrqStatusQuery(_call: HypercallContext, op: View<typeof PHYSDEV_IRQ_STATUS_QUERY>): HypercallResult {
  const irq = op.get('irq');
  if (irq >= NR_PIRQS) return refuse('EINVAL', `there is no IRQ ${irq}`);
  // Said of every IRQ, for guests that do not look at the page of EOI bits.
  op.set('flags', XENIRQSTAT_NEEDS_EOI);
  return 0;
}

/** PHYSDEVOP_pirq_eoi_gmfn_v1 and _v2: a page with a bit per PIRQ that needs an EOI; there are none here. */
export function doPirqEoiGmfn({ xen, domain, args }: HypercallContext): HypercallResult {
  const bytes = xen.processor.readVirtual(args.address(1), domain.width / 8);
  if (bytes === undefined) return refuse('EFAULT', 'physdev_pirq_eoi_gmfn cannot be read');
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame = data.getUint32(0, true) + (bytes.length === 8 ? data.getUint32(4, true) * 4294967296 : 0);
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, domain.domid);
  if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
  if (domain.pirqEoiFrame !== undefined) {
    xen.references.putWithType(frame as Mfn);
    return refuse('EBUSY', `the page is set already: mfn ${domain.pirqEoiFrame}`);
  }
  domain.pirqEoiFrame = frame as Mfn;
  return 0;
}

export function noDevice(): HypercallResult {
  return refuse('ENODEV', 'there is no such PCI device');
}

export function noHardware(): HypercallResult {
  return refuse('EPERM', 'the domain has no hardware');
}
