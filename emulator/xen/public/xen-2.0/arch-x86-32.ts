import { struct } from '../struct.ts';

/** public/arch-x86_32.h of Xen 2.0. */

/** Entries of every GDT that are Xen's. */
export const FIRST_RESERVED_GDT_ENTRY = 256;
export const NR_RESERVED_GDT_ENTRIES = 40;
export const LAST_RESERVED_GDT_ENTRY = FIRST_RESERVED_GDT_ENTRY + NR_RESERVED_GDT_ENTRIES - 1;

export const FLAT_RING1_CS = 0x0819;
export const FLAT_RING1_DS = 0x0821;
export const FLAT_RING3_CS = 0x082b;
export const FLAT_RING3_DS = 0x0833;

export const HYPERCALL_VECTOR = 0x82;

/** trap_info.flags: bits 1:0 are the privilege that may use `int n`, bit 2 masks events on entry. */
export const TRAP_INFO = struct('trap_info', {
  vector: { type: 'u8', format: 'decimal' },
  flags: 'u8',
  cs: { type: 'u16', format: 'hex' },
  address: 'pointer',
});
