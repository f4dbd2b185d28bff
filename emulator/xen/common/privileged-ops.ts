import type { Domid, VirtualAddress } from '../../base/numbers.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import { DOMID_SELF } from './frame-table.ts';
import { faultAt, isGuestHandle } from './guest-access.ts';
import { type Refusal, refuse } from './refusal.ts';

/**
 * Hypercalls of dom0 and of HVM domains, as an unprivileged PV domain is answered: in Xen's order, so that a bad
 * pointer or a wrong interface version is told before the permission is refused.
 */

const XEN_DOMCTL_INTERFACE_VERSION = 0x15;
const XEN_SYSCTL_INTERFACE_VERSION = 0x15;
const XENPF_INTERFACE_VERSION = 0x03000001;
/** sizeof of xen_domctl, xen_sysctl and xen_platform_op: all of it is copied in first. */
const DOMCTL_BYTES = 144;
const SYSCTL_BYTES = 136;
const PLATFORM_OP_BYTES = 136;

function readWords({ xen, domain }: HypercallContext, address: VirtualAddress, bytes: number): DataView | Refusal {
  const data = isGuestHandle(domain, address) ? xen.processor.readVirtual(address, bytes) : undefined;
  return data === undefined ? faultAt('argument', address) : new DataView(data.buffer, data.byteOffset, bytes);
}

function versionRefusal(given: number, expected: number): Refusal | undefined {
  if (given === expected) return undefined;
  return refuse('EACCES', `interface version 0x${given.toString(16)}; this is 0x${expected.toString(16)}`);
}

const forDom0: Refusal = refuse('EPERM', 'for privileged domains only');

export function doPlatformOp(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(0), PLATFORM_OP_BYTES);
  if ('errno' in op) return op;
  return versionRefusal(op.getUint32(4, true), XENPF_INTERFACE_VERSION) ?? forDom0;
}

export function doSysctl(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(0), SYSCTL_BYTES);
  if ('errno' in op) return op;
  return versionRefusal(op.getUint32(4, true), XEN_SYSCTL_INTERFACE_VERSION) ?? forDom0;
}

/** Commands that do not name an existing domain: createdomain, gdbsx's guest memory access, test_assign_device. */
const WITHOUT_DOMAIN: ReadonlySet<number> = new Set([1, 1000]);

export function doDomctl(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(0), DOMCTL_BYTES);
  if ('errno' in op) return op;
  const version = versionRefusal(op.getUint32(4, true), XEN_DOMCTL_INTERFACE_VERSION);
  if (version !== undefined) return version;
  const domid = op.getUint16(8, true);
  return WITHOUT_DOMAIN.has(op.getUint32(0, true)) ? forDom0 : (unknownDomain(call, domid) ?? forDom0);
}

/** rcu_lock_domain_by_id: domain 0 is the host, which exists. */
function unknownDomain({ xen }: HypercallContext, domid: number): Refusal | undefined {
  return domid === 0 || xen.domains.has(domid as Domid) ? undefined : refuse('ESRCH', `there is no domain ${domid}`);
}

const XEN_DOMCTL_SHADOW_OP = 10;

export function doPagingDomctlCont(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(0), DOMCTL_BYTES);
  if ('errno' in op) return op;
  if (op.getUint32(4, true) !== XEN_DOMCTL_INTERFACE_VERSION || op.getUint32(0, true) !== XEN_DOMCTL_SHADOW_OP)
    return refuse('EOPNOTSUPP', 'only a shadow operation is continued');
  return unknownDomain(call, op.getUint16(8, true)) ?? forDom0;
}

/** hvm_op (arch/x86/hvm/hvm.c): most of it looks at the argument before it says that the domain is no HVM one. */
const HVM_NR_PARAMS = 39;
const NOT_HVM = refuse('EINVAL', 'the domain is no HVM domain');

/** xen_hvm_param: domid u16 0, index u32 4, value u64 8. */
export function doHvmParam(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(1), 16);
  if ('errno' in op) return op;
  const index = op.getUint32(4, true);
  if (index >= HVM_NR_PARAMS) return refuse('EINVAL', `there is no parameter ${index}`);
  const domid = op.getUint16(0, true);
  return (domid === DOMID_SELF ? undefined : unknownDomain(call, domid)) ?? NOT_HVM;
}

export function doHvmSelf(call: HypercallContext): HypercallResult {
  return call.args.address(1) === 0 ? NOT_HVM : refuse('EINVAL', 'takes no argument');
}

export function doHvmOther(): HypercallResult {
  return NOT_HVM;
}

/** HVMOP_get_time works for everybody: nanoseconds since boot. */
export function doHvmGetTime({ xen, args }: HypercallContext): HypercallResult {
  const bytes = new Uint8Array(8);
  const now = xen.clock.now();
  const data = new DataView(bytes.buffer);
  data.setUint32(0, now % 4294967296, true);
  data.setUint32(4, Math.floor(now / 4294967296), true);
  return xen.processor.writeVirtual(args.address(1), bytes) ? 0 : faultAt('xen_hvm_get_time', args.address(1));
}

/** HVMOP_xentrace: an event for Xen's trace buffers, which nobody reads here. */
export function doHvmXentrace(call: HypercallContext): HypercallResult {
  const op = readWords(call, call.args.address(1), 32);
  if ('errno' in op) return op;
  // event u16 0, extra_bytes u16 2; 28 bytes at most, 12 bits of event number.
  if (op.getUint16(2, true) > 28 || op.getUint16(0, true) > 0xfff) return refuse('EINVAL', 'event or length too great');
  return 0;
}

/** HVMOP_guest_request_vm_event: nobody listens for monitor events. */
export function doHvmGuestRequest({ args }: HypercallContext): HypercallResult {
  return args.address(1) === 0 ? 0 : refuse('EINVAL', 'takes no argument');
}

/** xenoprof_op: operations that only the profiler's domain may use, counted from public/xenoprof.h. */
const XENOPROF_LAST_OP = 17;
const XENOPROF_INIT = 0;

export function doXenoprofOp({ args }: HypercallContext): HypercallResult {
  const op = args.u32(0);
  if (op > XENOPROF_LAST_OP) return refuse('EINVAL', `there is no operation ${op}`);
  return op === XENOPROF_INIT ? refuse('ENODEV', 'the processor has no counters to profile with') : forDom0;
}

/** struct dmop_args has room for these. */
const DM_OP_BUFFERS = 2;

/** dm_op(domid, count, buffers): the buffers are copied in first; DOMID_SELF is no remote domain's number (common/dm.c). */
export function doDmOp(call: HypercallContext): HypercallResult {
  const { domain, args } = call;
  const domid = args.u32(0) & 0xffff;
  const count = args.u32(1);
  if (count > DM_OP_BUFFERS) return refuse('E2BIG', `${count} buffers, at most ${DM_OP_BUFFERS}`);
  if (count > 0) {
    const buffers = readWords(call, args.address(2), (count * domain.width) / 4);
    if ('errno' in buffers) return buffers;
  }
  return unknownDomain(call, domid) ?? refuse('EPERM', 'for device models of other domains');
}
