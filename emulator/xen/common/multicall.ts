import type { VirtualAddress } from '../../base/numbers.ts';
import { HypercallArguments, type HypercallContext, type HypercallResult } from '../hypercall/call.ts';
import { StructView } from '../public/struct.ts';
import { MULTICALL_ENTRY } from '../public/xen-4/xen.ts';
import { faultAt, isGuestHandle } from './guest-access.ts';
import { isRefusal, refuse } from './refusal.ts';

/** multicall(list, count): each entry's result is stored in the entry; the call itself fails only on bad memory. */
export function doMulticall(call: HypercallContext): HypercallResult {
  const { xen, domain, args } = call;
  if (xen.inMulticall) return refuse('EINVAL', 'a multicall inside a multicall');
  const list = args.address(0);
  const count = args.u32(1);
  const layout = MULTICALL_ENTRY[domain.width];
  if (!isGuestHandle(domain, list)) return faultAt('multicall list', list);
  const inner = new HypercallArguments();
  xen.inMulticall = true;
  let result: HypercallResult = 0;
  for (let index = 0; index < count; index++) {
    const address = (list + index * layout.size) as VirtualAddress;
    const bytes = xen.processor.readVirtual(address, layout.size);
    if (bytes === undefined) {
      result = faultAt(`multicall_entry ${index}`, address);
      break;
    }
    const entry = new StructView(MULTICALL_ENTRY, domain.width, bytes);
    for (let argument = 0; argument < 6; argument++) {
      inner.set(argument, entry.low('args', argument), entry.high('args', argument));
    }
    const outcome = call.execute({ ...call, args: inner }, entry.get('op'), index);
    if (!domain.alive) break;
    // iret: the registers and perhaps the address space are others now, and the rest of the list is left alone.
    if (typeof outcome === 'symbol') {
      result = outcome;
      break;
    }
    entry.set('result', isRefusal(outcome) ? -outcome.errno : outcome);
    const at = layout.offset.result;
    const stored = bytes.slice(at, at + domain.width / 8);
    if (!xen.processor.writeVirtual((address + at) as VirtualAddress, stored)) {
      result = faultAt(`result of multicall_entry ${index}`, address);
      break;
    }
  }
  xen.inMulticall = false;
  return result;
}
