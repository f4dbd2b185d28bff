import { type MachineAddress, type Mfn, PAGE_SHIFT, PAGE_SIZE, type VirtualAddress } from '../base/numbers.ts';
import { TYPE_L1, TYPE_LDT, TYPE_SEGMENT_DESCRIPTORS } from '../xen/common/frame-table.ts';
import type { Hypervisor } from '../xen/common/hypervisor.ts';
import type { Vcpu } from '../xen/common/vcpu.ts';
import type { MemorySpace } from './target.ts';

/** Longest single read or write. */
const MAXIMUM = 16 << 20;

/** Memory as a debugger sees it: no page is touched, faulted in or marked by looking. */
export class MemoryAccess {
  constructor(private readonly xen: Hypervisor) {}

  /** Bytes from `address` (unsigned) on, up to the first hole. `vcpu` gives the address space and the domain. */
  read(space: MemorySpace, address: bigint, length: number, vcpu: Vcpu): Uint8Array {
    const wanted = Math.min(length, MAXIMUM);
    if (space === 'virtual') {
      if (!isCanonical(address)) return new Uint8Array();
      return this.xen.processor.peek(toVirtual(address), wanted, this.root(vcpu), vcpu.domain.paging);
    }
    const bytes = new Uint8Array(wanted);
    const done = this.pieces(space, address, wanted, vcpu, (machine, offset, count) => {
      const from = this.xen.ram.offsetOf(machine);
      bytes.set(this.xen.ram.u8.subarray(from, from + count), offset);
      return true;
    });
    return bytes.subarray(0, done);
  }

  /**
   * Number of bytes written (by `store`, which is given the pieces within pages): up to the first hole, or the first page table (or descriptor table) in use, whose entries
   * Xen has validated and which must therefore not change behind its back.
   */
  write(
    space: MemorySpace,
    address: bigint,
    bytes: Uint8Array,
    vcpu: Vcpu,
    store: (machine: MachineAddress, piece: Uint8Array) => void,
  ): number {
    return this.pieces(space, address, Math.min(bytes.length, MAXIMUM), vcpu, (machine, offset, count) => {
      if (this.isGuarded(Math.floor(machine / PAGE_SIZE))) return false;
      store(machine, bytes.slice(offset, offset + count));
      return true;
    });
  }

  private root(vcpu: Vcpu): Mfn | undefined {
    return vcpu.kernelMode ? vcpu.hardwareRoot : (vcpu.userRoot ?? vcpu.hardwareRoot);
  }

  /** Calls `visit` for each piece within a page; answers how many bytes were visited before a hole or a false. */
  private pieces(
    space: MemorySpace,
    address: bigint,
    length: number,
    vcpu: Vcpu,
    visit: (machine: MachineAddress, offset: number, count: number) => boolean,
  ): number {
    let done = 0;
    while (done < length) {
      const at = BigInt.asUintN(64, address + BigInt(done));
      const machine = this.machineAddress(space, at, vcpu);
      const count = Math.min(length - done, PAGE_SIZE - Number(at & 0xfffn));
      if (machine === undefined || !visit(machine, done, count)) break;
      done += count;
    }
    return done;
  }

  private machineAddress(space: MemorySpace, address: bigint, vcpu: Vcpu): MachineAddress | undefined {
    if (space === 'virtual') {
      if (!isCanonical(address)) return undefined;
      return this.xen.processor.walk(toVirtual(address), this.root(vcpu), vcpu.domain.paging).machine;
    }
    if (address >= 1n << 52n) return undefined;
    const frame = Number(address >> BigInt(PAGE_SHIFT));
    const mfn = space === 'machine' ? frame : vcpu.domain.mfnOf(frame);
    if (mfn === undefined || !this.xen.ram.hasFrame(mfn)) return undefined;
    return (mfn * PAGE_SIZE + Number(address & 0xfffn)) as MachineAddress;
  }

  private isGuarded(mfn: number): boolean {
    const { frames } = this.xen;
    const type = frames.types[mfn - frames.first] as number;
    const table = (type >= TYPE_L1 && type <= TYPE_SEGMENT_DESCRIPTORS) || type === TYPE_LDT;
    return table && (frames.typeCounts[mfn - frames.first] as number) > 0;
  }
}

const isCanonical = (address: bigint): boolean => BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
const toVirtual = (address: bigint): VirtualAddress => Number(BigInt.asIntN(64, address)) as VirtualAddress;
