/** What stepping has to know about the instruction at rip. */
export type InstructionKind =
  /** Runs something else and comes back behind it: call, syscall, int, a REP string instruction. */
  | { readonly kind: 'excursion'; readonly length: number }
  /** Leaves the frame: ret, iret. */
  | { readonly kind: 'return' }
  | { readonly kind: 'other' };

const OTHER: InstructionKind = { kind: 'other' };

/** Legacy prefixes (SDM vol. 2, 2.1.1); REP and REPNE are looked at separately. */
const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** Looks at up to 15 bytes. Only what matters for stepping is decoded. */
export function instructionKind(bytes: Uint8Array, bits: 64 | 32): InstructionKind {
  let at = 0;
  let repeated = false;
  let narrow = false;
  // A REX prefix that another prefix follows is ignored (SDM vol. 2, 2.2.1).
  while (PREFIXES.has(bytes[at] as number) || (bits === 64 && ((bytes[at] as number) & 0xf0) === 0x40)) {
    if (bytes[at] === 0xf2 || bytes[at] === 0xf3) repeated = true;
    if (bytes[at] === 0x66) narrow = true;
    at++;
  }
  const opcode = bytes[at];
  if (opcode === undefined) return OTHER;
  switch (opcode) {
    case 0xe8: // CALL rel16/32; 64-bit mode has no rel16
      return { kind: 'excursion', length: at + 1 + (narrow && bits === 32 ? 2 : 4) };
    case 0x9a: // CALL ptr16:32
      return bits === 32 ? { kind: 'excursion', length: at + (narrow ? 5 : 7) } : OTHER;
    case 0xff: {
      const operation = ((bytes[at + 1] as number) >> 3) & 7;
      if (operation !== 2 && operation !== 3) return OTHER; // CALL r/m, CALL m16:32
      return { kind: 'excursion', length: at + 1 + modRmLength(bytes.subarray(at + 1)) };
    }
    case 0xcc: // INT3
      return { kind: 'excursion', length: at + 1 };
    case 0xcd: // INT n
      return { kind: 'excursion', length: at + 2 };
    case 0x0f:
      // SYSCALL, SYSENTER
      return bytes[at + 1] === 0x05 || bytes[at + 1] === 0x34 ? { kind: 'excursion', length: at + 2 } : OTHER;
    case 0xc2: // RET imm16
    case 0xc3: // RET
    case 0xca: // RETF imm16
    case 0xcb: // RETF
    case 0xcf: // IRET
      return { kind: 'return' };
    default:
      return repeated && isString(opcode) ? { kind: 'excursion', length: at + 1 } : OTHER;
  }
}

/** INS, OUTS (6C–6F), MOVS, CMPS (A4–A7), STOS, LODS, SCAS (AA–AF). */
const isString = (opcode: number): boolean =>
  (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);

/** Bytes of ModRM, SIB and displacement with 32- or 64-bit addressing (SDM vol. 2, 2.1.3). */
function modRmLength(bytes: Uint8Array): number {
  const modRm = bytes[0] as number;
  const mode = modRm >> 6;
  const rm = modRm & 7;
  if (mode === 3) return 1;
  const sib = rm === 4 ? 1 : 0;
  if (mode === 1) return 2 + sib;
  if (mode === 2) return 5 + sib;
  const absolute = rm === 5 || (sib === 1 && ((bytes[1] as number) & 7) === 5);
  return 1 + sib + (absolute ? 4 : 0);
}
