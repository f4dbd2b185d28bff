import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { StructView } from '../public/struct.ts';
import * as abi from '../public/xen-4/version.ts';
import { HYPERVISOR_VIRT_START, VMASST_TYPE_PAE_EXTENDED_CR3 } from '../public/xen-4/xen.ts';
import { faultAt } from './guest-access.ts';
import { refuse } from './refusal.ts';

/** xen_version (common/kernel.c): what an unprivileged domain is told. Strings are those of Debian 12's Xen 4.17. */

type View<T extends { readonly 64: { readonly offset: object } }> = StructView<keyof T[64]['offset'] & string>;

const MAJOR = 4;
const MINOR = 17;
const EXTRA = '.7';
const COMPILER = 'gcc (Debian 12.2.0-14+deb12u1) 12.2.0';
const CAPABILITIES = 'xen-3.0-x86_64 xen-3.0-x86_32p ';
/** What XSM's default policy puts where a domain may not know. */
const DENIED = '<denied>';

export function doVersion(): HypercallResult {
  return (MAJOR << 16) | MINOR;
}

export function doExtraVersion(_call: HypercallContext, op: View<typeof abi.XEN_EXTRAVERSION>): HypercallResult {
  op.setText('text', EXTRA);
  return 0;
}

export function doCompileInfo(_call: HypercallContext, op: View<typeof abi.XEN_COMPILE_INFO>): HypercallResult {
  op.setText('compiler', COMPILER);
  op.setText('compile_by', '');
  op.setText('compile_domain', '');
  op.setText('compile_date', 'x');
  return 0;
}

export function doCapabilities(_call: HypercallContext, op: View<typeof abi.XEN_CAPABILITIES_INFO>): HypercallResult {
  op.setText('text', CAPABILITIES);
  return 0;
}

export function doChangeset(_call: HypercallContext, op: View<typeof abi.XEN_CHANGESET_INFO>): HypercallResult {
  op.setText('text', '');
  return 0;
}

export function doPlatformParameters(
  { domain }: HypercallContext,
  op: View<typeof abi.XEN_PLATFORM_PARAMETERS>,
): HypercallResult {
  op.set('virt_start', domain.width === 64 ? HYPERVISOR_VIRT_START : 0xf5800000);
  return 0;
}

export function doGetFeatures({ domain }: HypercallContext, op: View<typeof abi.XEN_FEATURE_INFO>): HypercallResult {
  if (op.get('submap_idx') !== 0) return refuse('EINVAL', `there is no feature word ${op.get('submap_idx')}`);
  const extendedCr3 = (domain.assists & (1 << VMASST_TYPE_PAE_EXTENDED_CR3)) !== 0;
  const features =
    (1 << abi.XENFEAT_MMU_PT_UPDATE_PRESERVE_AD) |
    (1 << abi.XENFEAT_HIGHMEM_ASSIST) |
    (1 << abi.XENFEAT_GNTTAB_MAP_AVAIL_BITS) |
    (1 << abi.XENFEAT_MEMORY_OP_VNODE_SUPPORTED) |
    (1 << abi.XENFEAT_DIRECT_MAPPED) |
    (extendedCr3 ? 1 << abi.XENFEAT_PAE_PGDIR_ABOVE_4GB : 0) |
    (domain.privileged ? 1 << abi.XENFEAT_DOM0 : 0);
  op.set('submap', features);
  return 0;
}

export function doPageSize({ args }: HypercallContext): HypercallResult {
  return args.address(1) === 0 ? 4096 : refuse('EINVAL', 'XENVER_pagesize takes no argument');
}

export function doGuestHandle({ domain }: HypercallContext, op: View<typeof abi.XEN_DOMAIN_HANDLE>): HypercallResult {
  domain.handle.forEach((byte, index) => {
    op.set('bytes', byte, index);
  });
  return 0;
}

/** Only as many bytes as there is to say are stored. */
export function doCommandLine({ xen, args }: HypercallContext): HypercallResult {
  const bytes = Uint8Array.from(`${DENIED}\0`, (char) => char.charCodeAt(0));
  return xen.processor.writeVirtual(args.address(1), bytes) ? 0 : faultAt('xen_commandline', args.address(1));
}

export function doBuildId(): HypercallResult {
  return refuse('EPERM', 'the build id is for privileged domains');
}

/** vm_assist(command, type). */
export function doVmAssist({ domain, args }: HypercallContext): HypercallResult {
  const command = args.u32(0);
  const type = args.u32(1);
  if (type > 5 && (type !== M2P_STRICT || domain.width === 32)) return refuse('EINVAL', `there is no assist ${type}`);
  if (command > 1) return refuse('ENOSYS', `vm_assist command ${command}`);
  const enable = command === 0;
  if (type === M2P_STRICT) domain.m2pStrict = enable;
  else if (enable) domain.assists |= 1 << type;
  else domain.assists &= ~(1 << type);
  return 0;
}

const M2P_STRICT = 32;

/** console_io: not for an unprivileged domain in a release build. */
export function doConsoleIo(): HypercallResult {
  return refuse('EPERM', 'the Xen console is for dom0; a domU prints through its console ring');
}
