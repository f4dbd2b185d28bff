/** TCP segmentation that was left to whoever sends the packet out (TSO). */
export interface Segmentation {
  readonly kind: 'tcpv4' | 'tcpv6';
  /** Payload bytes of each segment: the MSS. */
  readonly size: number;
}

/** A frame on its way: plain data, never changed once sent. */
export interface Packet {
  /** From the destination address on, without frame check sequence. */
  readonly bytes: Uint8Array;
  /**
   * Partial: TCP's or UDP's checksum field holds the sum of the pseudo header only, to be completed by whoever puts the
   * frame on a wire.
   */
  readonly checksum: 'complete' | 'partial';
  readonly segmentation: Segmentation | undefined;
}

/** What the owner of a switch port can take; everything else is done for it before. */
export interface PortCapabilities {
  /** Partial checksums of TCP and UDP over IPv4, over IPv6. */
  readonly partialChecksum4: boolean;
  readonly partialChecksum6: boolean;
  /** Unsegmented TCP over IPv4, over IPv6. */
  readonly segmentation4: boolean;
  readonly segmentation6: boolean;
}

/** Takes whole, checksummed frames only. */
export const PLAIN_PORT: PortCapabilities = {
  partialChecksum4: false,
  partialChecksum6: false,
  segmentation4: false,
  segmentation6: false,
};

export function plainPacket(bytes: Uint8Array): Packet {
  return { bytes, checksum: 'complete', segmentation: undefined };
}
