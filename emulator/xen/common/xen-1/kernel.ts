import type { VirtualAddress } from '../../../base/numbers.ts';
import { HypercallArguments, type HypercallContext, type HypercallResult } from '../../hypercall/call.ts';
import { StructView } from '../../public/struct.ts';
import { DOM_MEM_OP } from '../../public/xen-1.2/xen.ts';
import { MULTICALL_ENTRY } from '../../public/xen-2.0/xen.ts';
import { SHUTDOWN_POWEROFF, SHUTDOWN_SUSPEND } from '../domain.ts';
import { FRAME_ALLOCATED } from '../frame-table.ts';
import { faultAt, readStruct, writeWord } from '../guest-access.ts';
import { hex, isRefusal, refuse } from '../refusal.ts';
import { eventsAddress } from './events.ts';

/** Small hypercalls of Xen 1.2 (common/kernel.c, schedule.c, dom_mem_ops.c, arch/i386/entry.S). */

const MAX_CONSOLE_WRITE = 256;

/** console_write(text, count): at most 256 bytes, up to a NUL; the answer is 0 whatever was written. */
export function doConsoleWrite({ xen, domain, args }: HypercallContext): HypercallResult {
  const count = Math.min(args.u32(1), MAX_CONSOLE_WRITE);
  if (count === 0) return 0;
  const bytes = xen.processor.readVirtual(args.address(0), count);
  if (bytes === undefined) return faultAt('text for the console', args.address(0));
  const end = bytes.indexOf(0);
  xen.onConsoleIo(domain, end < 0 ? bytes : bytes.subarray(0, end));
  return 0;
}

/** sched_op(yield): sleeps until the next event, if none is pending, enabled or not. */
export function doYield1({ xen, domain, vcpu }: HypercallContext): HypercallResult {
  if (xen.ram.read32(eventsAddress(domain)) === 0) xen.block(vcpu);
  return 0;
}

/** sched_op(exit): the domain is killed. */
export function doExit({ xen, domain, vcpu }: HypercallContext): HypercallResult {
  xen.shutDown(domain, SHUTDOWN_POWEROFF, undefined, vcpu);
  return 0;
}

/** sched_op(stop): it stops, to be saved. */
export function doStop({ xen, domain, vcpu }: HypercallContext): HypercallResult {
  xen.shutDown(domain, SHUTDOWN_SUSPEND, undefined, vcpu);
  return 0;
}

/** dom_mem_op(operation): all pages, or an error and those before it. */
export function doDomMemOp({ xen, domain, args }: HypercallContext): HypercallResult {
  const operation = readStruct(xen, domain, args.address(0), DOM_MEM_OP);
  if (isRefusal(operation)) return operation;
  const size = operation.get('size');
  const at = (index: number): VirtualAddress => (operation.get('pages') + index * 4) as VirtualAddress;
  switch (operation.get('op')) {
    case 0: {
      if (domain.totalPages + size > domain.maxPages || xen.frames.freeFrames < size)
        return refuse('ENOMEM', `${size} pages more than ${domain.totalPages} of at most ${domain.maxPages}`);
      for (let index = 0; index < size; index++) {
        const mfn = xen.allocateExtent(domain, 0);
        if (isRefusal(mfn)) return mfn;
        writeWord(xen, at(index), mfn, 4);
      }
      return size;
    }
    case 1:
      for (let index = 0; index < size; index++) {
        const bytes = xen.processor.readVirtual(at(index), 4);
        const frame = bytes === undefined ? -1 : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
        const used = (xen.frames.counts[frame - xen.frames.first] ?? 0) > 1;
        const flags = xen.frames.flags[frame - xen.frames.first] ?? 0;
        if (!xen.frames.owns(domain.domid, frame) || used || (flags & FRAME_ALLOCATED) === 0)
          return refuse('EINVAL', `page ${index}: mfn ${hex(frame)} is in use, or not the domain's`);
        xen.references.deallocate(frame);
      }
      return size;
    default:
      return refuse('ENOSYS', `dom_mem_op ${operation.get('op')}`);
  }
}

/** multicall(list, count): results are not told, and a multicall inside is passed over. */
export function doMulticall1(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  const { size } = MULTICALL_ENTRY[32];
  let result: HypercallResult = 0;
  for (let index = 0; index < args.u32(1) && domain.alive; index++) {
    const address = (args.u32(0) + index * size) as VirtualAddress;
    const bytes = xen.processor.readVirtual(address, size);
    if (bytes === undefined) {
      result = faultAt(`multicall_entry ${index}`, address);
      break;
    }
    const entry = new StructView(MULTICALL_ENTRY, 32, bytes);
    const number = entry.get('op') % 256;
    if (number === MULTICALL) continue;
    const inner = new HypercallArguments();
    for (let argument = 0; argument < 5; argument++) inner.set(argument, entry.low('args', argument), 0);
    call.execute({ ...call, args: inner }, number, index);
  }
  return result;
}

const MULTICALL = 17;
