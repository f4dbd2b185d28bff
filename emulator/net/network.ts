/** All switches of a machine, by name, and the hook through which captures see every frame. */
import { Emitter } from '../base/event.ts';
import type { CapturedFrame, RingPlace } from './capture.ts';
import { completeChecksum } from './checksum.ts';
import type { Packet } from './packet.ts';
import { LearningSwitch, type SwitchPort, type SwitchState } from './switch.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NetworkState {
  readonly switches: readonly (readonly [name: string, state: SwitchState])[];
}

const EMPTY: SwitchState = { nextPort: 1, ports: [], table: [], flights: [] };

export class Network {
  readonly switches = new Map<string, LearningSwitch>();
  private readonly frames = new Emitter<CapturedFrame>();
  private listeners = 0;

  constructor(private readonly time: VirtualTime) {}

  /** The switch of that name; made when first asked for, as if the administrator had set up that bridge. */
  switch(name: string): LearningSwitch {
    const existing = this.switches.get(name);
    if (existing !== undefined) return existing;
    const made = new LearningSwitch(name, this.time, (port, direction, packet, place, reason) =>
      this.observe(port, direction, packet, place, reason),
    );
    this.switches.set(name, made);
    return made;
  }

  /** Calls for every frame at every port, in order; costs nothing while nobody listens. */
  readonly onFrame = (listener: (frame: CapturedFrame) => void): { dispose(): void } => {
    this.listeners++;
    const subscription = this.frames.event(listener);
    return {
      dispose: () => {
        this.listeners--;
        subscription.dispose();
      },
    };
  };

  private observe(
    port: SwitchPort,
    direction: CapturedFrame['direction'],
    packet: Packet,
    place: RingPlace | undefined,
    reason: string | undefined,
  ): void {
    if (this.listeners === 0) return;
    const { name, owner, mac } = port.description;
    this.frames.fire({
      port: { network: port.networkName, name, owner, mac },
      direction,
      time: this.time.now(),
      instructions: this.time.instructions(),
      bytes: completeChecksum(packet).bytes,
      place,
      reason,
    });
  }

  save(): NetworkState {
    return { switches: Array.from(this.switches, ([name, one]) => [name, one.save()] as const) };
  }

  /** All ports are unplugged; their owners plug them in again. */
  restore(state: NetworkState): void {
    const saved = new Map(state.switches);
    for (const name of this.switches.keys()) if (!saved.has(name)) this.switch(name).restore(EMPTY);
    for (const [name, one] of saved) this.switch(name).restore(one);
  }

  dispose(): void {
    this.frames.dispose();
  }
}
