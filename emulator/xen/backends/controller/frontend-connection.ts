import { assert } from '../../../base/assert.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Mfn, Port } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import { closePort, DOMID_HOST } from '../../common/event-channel.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal } from '../../common/refusal.ts';

/** Plain data. */
export interface FrontendConnectionState {
  readonly port: number;
  readonly frames: readonly number[];
}

/** What connects a front end of Xen 2.0 to its back end: frames of rings, held, and an event channel made for them. */
export class FrontendConnection {
  private constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    readonly frames: readonly Mfn[],
    readonly port: Port,
    private readonly binding: Disposable,
  ) {}

  /** Refused where a frame is not the guest's to be written, or its ports are used up. */
  static open(
    hypervisor: Hypervisor,
    domain: Domain,
    frames: readonly number[],
    onEvent: () => void,
  ): FrontendConnection | Refusal {
    const held: Mfn[] = [];
    const letGo = (): void => {
      for (const mfn of held) hypervisor.letGoForHost(domain, mfn);
    };
    for (const frame of frames) {
      const problem = hypervisor.holdForHost(domain, frame as Mfn);
      if (problem !== undefined) {
        letGo();
        return problem;
      }
      held.push(frame as Mfn);
    }
    const port = hypervisor.allocateUnbound(domain, DOMID_HOST);
    if (isRefusal(port)) {
      letGo();
      return port;
    }
    return FrontendConnection.bind(hypervisor, domain, held, port, onEvent);
  }

  /** As it was; the hypervisor's own state has the frames held, and the port. */
  static reopen(
    hypervisor: Hypervisor,
    domain: Domain,
    state: FrontendConnectionState,
    onEvent: () => void,
  ): FrontendConnection {
    return FrontendConnection.bind(hypervisor, domain, state.frames as readonly Mfn[], state.port as Port, onEvent);
  }

  private static bind(
    hypervisor: Hypervisor,
    domain: Domain,
    frames: readonly Mfn[],
    port: Port,
    onEvent: () => void,
  ): FrontendConnection {
    const binding = hypervisor.bindHostPort(domain, port, onEvent);
    assert(!isRefusal(binding), 'a port that was allocated for the host is unbound');
    return new FrontendConnection(hypervisor, domain, frames, port, binding);
  }

  notify(): void {
    if (this.domain.alive) this.hypervisor.notifyGuest(this.domain, this.port);
  }

  /** Closes both ends of the channel, as xend does, and lets go of the frames. */
  release(): void {
    this.binding.dispose();
    closePort(this.hypervisor, this.domain, this.port);
    for (const mfn of this.frames) this.hypervisor.letGoForHost(this.domain, mfn);
  }

  save(): FrontendConnectionState {
    return { port: this.port, frames: [...this.frames] };
  }
}
