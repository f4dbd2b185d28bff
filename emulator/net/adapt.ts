import { completeChecksum } from './checksum.ts';
import { parseHeaders } from './headers.ts';
import type { Packet, PortCapabilities } from './packet.ts';
import { segment } from './segmentation.ts';

/** A packet as frames that a port can take. Undefined when it claims to be what it is not. */
export function adaptPacket(packet: Packet, port: PortCapabilities): readonly Packet[] | undefined {
  const { segmentation } = packet;
  const whole = segmentation === undefined || (segmentation.kind === 'tcpv4' ? port.segmentation4 : port.segmentation6);
  const frames = whole ? [packet] : segment(packet);
  return frames?.map((frame) => (takesChecksum(frame, port) ? frame : completeChecksum(frame)));
}

function takesChecksum(packet: Packet, port: PortCapabilities): boolean {
  if (packet.checksum === 'complete') return true;
  if (port.partialChecksum4 && port.partialChecksum6) return true;
  if (!port.partialChecksum4 && !port.partialChecksum6) return false;
  const version = parseHeaders(packet.bytes)?.version;
  return version === 6 ? port.partialChecksum6 : port.partialChecksum4;
}
