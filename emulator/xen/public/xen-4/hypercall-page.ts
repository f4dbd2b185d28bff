import type { Width } from '../struct.ts';

/** The hypercall page: 128 stubs of 32 bytes (x86/guest/hypercall_page.S, pv/hypercall.c: hypercall_page_init). */
const STUB_BYTES = 32;
const IRET = 23;

export function fillHypercallPage(page: Uint8Array, width: Width): void {
  page.fill(0xcc);
  for (let number = 0; number < page.length / STUB_BYTES; number++) {
    page.set(width === 64 ? stub64(number) : stub32(number), number * STUB_BYTES);
  }
}

/** push rcx; push r11; mov $number, eax; syscall; pop r11; pop rcx; ret. iret is jumped to, and pushes rax as well. */
function stub64(number: number): readonly number[] {
  const save = [0x51, 0x41, 0x53];
  const call = [0xb8, number, 0, 0, 0, 0x0f, 0x05];
  return number === IRET ? [...save, 0x50, ...call] : [...save, ...call, 0x41, 0x5b, 0x59, 0xc3];
}

/** mov $number, eax; int $0x82; ret. */
function stub32(number: number): readonly number[] {
  const call = [0xb8, number, 0, 0, 0, 0xcd, 0x82];
  return number === IRET ? [0x50, ...call] : [...call, 0xc3];
}
