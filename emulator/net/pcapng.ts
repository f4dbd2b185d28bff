/**
 * Writes captures as pcapng (draft-ietf-opsawg-pcapng): one section, one interface for each port, times in nanoseconds
 * of virtual time from the machine's epoch. Every frame carries a comment that says where it was in whose ring.
 */
import type { CapturedFrame, CapturedPort } from './capture.ts';
import { macBytes } from './mac-address.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;

const OPT_COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_MACADDR = 6;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
const EPB_FLAGS = 2;
const NANOSECONDS = 9;
/** Bits 0–1 of epb_flags; bits 2–4 are the kind of address, left unspecified. */
const INBOUND = 1;
const OUTBOUND = 2;
const TWO32 = 4294967296;

type Option = readonly [code: number, value: Uint8Array];

/** Turns frames into the bytes of a file, piece by piece. */
export class PcapngWriter {
  /** Index of an interface, by network and port. */
  private readonly interfaces = new Map<string, number>();

  constructor(
    private readonly write: (bytes: Uint8Array) => void,
    /** Seconds since 1970 at virtual time 0. */
    private readonly epochSeconds: number,
  ) {
    write(sectionHeader());
  }

  frame(frame: CapturedFrame): void {
    const id = this.interfaceOf(frame.port);
    const { bytes, time, direction } = frame;
    const head = new DataView(new ArrayBuffer(20));
    head.setUint32(0, id, true);
    head.setUint32(4, Math.floor(time / TWO32), true);
    head.setUint32(8, time % TWO32, true);
    head.setUint32(12, bytes.length, true);
    head.setUint32(16, bytes.length, true);
    const body = concatenate([new Uint8Array(head.buffer), padded(bytes)]);
    this.write(
      block(ENHANCED_PACKET, body, [
        [OPT_COMMENT, text(frameComment(frame))],
        [EPB_FLAGS, u32(direction === 'in' ? INBOUND : OUTBOUND)],
      ]),
    );
  }

  private interfaceOf(port: CapturedPort): number {
    const key = `${port.network}/${port.name}`;
    const known = this.interfaces.get(key);
    if (known !== undefined) return known;
    const id = this.interfaces.size;
    this.interfaces.set(key, id);
    const head = new Uint8Array(8);
    head[0] = LINKTYPE_ETHERNET;
    const offset = new DataView(new ArrayBuffer(8));
    offset.setUint32(0, this.epochSeconds % TWO32, true);
    offset.setUint32(4, Math.floor(this.epochSeconds / TWO32), true);
    this.write(
      block(INTERFACE_DESCRIPTION, head, [
        [IF_NAME, text(port.name)],
        [IF_DESCRIPTION, text(`${port.owner} on ${port.network}`)],
        [IF_MACADDR, macBytes(port.mac)],
        [IF_TSRESOL, Uint8Array.of(NANOSECONDS)],
        [IF_TSOFFSET, new Uint8Array(offset.buffer)],
      ]),
    );
    return id;
  }
}

/** "domain 1 (alpha) vif1.0 tx slot 12 grant 769 at instruction 123456". Rings are named from the guest's side. */
export function frameComment({ port, direction, place, instructions, reason }: CapturedFrame): string {
  const ring = direction === 'in' ? 'tx' : 'rx';
  const grant = place?.grant === undefined ? '' : ` grant ${place.grant}`;
  const where = place === undefined ? '' : ` slot ${place.slot}${grant}`;
  const what = direction === 'dropped' ? `dropped: ${reason}` : `${ring}${where}`;
  return `${port.owner} ${port.name} ${what} at instruction ${instructions}`;
}

function sectionHeader(): Uint8Array {
  const head = new DataView(new ArrayBuffer(16));
  head.setUint32(0, BYTE_ORDER_MAGIC, true);
  head.setUint16(4, 1, true);
  // Length of the section: not told.
  head.setInt32(8, -1, true);
  head.setInt32(12, -1, true);
  return block(SECTION_HEADER, new Uint8Array(head.buffer), [[SHB_USERAPPL, text('Xenoscope')]]);
}

function block(type: number, body: Uint8Array, options: readonly Option[]): Uint8Array {
  const parts = options.map(([code, value]) => {
    const option = new Uint8Array(4 + roundUp(value.length));
    const view = new DataView(option.buffer);
    view.setUint16(0, code, true);
    view.setUint16(2, value.length, true);
    option.set(value, 4);
    return option;
  });
  const end = new Uint8Array(4);
  const length = body.length + parts.reduce((sum, part) => sum + part.length, 0) + end.length + 12;
  return concatenate([u32(type), u32(length), body, ...parts, end, u32(length)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(roundUp(bytes.length));
  whole.set(bytes);
  return whole;
}

function roundUp(length: number): number {
  return (length + 3) & ~3;
}

function u32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}

/** An option's length is 16 bits. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(value).subarray(0, 0xffff);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
