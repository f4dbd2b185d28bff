import type { Mfn, VirtualAddress } from '../../base/numbers.ts';
import { TYPE_WRITABLE } from '../common/frame-table.ts';
import { refuse } from '../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import type {
  PHYSDEV_EOI,
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

export function doSetIobitmap({ vcpu }: HypercallContext, op: View<typeof PHYSDEV_SET_IOBITMAP>): HypercallResult {
  const ports = op.get('nr_ports');
  if (ports > 65536) return refuse('EINVAL', `${ports} ports`);
  vcpu.ioBitmap = op.get('bitmap') as VirtualAddress;
  vcpu.ioBitmapPorts = ports;
  return 0;
}

export function doEoi(_call: HypercallContext, op: View<typeof PHYSDEV_EOI>): HypercallResult {
  return refuse('EINVAL', `PIRQ ${op.get('irq')} is not bound`);
}

export function doIrqStatusQuery(_call: HypercallContext, op: View<typeof PHYSDEV_IRQ_STATUS_QUERY>): HypercallResult {
  const irq = op.get('irq');
  if (irq >= 256) return refuse('EINVAL', `there is no IRQ ${irq}`);
  // XENIRQSTAT_needs_eoi is for bound interrupts only.
  op.set('flags', 0);
  return 0;
}

/** PHYSDEVOP_pirq_eoi_gmfn_v1 and _v2: a page with a bit per PIRQ that needs an EOI; there are none here. */
export function doPirqEoiGmfn({ xen, domain, args }: HypercallContext): HypercallResult {
  const bytes = xen.processor.readVirtual(args.address(1), domain.width / 8);
  if (bytes === undefined) return refuse('EFAULT', 'physdev_pirq_eoi_gmfn cannot be read');
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame = data.getUint32(0, true) + (bytes.length === 8 ? data.getUint32(4, true) * 4294967296 : 0);
  if (domain.pirqEoiFrame !== undefined) return refuse('EBUSY', `the page is set already: mfn ${domain.pirqEoiFrame}`);
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, domain.domid);
  if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
  domain.pirqEoiFrame = frame as Mfn;
  return 0;
}

export function noHardware(): HypercallResult {
  return refuse('EPERM', 'the domain has no hardware');
}
