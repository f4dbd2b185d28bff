import type { MachineAddress, Mfn, VirtualAddress } from '../../../base/numbers.ts';
import { STORE_DONE, STORE_FAULT } from '../../../x86/cpu/processor.ts';
import { TYPE_L1 } from '../../common/frame-table.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { hex, type Refusal } from '../../common/refusal.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { PAGE_OFFSET, VMASST_TYPE_WRITABLE_PAGETABLES } from '../../public/xen-2.0/xen.ts';

/**
 * Writable page tables (ptwr of arch/x86/memory.c): a guest with the assist stores into its L1 tables through read-only
 * mappings. Xen 2.0 lets go of the table, makes it writable, and looks at what has changed before anybody uses it; here
 * each store is looked at when it is made, which a guest cannot tell apart. What Xen finds wrong, it crashes for.
 */
export function storeToPageTable(
  xen: Hypervisor,
  vcpu: Vcpu,
  address: VirtualAddress,
  machine: MachineAddress,
  size: number,
  low: number,
  high: number,
): number {
  const { domain } = vcpu;
  if ((domain.assists & (1 << VMASST_TYPE_WRITABLE_PAGETABLES)) === 0 || address >>> 0 >= PAGE_OFFSET)
    return STORE_FAULT;
  const frame = Math.floor(machine / 4096);
  if (!xen.frames.owns(domain.domid, frame) || xen.references.type(frame) !== TYPE_L1) return STORE_FAULT;
  if (xen.references.typeCount(frame) === 0) {
    // Once a page table, and nothing since: Xen takes it for one all the same, and finds nothing to look at.
    xen.ram.writeBytes(machine, bytesOf(size, low, high));
    return STORE_DONE;
  }
  const refusal = store(xen, vcpu, frame, address, machine, size, low, high);
  if (refusal !== undefined)
    xen.crash(domain, `store to page table ${hex(frame)} at ${hex(address)}: ${refusal}`, vcpu);
  return STORE_DONE;
}

function bytesOf(size: number, low: number, high: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const data = new DataView(bytes.buffer);
  data.setInt32(0, low, true);
  data.setInt32(4, high, true);
  return bytes.subarray(0, size);
}

/** Why the domain must crash, if it must. */
function store(
  xen: Hypervisor,
  { domain }: Vcpu,
  mfn: Mfn,
  address: VirtualAddress,
  machine: MachineAddress,
  size: number,
  low: number,
  high: number,
): string | undefined {
  const slot = xen.twoLevel.backPointer(mfn);
  if (slot === undefined) return 'the table is in several slots of page directories, or in none';
  if (slot === address >>> 22) return 'the table maps itself';
  // A store that is not aligned changes two entries.
  const first = Math.floor((machine % 4096) / 4);
  const last = Math.floor(((machine % 4096) + size - 1) / 4);
  const words = new Int32Array(4);
  for (let entry = first; entry <= last; entry++) words[entry - first] = xen.twoLevel.entry(mfn, entry);
  new Uint8Array(words.buffer).set(bytesOf(size, low, high), machine % 4);
  for (let entry = first; entry <= last; entry++) {
    const refusal: Refusal | undefined = xen.twoLevel.modifyL1(
      mfn,
      entry,
      words[entry - first] as number,
      domain,
      domain,
    );
    if (refusal !== undefined) return refusal.reason;
  }
  return undefined;
}
