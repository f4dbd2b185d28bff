import { highHalf, lowHalf, type MachineAddress, PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { PhysicalMemory } from '../mmu/physical-memory.ts';
import { STATE_SCRATCH } from './layout.ts';
import { ACCESS_READ, ACCESS_WRITE, type Access } from './processor.ts';
import type { GuestMemoryPort } from './system-machine.ts';

/** Guest virtual memory for TypeScript: the same TLB, faults and code tracking as generated code. */
export class GuestMemory implements GuestMemoryPort {
  low = 0;
  high = 0;
  private readonly u8: Uint8Array;
  private readonly i32: Int32Array;

  constructor(
    private readonly ram: PhysicalMemory,
    private readonly mmu: Mmu,
  ) {
    this.u8 = new Uint8Array(ram.memory.buffer);
    this.i32 = new Int32Array(ram.memory.buffer);
  }

  /** Machine address, or -1 with the exception recorded. */
  translate(address: VirtualAddress, access: Access): MachineAddress | -1 {
    const at = this.mmu.access(lowHalf(address), highHalf(address), access);
    return at < 0 ? -1 : ((at - this.ram.base + this.ram.firstMfn * PAGE_SIZE) as MachineAddress);
  }

  load(address: VirtualAddress, bytes: number): boolean {
    const at = this.mmu.slowRead(lowHalf(address), highHalf(address), bytes);
    if (at === 0) return false;
    this.low = 0;
    this.high = 0;
    for (let index = 0; index < bytes; index++) {
      const value = this.u8[at + index] as number;
      if (index < 4) this.low |= value << (index * 8);
      else this.high |= value << ((index - 4) * 8);
    }
    return true;
  }

  store(address: VirtualAddress, bytes: number): boolean {
    this.i32[STATE_SCRATCH >> 2] = this.low;
    this.i32[(STATE_SCRATCH >> 2) + 1] = this.high;
    return this.mmu.slowWrite(lowHalf(address), highHalf(address), bytes) !== 0;
  }

  readBytes(address: VirtualAddress, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = this.mmu.access(lowHalf(address + done), highHalf(address + done), ACCESS_READ);
      if (at < 0) return undefined;
      const count = Math.min(length - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
      bytes.set(this.u8.subarray(at, at + count), done);
      done += count;
    }
    return bytes;
  }

  writeBytes(address: VirtualAddress, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const at = this.mmu.access(lowHalf(address + done), highHalf(address + done), ACCESS_WRITE);
      if (at < 0) return false;
      const count = Math.min(bytes.length - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
      this.u8.set(bytes.subarray(done, done + count), at);
      if (this.ram.codeFrames[(at - this.ram.base) >>> 12] !== 0) this.mmu.onCodeStore(at, count);
      done += count;
    }
    return true;
  }
}
