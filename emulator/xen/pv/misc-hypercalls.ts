import { highHalf, isCanonical, lowHalf, type MachineAddress } from '../../base/numbers.ts';
import { FS, GS } from '../../x86/cpu/processor.ts';
import { refuse } from '../common/refusal.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import { getDebugRegister, setDebugRegister } from './debug-registers.ts';
import { setGdt, updateDescriptor } from './descriptor-tables.ts';

/** Small hypercalls of PV guests (pv/misc-hypercalls.c, pv/descriptor-tables.c). */

/** set_gdt(frames, entries). */
export function doSetGdt({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const entries = args.u32(1);
  if (entries > 7168) return refuse('EINVAL', `${entries} entries reach into Xen's own page of the GDT (at most 7168)`);
  const count = Math.ceil(entries / 512);
  const size = domain.width / 8;
  const list = args.address(0);
  const bytes = count === 0 ? new Uint8Array() : xen.processor.readVirtual(list, count * size);
  if (bytes === undefined) return refuse('EFAULT', 'the list of GDT frames cannot be read');
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = Array.from({ length: count }, (_, index) => {
    const low = data.getUint32(index * size, true);
    return size === 8 ? data.getUint32(index * 8 + 4, true) * 4294967296 + low : low;
  });
  return setGdt(xen, vcpu, frames, entries) ?? 0;
}

/** update_descriptor(machine address, descriptor). */
export function doUpdateDescriptor({ xen, vcpu, args }: HypercallContext): HypercallResult {
  return updateDescriptor(xen, vcpu, args.unsigned(0) as MachineAddress, args.low(1), args.high(1)) ?? 0;
}

/** fpu_taskswitch(set): CR0.TS. */
export function doFpuTaskswitch({ xen, args }: HypercallContext): HypercallResult {
  xen.processor.taskSwitched = args.u32(0) !== 0;
  return 0;
}

/** set_debugreg(register, value). */
export function doSetDebugreg({ xen, vcpu, args }: HypercallContext): HypercallResult {
  return setDebugRegister(xen, vcpu, args.u32(0), args.address(1)) ?? 0;
}

/** get_debugreg(register): the value itself is the result. */
export function doGetDebugreg({ vcpu, args }: HypercallContext): HypercallResult {
  return getDebugRegister(vcpu, args.u32(0)) ?? refuse('ENODEV', `there is no debug register ${args.u32(0)}`);
}

/** set_segment_base(which, base): 0 FS, 1 user GS, 2 kernel GS, 3 selector of user GS. */
export function doSetSegmentBase({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  if (domain.width === 32) return refuse('ENOSYS', 'set_segment_base is for 64-bit guests');
  const base = args.address(1);
  const which = args.u32(0);
  if (which < 3 && !isCanonical(highHalf(base))) return refuse('EINVAL', 'the base is not canonical');
  switch (which) {
    case 0:
      xen.processor.setSegmentBase(FS, lowHalf(base), highHalf(base));
      return 0;
    case 1:
      vcpu.gsBaseUserLow = lowHalf(base);
      vcpu.gsBaseUserHigh = highHalf(base);
      return 0;
    case 2:
      xen.processor.setSegmentBase(GS, lowHalf(base), highHalf(base));
      return 0;
    case 3:
      return loadUserGs(xen, vcpu, args.low(1) & 0xffff);
    default:
      return refuse('EINVAL', `there is no segment base ${which}`);
  }
}

/** Loads the selector for user mode: its base becomes the user GS base, and the kernel keeps its own. */
function loadUserGs(xen: HypercallContext['xen'], vcpu: HypercallContext['vcpu'], selector: number): HypercallResult {
  const { processor } = xen;
  const low = processor.segmentBaseLow(GS);
  const high = processor.segmentBaseHigh(GS);
  processor.setSegmentBase(GS, vcpu.gsBaseUserLow, vcpu.gsBaseUserHigh);
  // A selector that cannot be loaded becomes the null one, without an error.
  if (processor.loadSegment(GS, selector) !== -1) processor.loadSegment(GS, 0);
  vcpu.gsBaseUserLow = processor.segmentBaseLow(GS);
  vcpu.gsBaseUserHigh = processor.segmentBaseHigh(GS);
  processor.setSegmentBase(GS, low, high);
  return 0;
}
