/**
 * XZ's branch filter for x86: the packer replaced the relative target of each `call` and `jmp` (E8, E9) by an absolute
 * one; this puts it back, in place. Whether a byte counts as an opcode depends on the opcodes seen within the three
 * bytes before it, which is what `recent` keeps (bit 0: the previous byte).
 */

/** By the pattern of recent opcodes: may this one be converted at all? */
const CONVERTIBLE = [true, true, true, false, true, false, false, false];
/** By the same pattern: how many bytes lie between the last recent opcode and the operand's top byte. */
const DISTANCE = [0, 1, 2, 2, 3, 3, 3, 3];

const isSignByte = (byte: number): boolean => byte === 0x00 || byte === 0xff;

export function undoBcjX86(bytes: Uint8Array): void {
  const end = bytes.length - 4;
  let lastOpcode = -1;
  let recent = 0;
  for (let at = 0; at < end; at++) {
    if ((bytes[at]! & 0xfe) !== 0xe8) continue;
    const gap = at - lastOpcode;
    lastOpcode = at;
    recent = gap > 3 ? 0 : (recent << (gap - 1)) & 7;
    const top = bytes[at + 4]!;
    const blocked = recent !== 0 && (!CONVERTIBLE[recent] || isSignByte(bytes[at + 4 - DISTANCE[recent]!]!));
    if (blocked || !isSignByte(top)) {
      recent = (recent << 1) | 1;
      continue;
    }
    const target = bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (top << 24);
    const relative = toRelative(target, at + 5, recent);
    bytes[at + 1] = relative;
    bytes[at + 2] = relative >> 8;
    bytes[at + 3] = relative >> 16;
    bytes[at + 4] = (relative << 7) >> 31;
    at += 4;
  }
}

function toRelative(target: number, next: number, recent: number): number {
  let absolute = target;
  for (;;) {
    const relative = (absolute - next) | 0;
    if (recent === 0) return relative;
    const shift = DISTANCE[recent]! * 8;
    if (!isSignByte((relative >>> (24 - shift)) & 0xff)) return relative;
    absolute = relative ^ (2 ** (32 - shift) - 1);
  }
}
