/** Copies between a packet and pages that the guest has granted (GNTTABOP_copy by the host). */
import type { GrantRef, MachineAddress } from '../../../base/numbers.ts';
import { PAGE_SIZE } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal } from '../../common/refusal.ts';

/** From a granted page into `to` at `at`. The range must lie in one page and fit. */
export function copyFromGrant(
  xen: Hypervisor,
  domain: Domain,
  ref: number,
  offset: number,
  length: number,
  to: Uint8Array,
  at: number,
): Refusal | undefined {
  const mfn = xen.hostGrantFrame(domain, ref as GrantRef, false);
  if (isRefusal(mfn)) return mfn;
  to.set(xen.ram.frame(mfn).subarray(offset, offset + length), at);
  xen.hostGrantRelease(domain, ref as GrantRef, false);
  return undefined;
}

/** To the beginning of a granted page. */
export function copyToGrant(xen: Hypervisor, domain: Domain, ref: number, bytes: Uint8Array): Refusal | undefined {
  const mfn = xen.hostGrantFrame(domain, ref as GrantRef, true);
  if (isRefusal(mfn)) return mfn;
  xen.ram.writeBytes((mfn * PAGE_SIZE) as MachineAddress, bytes);
  xen.hostGrantRelease(domain, ref as GrantRef, true);
  return undefined;
}
