/**
 * Where everything lives in the engine's linear memory. Below RAM_BASE: processor state, TLB, code cache; from RAM_BASE
 * on: the machine's frames. Generated code has these numbers built in.
 */

/** General registers, 8 bytes each; byte registers AH…BH are the address of their parent plus one. */
export const STATE_REGISTERS = 0x000;
/** Reads as zero: stands for "no base", "no index" and the base of a flat segment. */
export const STATE_ZERO = 0x080;
/** Virtual address of the page that the running code is fetched from; rip-relative operands add to it. */
export const STATE_PAGE_BASE = 0x088;
/** Effective address computed by a preceding address record (address-size prefixes, 16-bit forms). */
export const STATE_ADDRESS = 0x090;
/** Instruction pointer, exact at every exit. */
export const STATE_RIP = 0x098;
/**
 * Arithmetic flags, lazily: the last result, sign-extended from its operand size, and an auxiliary word:
 * bit 31 carry, bit 30 carry xor overflow, bit 3 adjust, bit 0 inverts the sign, bits 15:8 are xored into the byte whose
 * parity counts.
 */
export const STATE_CC_RESULT = 0x0a0;
export const STATE_CC_AUXILIARY = 0x0a8;
/** The other EFLAGS bits (TF, IF, DF, IOPL, NT, RF, VM, AC, ID) in place. */
export const STATE_EFLAGS = 0x0ac;
/** Instructions that may still run; a block is charged when it is entered. */
export const STATE_BUDGET = 0x0b0;
/** Address of the record being executed, while generated code calls out. */
export const STATE_RECORD = 0x0b4;
/** Byte offset of the TLB of the view in force. */
export const STATE_TLB = 0x0b8;
/** 1 when CR0.TS (or EM) makes FPU instructions raise #NM. */
export const STATE_FPU_OFF = 0x0bc;
/** Segment bases, 8 bytes each, in Sreg order. */
export const STATE_SEGMENT_BASES = 0x0c0;
/** Exception on its way: vector, error code (-1: none), CR2. */
export const STATE_VECTOR = 0x0f0;
export const STATE_ERROR_CODE = 0x0f4;
export const STATE_CR2 = 0x0f8;
/** XMM0–XMM15. */
export const STATE_XMM = 0x100;
/** x87: eight registers of 16 bytes (80-bit values, physical numbering), then control, status, tag words. */
export const STATE_X87 = 0x200;
export const STATE_X87_CONTROL = 0x280;
export const STATE_X87_STATUS = 0x284;
/** One byte per physical register: 0 empty, 1 not. */
export const STATE_X87_TAGS = 0x288;
export const STATE_MXCSR = 0x290;
/** FPU opcode, instruction and data pointers (FXSAVE image fields). */
export const STATE_X87_OPCODE = 0x294;
export const STATE_X87_IP = 0x298;
export const STATE_X87_DP = 0x2a0;
/** Work area of the FPU helpers. */
export const STATE_FPU_SCRATCH = 0x300;
/** Data of an access that cannot go straight to RAM: page-crossing, withheld, or intercepted. */
export const STATE_SCRATCH = 0x400;
/** Visible selectors, 4 bytes each, in Sreg order. */
export const STATE_SELECTORS = 0x440;

/** Bytes of an instruction that runs over the end of its page, put together for the decoder. */
export const STATE_DECODE = 0x480;

/** 1 when translated regions may run: no access is checked, and outside 64-bit mode all segments are flat. */
export const STATE_REGIONS = 0x4c0;
/** Set when a region was dropped: the one that is running may be stale. */
export const STATE_REGION_STALE = 0x4c4;
/** REGION_* of record.ts that an access answered with 0 ends the region with. */
export const STATE_REGION_OUTCOME = 0x4c8;

/** The view that instructions are fetched through, also while every data access takes the slow path. */
export const STATE_FETCH_TLB = 0x4cc;

/** Soft TLB: two views, direct mapped. */
export const TLB_ENTRIES = 4096;
export const TLB_ENTRY_SHIFT = 5;
export const TLB_VIEW_SIZE = TLB_ENTRIES << TLB_ENTRY_SHIFT;
export const TLB_BASE = 0x10000;
/** A view that is never filled: in force while every access must take the slow path. */
export const TLB_EMPTY = TLB_BASE + 2 * TLB_VIEW_SIZE;
/** Entry: three 64-bit tags (page address when that access may go straight to RAM), addend, permissions. */
export const TLB_READ = 0;
export const TLB_WRITE = 8;
export const TLB_FETCH = 16;
/** RAM byte = addend + low 32 bits of the virtual address. */
export const TLB_ADDEND = 24;
/** PERMIT_* bits, whatever tags are withheld; the tag of the page itself is in the read tag, with bit 0 as "empty". */
export const TLB_PERMISSIONS = 28;
export const PERMIT_WRITE = 1;
export const PERMIT_FETCH = 2;

/** Jump cache: RAM offset of code → record; 8 bytes an entry. */
export const JUMP_CACHE = TLB_BASE + 3 * TLB_VIEW_SIZE;
export const JUMP_CACHE_ENTRIES = 65536;

/** Decoded records. */
export const RECORDS = JUMP_CACHE + JUMP_CACHE_ENTRIES * 8;
export const RECORDS_SIZE = 32 << 20;

/**
 * One i32 for each record that may start a block, at a fixed distance: runs until the block counts as hot, or, negative,
 * the complement of table index × 64 + entry of the translated region that begins there.
 */
export const HEAT_SHIFT = 3;
export const HEAT = RECORDS + RECORDS_SIZE;
/** Added to a record's address >> HEAT_SHIFT. */
export const HEAT_OFFSET = HEAT - (RECORDS >> HEAT_SHIFT);
export const HEAT_NEVER = 0x7fffffff;

export const RAM_BASE = (HEAT + (RECORDS_SIZE >> HEAT_SHIFT) + 0xffff) & ~0xffff;
