import type { VirtualAddress } from '../../../base/numbers.ts';
import { CS, DS, ES, FS, GS, RBP, SS } from '../../../x86/cpu/processor.ts';
import { descriptorBase, descriptorLimit } from '../../../x86/cpu/segments.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { PAGE_OFFSET } from '../../public/xen-2.0/xen.ts';
import { withLimit } from './descriptor-tables.ts';
import { reloadSegments } from './domain.ts';
import { descriptorPlace, lookUpDescriptor2, RESERVED } from './lookup-descriptor.ts';

/**
 * The 4gb_segments assist (arch/x86/x86_32/seg_fixup.c): applications use segments that wrap around 4 GiB, for data at
 * negative offsets. Xen has cut them short, so such an access is #GP; Xen then turns the segment around, so that it
 * reaches from its base down instead of up, and back at the next access on the other side.
 */

const PRESENT_CODE_OR_DATA_32 = (1 << 15) | (1 << 12) | (1 << 22);
const DPL3 = 3 << 13;
const GRANULAR = 1 << 23;
const CODE = 1 << 11;
const EXPAND_DOWN = 1 << 10;

/** Instructions that Xen decodes: those with a ModRM byte, and MOV of AL or EAX to an absolute address. */
const WITH_MODRM: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x03],
  [0x08, 0x0b],
  [0x10, 0x13],
  [0x18, 0x1b],
  [0x20, 0x23],
  [0x28, 0x2b],
  [0x30, 0x33],
  [0x38, 0x3b],
  [0x69, 0x69],
  [0x6b, 0x6b],
  [0x80, 0x8e],
  [0xc0, 0xc1],
  [0xc6, 0xc7],
  [0xd0, 0xd3],
  [0xfe, 0xff],
];

const SEGMENT_PREFIXES: Readonly<Record<number, number>> = { 46: CS, 54: SS, 62: DS, 38: ES, 100: FS, 101: GS };
const OTHER_PREFIXES: ReadonlySet<number> = new Set([0x66, 0xf0, 0xf2, 0xf3]);

interface Access {
  readonly segment: number;
  readonly offset: number;
  /** From the start of the instruction to the end of its address bytes; what the guest is told. */
  readonly length: number;
}

/** The segment was turned around, and the instruction can run again; answers the number that the guest is told. */
export function fixUpSegment(xen: Hypervisor, vcpu: Vcpu): number | undefined {
  const { processor } = xen;
  if (processor.privilege !== 3) return undefined;
  const access = decodeAccess(xen);
  if (access === undefined || !turnAround(xen, vcpu, processor.selector(access.segment), access.offset))
    return undefined;
  reloadSegments(xen, vcpu);
  return access.length;
}

/** Segment and offset of the operand in memory of the instruction at EIP, if Xen can tell. */
function decodeAccess({ processor }: Hypervisor): Access | undefined {
  const start = (processor.rip + processor.segmentBaseLow(CS)) >>> 0;
  const bytes = processor.readVirtual(start as VirtualAddress, 16) ?? processor.peek(start as VirtualAddress, 16);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let segment: number | undefined;
  for (; at < 15 && at < bytes.length; at++) {
    const prefix = bytes[at] as number;
    const named = SEGMENT_PREFIXES[prefix];
    if (named !== undefined) segment = named;
    else if (!OTHER_PREFIXES.has(prefix)) break;
  }
  if (at + 6 > bytes.length) return undefined;
  const opcode = bytes[at++] as number;
  if (opcode >= 0xa0 && opcode <= 0xa3)
    return { segment: segment ?? DS, offset: data.getUint32(at, true), length: at + 4 };
  if (!WITH_MODRM.some(([from, to]) => opcode >= from && opcode <= to)) return undefined;
  const modrm = bytes[at++] as number;
  const mode = modrm >>> 6;
  const register = modrm & 7;
  // Neither registers nor SIB bytes.
  if (mode === 3 || register === 4) return undefined;
  if (mode === 0 && register === 5) return { segment: segment ?? DS, offset: data.getUint32(at, true), length: at + 4 };
  const displacement = mode === 0 ? 0 : mode === 1 ? data.getInt8(at) : data.getInt32(at, true);
  const length = at + (mode === 0 ? 0 : mode === 1 ? 1 : 4);
  const offset = (processor.low(register) + displacement) >>> 0;
  return { segment: segment ?? (register === RBP ? SS : DS), offset, length };
}

function turnAround(xen: Hypervisor, vcpu: Vcpu, selector: number, offset: number): boolean {
  const place = descriptorPlace(xen, vcpu, selector);
  const words = new Uint32Array(2);
  if (place === undefined || place === RESERVED || !lookUpDescriptor2(xen, vcpu, selector, words)) return false;
  const turned = turnedDescriptor(words[0] as number, words[1] as number, offset);
  if (turned === undefined) return false;
  xen.ram.write64(place, turned.low, turned.high);
  return true;
}

/**
 * fixup_seg: only a page-granular data segment of applications that reaches to one end of what is theirs. Unlike Xen, it
 * leaves a flat one alone, which would allow nothing any more once turned around: a guest's kernel often works with its
 * applications' flat segment, and one stray access of an application at Xen's addresses would be the end of the domain.
 */
export function turnedDescriptor(
  low: number,
  high: number,
  offset: number,
): { readonly low: number; readonly high: number } | undefined {
  const wanted = PRESENT_CODE_OR_DATA_32 | GRANULAR | DPL3;
  if ((high & (wanted | CODE)) !== wanted) return undefined;
  const base = descriptorBase(low, high) >>> 0;
  // As C's unsigned long.
  const limit = (descriptorLimit(low, high) + 1) % 2 ** 32;
  let turned: { low: number; high: number };
  if ((high & EXPAND_DOWN) !== 0) {
    if ((base + limit) % 2 ** 32 >= 4096 || offset > limit) return undefined;
    turned = withLimit(low, high, PAGE_OFFSET - base);
  } else {
    if (base < 4096 || (PAGE_OFFSET - (base + limit)) >>> 0 >= 4096 || offset <= limit) return undefined;
    turned = withLimit(low, high, 2 ** 32 - (base - (base % 4096)));
  }
  return { low: turned.low, high: turned.high ^ EXPAND_DOWN };
}
