/** Frames written out by hand, so that tests compare with bytes and not with the code they test. */

/** "00 01 0a" and the like; white space is free. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export const MAC_A = '00 16 3e 00 00 0a';
export const MAC_B = '00 16 3e 00 00 0b';
export const MAC_C = '00 16 3e 00 00 0c';

/** A frame of an experimental type (IEEE 802, 88B5) with one byte of payload. */
export function plainFrame(destination: string, source: string, payload = '2a'): Uint8Array {
  return hex(`${destination} ${source} 88b5 ${payload}`);
}

/**
 * UDP over IPv4: 10.0.0.1:1000 → 10.0.0.2:2000, payload "hi!". Header sum by hand: 4500+001f+0001+0000+4011+0a00+0001+
 * 0a00+0002 = 9934, complement 66cb. UDP: pseudo header 0a00+0001+0a00+0002+0011+000b = 141f; segment 03e8+07d0+000b+
 * 6869+2100 = 952c; together a94b, complement 56b4.
 */
export const UDP_PSEUDO = 0x141f;
export const UDP_CHECKSUM = 0x56b4;
export function udpFrame(checksum = UDP_CHECKSUM): Uint8Array {
  const field = checksum.toString(16).padStart(4, '0');
  return hex(`${MAC_B} ${MAC_A} 0800
    4500 001f 0001 0000 4011 66cb 0a000001 0a000002
    03e8 07d0 000b ${field} 686921`);
}

/** The same with padding to Ethernet's minimum of 60 bytes, which no checksum covers. */
export function paddedUdpFrame(checksum: number): Uint8Array {
  const frame = udpFrame(checksum);
  return join(frame, new Uint8Array(60 - frame.length).fill(0x55));
}

/**
 * TCP over IPv4, 10.0.0.1:4000 → 10.0.0.2:80, sequence 0xfffffff0, flags CWR ACK PSH FIN, `payload` bytes counting up.
 * Checksum fields are as given: the header's is not right for a packet that is still to be segmented, nor need it be.
 */
export function tcpFrame(payload: number, checksum = 0): Uint8Array {
  const total = (40 + payload).toString(16).padStart(4, '0');
  const field = checksum.toString(16).padStart(4, '0');
  const head = hex(`${MAC_B} ${MAC_A} 0800
    4500 ${total} ffff 4000 4006 0000 0a000001 0a000002
    0fa0 0050 fffffff0 11223344 5099 7210 ${field} 0000`);
  return join(
    head,
    Uint8Array.from({ length: payload }, (_, index) => index & 0xff),
  );
}

/** TCP over IPv6, fd00::1 → fd00::2, with a hop-by-hop header of 8 bytes before TCP. */
export function tcp6Frame(payload: number): Uint8Array {
  const length = (8 + 20 + payload).toString(16).padStart(4, '0');
  const head = hex(`${MAC_B} ${MAC_A} 86dd
    60000000 ${length} 00 40
    fd000000000000000000000000000001 fd000000000000000000000000000002
    06 00 01 04 00000000
    0fa0 0050 00000001 11223344 5018 7210 0000 0000`);
  return join(
    head,
    Uint8Array.from({ length: payload }, (_, index) => index & 0xff),
  );
}
