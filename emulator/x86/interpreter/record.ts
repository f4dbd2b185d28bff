/**
 * A decoded instruction: 32 bytes that the interpreter executes and the translator will read. Operand fields hold byte
 * offsets into the processor state, so that a register is one load away and "no register" needs no test.
 */
export const RECORD_SIZE = 32;

/** u16: which handler. */
export const RECORD_HANDLER = 0;
/** u8: instructions from this one to the end of its block, itself included; 0 for the helpers in between. */
export const RECORD_REMAINING = 2;
/** u8: length of the instruction in bytes. */
export const RECORD_LENGTH = 3;
/** u16: first and second register operand. */
export const RECORD_FIRST = 4;
export const RECORD_SECOND = 6;
/** u16 base, index, segment base; u8 scale. */
export const RECORD_BASE = 8;
export const RECORD_INDEX = 10;
export const RECORD_SEGMENT = 12;
export const RECORD_SHIFT = 14;
/** u8: free for rows (condition, rounding, segment number). */
export const RECORD_EXTRA = 15;
/** i32 displacement; for a direct jump out of the page, the target relative to the page. */
export const RECORD_DISPLACEMENT = 16;
/** i32 immediate; with the displacement field before it, i64 of `mov r64, imm64`. */
export const RECORD_IMMEDIATE = 20;
/** Links of branches inside a page: addresses of records, 0 until resolved. */
export const RECORD_LINK_TAKEN = 20;
export const RECORD_LINK_NEXT = 28;
/** u16: offset in the page of this instruction and of the next one (may pass 4096). */
export const RECORD_OFFSET = 24;
export const RECORD_NEXT_OFFSET = 26;
/** i32: table index of a row that has its own function, or number of a system row. */
export const RECORD_ROUTINE = 28;

/** Handlers that are no instructions. */
export const HANDLER_STALE = 0;
/** End of a block without a branch: on to the next instruction. */
export const HANDLER_CONTINUE = 1;
/** End of a single-stepped instruction. */
export const HANDLER_STOP = 2;
/** An instruction breakpoint stands here. */
export const HANDLER_BREAK = 3;
/** The next instruction runs into the following page, which must still be the one that was decoded. */
export const HANDLER_CROSS = 4;
/** Computes STATE_ADDRESS with a 32-bit (or, shift field 0x80, 16-bit) wrap for the record that follows. */
export const HANDLER_ADDRESS32 = 5;
export const HANDLER_ADDRESS16 = 6;
/** A row with a function of its own. */
export const HANDLER_ROUTINE = 7;
/** A row that TypeScript carries out. */
export const HANDLER_SYSTEM = 8;
/** Raises the exception in the immediate (decoding failed: #UD, or #GP for length). */
export const HANDLER_RAISE = 9;
/** Puts the 64-bit absolute address in the displacement and immediate fields into STATE_ADDRESS. */
export const HANDLER_ADDRESS_ABSOLUTE = 10;
/** #GP(0) when the segment register whose number is in the extra field holds a null selector. */
export const HANDLER_NOT_NULL = 11;
export const FIRST_ROW_HANDLER = 16;

/** Results of the interpreter function. */
export const RUN_RESOLVE = 0;
export const RUN_LINK_TAKEN = 1;
export const RUN_LINK_NEXT = 2;
export const RUN_BUDGET = 3;
export const RUN_EXCEPTION = 4;
export const RUN_EXIT = 5;
export const RUN_STOP = 6;
export const RUN_BREAK = 7;
/** The block at STATE_RECORD has become hot; it has not run. */
export const RUN_HOT = 8;

/** Answers of routines and system rows. */
export const ROUTINE_NEXT = 0;
/** An exception is recorded; nothing has changed. */
export const ROUTINE_FAULT = 1;
/** rip has been set: look it up. */
export const ROUTINE_JUMP = 2;
/** Leave `run`; rip and the exit reason are set. */
export const ROUTINE_EXIT = 3;
/** The budget ran out in the middle of a REP; rip is this instruction. */
export const ROUTINE_AGAIN = 4;

/**
 * How a translated region ends: in the low bits of what it returns, with the address of a record above. 1 to 4 are
 * ROUTINE_FAULT to ROUTINE_AGAIN, for the instruction of that record.
 */
export const REGION_MASK = 31;
/** On with the block that starts at the record. */
export const REGION_ENTER = 0;
export const REGION_FAULT = ROUTINE_FAULT;
/** To the target in STATE_RIP. */
export const REGION_JUMP = ROUTINE_JUMP;
/** On with the record, in the middle of a block that has been charged. */
export const REGION_CONTINUE = 5;
/** The record is a branch: along its link to the next instruction, or to its target. */
export const REGION_NEXT = 6;
export const REGION_TAKEN = 7;
/** Places in the interpreter's table for regions, after its routines. */
export const REGION_SLOTS = 4096;
/** Entries of one region at most: what HEAT can name. */
export const REGION_ENTRIES = 64;
