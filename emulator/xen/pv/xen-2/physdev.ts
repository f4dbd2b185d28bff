import { faultAt } from '../../common/guest-access.ts';
import { type Refusal, refuse } from '../../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../../hypercall/call.ts';
import type { StructView } from '../../public/struct.ts';
import type * as abi from '../../public/xen-2.0/physdev.ts';

/** physdev_op of Xen 2.0 (common/physdev.c) for domains without devices. The whole structure must be readable first. */

type View<T extends { readonly 32: { readonly offset: object } }> = StructView<keyof T[32]['offset'] & string>;

const NR_IRQS = 224;
const STRUCT_BYTES = 40;

/** check_dev_acc: no device is the domain's. */
export function doPciAccess(): HypercallResult {
  return refuse('EPERM', 'the domain has no PCI devices');
}

export function doProbeRootBuses(
  _call: HypercallContext,
  op: View<typeof abi.PHYSDEV_PCI_ROOT_BUSES>,
): HypercallResult {
  for (let word = 0; word < 8; word++) op.set('busmask', 0, word);
  return 0;
}

export function doIrqUnmaskNotify({ xen, args }: HypercallContext): HypercallResult {
  return xen.processor.readVirtual(args.address(0), STRUCT_BYTES) === undefined
    ? faultAt('physdev_op', args.address(0))
    : 0;
}

export function doIrqStatusQuery(_call: HypercallContext, op: View<typeof abi.PHYSDEV_IRQ_STATUS>): HypercallResult {
  if (op.get('irq') >= NR_IRQS) return refuse('EINVAL', `there is no interrupt ${op.get('irq')}`);
  op.set('flags', 0);
  return 0;
}

export function unknownPhysdevOp({ xen, args }: HypercallContext): Refusal {
  return xen.processor.readVirtual(args.address(0), STRUCT_BYTES) === undefined
    ? faultAt('physdev_op', args.address(0))
    : refuse('EINVAL', 'there is no such physdev_op');
}
