import type { VirtualAddress } from '../../../base/numbers.ts';
import { HypercallArguments, type HypercallContext, type HypercallResult } from '../../hypercall/call.ts';
import { StructView } from '../../public/struct.ts';
import {
  CONSOLEIO_READ,
  CONSOLEIO_WRITE,
  MULTICALL_ENTRY,
  MULTICALL_RESULT,
  PAGE_OFFSET,
  VMASST_TYPE_WRITABLE_PAGETABLES,
} from '../../public/xen-2.0/xen.ts';
import { faultAt } from '../guest-access.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { NEVER } from '../vcpu.ts';

/** Small hypercalls of Xen 2.0 (common/kernel.c, schedule.c, multicall.c, drivers/char/console.c). */

const MAJOR = 2;
const MINOR = 0;
/** kbuf is a page, with a NUL at its end. */
const MAX_CONSOLE_WRITE = 4095;

/** xen_version(command): guests call it to have events delivered. */
export function doXenVersion({ args }: HypercallContext): HypercallResult {
  return args.u32(0) === 0
    ? (MAJOR << 16) | MINOR
    : refuse('ENOSYS', `xen_version command ${args.u32(0)}: Xen 2.0 has 0 only`);
}

/** vm_assist(command, type). */
export function doVmAssist2({ domain, args }: HypercallContext): HypercallResult {
  const type = args.u32(1);
  if (type > VMASST_TYPE_WRITABLE_PAGETABLES) return refuse('EINVAL', `there is no assist ${type}`);
  switch (args.u32(0)) {
    case 0:
      domain.assists |= 1 << type;
      return 0;
    case 1:
      domain.assists &= ~(1 << type);
      return 0;
    default:
      return refuse('ENOSYS', `vm_assist command ${args.u32(0)}`);
  }
}

/**
 * console_io(command, count, buffer), as in a Xen that was built with VERBOSE: any domain may use it. What is written
 * ends at a NUL, though the answer counts it all.
 */
export function doConsoleIo2({ xen, domain, args }: HypercallContext): HypercallResult {
  const count = args.low(1);
  const buffer = args.address(2);
  switch (args.u32(0)) {
    case CONSOLEIO_WRITE: {
      const length = Math.min(count, MAX_CONSOLE_WRITE);
      const bytes = length < 0 ? undefined : xen.processor.readVirtual(buffer, length);
      if (bytes === undefined) return faultAt('text for the console', buffer);
      const end = bytes.indexOf(0);
      if (length > 0) xen.onConsoleIo(domain, end < 0 ? bytes : bytes.subarray(0, end));
      return length;
    }
    // Nobody types on Xen's own console; what is typed on the domain's comes over the control interface.
    case CONSOLEIO_READ:
      return 0;
    default:
      return refuse('ENOSYS', `console_io command ${args.u32(0)}`);
  }
}

/** set_timer_op(high, low): absolute system time, 0 to stop. A time in the past is now. */
export function doSetTimerOp2({ xen, vcpu, args }: HypercallContext): HypercallResult {
  const high = args.low(0);
  const low = args.u32(1);
  const timeout = high * 4294967296 + low;
  vcpu.singleshotTimer = high === 0 && low === 0 ? NEVER : Math.max(timeout, xen.clock.now());
  return 0;
}

/** sched_op.shutdown: the reason is in bits 15:8. */
export function doShutdown2({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  xen.shutDown(domain, (args.u32(0) >>> 8) & 0xff, undefined, vcpu);
  return 0;
}

/** multicall(list, count): the result of each call goes where its sixth argument stands. */
export function doMulticall2(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  if (xen.inMulticall) return refuse('EINVAL', 'a multicall inside a multicall');
  const list = args.u32(0);
  const count = args.u32(1);
  const layout = MULTICALL_ENTRY[32];
  if (list + count * layout.size > PAGE_OFFSET) return faultAt('multicall list', list);
  xen.inMulticall = true;
  let result: HypercallResult = 0;
  for (let index = 0; index < count && domain.alive; index++) {
    const address = (list + index * layout.size) as VirtualAddress;
    const bytes = xen.processor.readVirtual(address, layout.size);
    if (bytes === undefined) {
      result = faultAt(`multicall_entry ${index}`, address);
      break;
    }
    const entry = new StructView(MULTICALL_ENTRY, 32, bytes);
    const inner = new HypercallArguments();
    for (let argument = 0; argument < 5; argument++) inner.set(argument, entry.low('args', argument), 0);
    const outcome = call.execute({ ...call, args: inner }, entry.get('op') % 32, index);
    if (!domain.alive) break;
    entry.set(
      'args',
      typeof outcome === 'symbol' ? 0 : isRefusal(outcome) ? -outcome.errno : outcome,
      MULTICALL_RESULT,
    );
    const at = layout.offset.args + MULTICALL_RESULT * 4;
    if (xen.processor.writeVirtual((address + at) as VirtualAddress, bytes.slice(at, at + 4))) continue;
    result = faultAt(`result of multicall_entry ${index}`, address);
    break;
  }
  xen.inMulticall = false;
  return result;
}
