import type { Domain } from '../../common/domain.ts';
import type { Refusal } from '../../common/refusal.ts';
import type { RingDescription } from '../../ring/describe-ring.ts';
import type { FrontendLink } from './frontend-link.ts';

/** Split devices by their name in xenstore. */
export type DeviceKind = 'vbd' | 'vif';

/** Names and values of one directory, in the order they are written. */
export type Entries = readonly (readonly [name: string, value: string])[];

/** Which device of a machine. */
export interface DeviceAddress {
  readonly domid: number;
  readonly kind: DeviceKind;
  /** The directory's name: "51712" of a vbd (its virtual-device), "0" of a vif (its handle). */
  readonly handle: number;
}

/**
 * Makes the driver of a device. Called when it is plugged in, and again at each restore, which makes domains anew; what
 * outlives that (an open file, a port of a switch) belongs to whoever calls `attach`, and ends with `dispose`.
 */
export type MakeDriver = (domain: Domain) => BackendDriver;

/**
 * The part of a back end that differs from device to device; `XenbusDevice` does the rest: directories, states, keys.
 * All calls come from the machine's own thread, between two guest instructions.
 */
export interface BackendDriver {
  readonly kind: DeviceKind;
  readonly handle: number;
  /** What xl writes into the front end's directory beside backend, backend-id and state. */
  readonly frontendEntries: Entries;
  /** What xl writes into the back end's directory beside frontend, frontend-id, online and state. */
  readonly backendEntries: Entries;
  /** Offers of the back end itself (feature-…), written before it goes to InitWait. */
  offers(): Entries;
  /**
   * The front end has written its keys: read them, map the rings, bind the event channel; `link` releases all of it
   * when the connection ends. Answers what is written before the back end goes to Connected, or why it cannot be.
   */
  connect(link: FrontendLink): Entries | Refusal;
  /** The connection has ended or could not be made: timers must go; rings and grants are taken away after this. */
  disconnect(): void;
  /** Rings of the connection, for views; none while there is no connection. */
  rings(): readonly RingDescription[];
  /** Everything that a snapshot needs, plain data. */
  save(): unknown;
  /**
   * For a driver that has just been made. `link` is that of the connection, its grants in use already, its ports to be
   * bound again; undefined where there is none.
   */
  restore(state: unknown, link: FrontendLink | undefined): void;
  /** The device goes, with its machine or by hot-unplug. Not called at a restore. */
  dispose(): void;
}

/** What a driver may ask of its device while there is a connection: `link.device`. */
export interface DeviceServices {
  /** The front end broke the protocol: the connection is given up, the reason shown (xenbus_dev_fatal). */
  fail(problem: Refusal): void;
  /** Something that whoever runs the machine should know: shown, unless the device says the same again and again. */
  report(text: string): void;
  /** Changes one node of the back end's directory while connected. */
  write(name: string, value: string): void;
  /** Writes the present state once more, so that the front end looks at the other nodes again. */
  announce(): void;
}
