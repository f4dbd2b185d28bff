import type { MacAddress } from './mac-address.ts';

/** Where in a guest's ring a frame was or is. */
export interface RingPlace {
  readonly slot: number;
  /** Of the buffer; undefined where the interface knows no grants. */
  readonly grant?: number;
}

/** A port, as captures name it. */
export interface CapturedPort {
  /** "xenbr0". */
  readonly network: string;
  /** "vif1.0". */
  readonly name: string;
  /** "domain 1 (alpha)". */
  readonly owner: string;
  readonly mac: MacAddress;
}

/** One frame at one port. */
export interface CapturedFrame {
  readonly port: CapturedPort;
  /** In: the port's owner sent it into the switch. Out: it was handed to the owner. Dropped: it would have been. */
  readonly direction: 'in' | 'out' | 'dropped';
  /** Nanoseconds of virtual time. */
  readonly time: number;
  readonly instructions: number;
  /** With the checksum filled in; segments that the guest left to the network are still one frame. */
  readonly bytes: Uint8Array;
  readonly place: RingPlace | undefined;
  /** Why it was dropped. */
  readonly reason: string | undefined;
}
