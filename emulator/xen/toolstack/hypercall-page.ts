/**
 * The page of call stubs that a guest may call instead of trapping itself: 128 slots of 32 bytes, slot n for
 * hypercall n (Xen: pv/hypercall.c, hypercall_page_initialise_ring3_kernel and _ring1_kernel).
 */
import { PAGE_SIZE } from '../../base/numbers.ts';
import type { GuestAbi } from '../common/domain.ts';

const SLOT_SIZE = 32;
const SLOTS = PAGE_SIZE / SLOT_SIZE;
const HYPERVISOR_IRET = 23;

export function hypercallPage(abi: GuestAbi): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  for (let number = 0; number < SLOTS; number++) {
    page.set(abi === 'x86_64' ? stub64(number) : stub32(number), number * SLOT_SIZE);
  }
  return page;
}

function stub64(number: number): number[] {
  const load = [0xb8, number, 0, 0, 0]; // mov $number, %eax
  // push %rcx; push %r11; … syscall: both are lost in it. iret is jumped to, and its frame wants %rax pushed too.
  if (number === HYPERVISOR_IRET) return [0x51, 0x41, 0x53, 0x50, ...load, 0x0f, 0x05];
  return [0x51, 0x41, 0x53, ...load, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3]; // … pop %r11; pop %rcx; ret
}

function stub32(number: number): number[] {
  const load = [0xb8, number, 0, 0, 0];
  if (number === HYPERVISOR_IRET) return [0x50, ...load, 0xcd, 0x82]; // push %eax; …; int $0x82
  return [...load, 0xcd, 0x82, 0xc3];
}
