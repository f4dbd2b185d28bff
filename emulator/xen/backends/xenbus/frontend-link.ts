import type { Disposable } from '../../../base/disposable.ts';
import type { GrantRef, Mfn, Port } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal, refuse } from '../../common/refusal.ts';
import type { XenStore } from '../xenstore/store.ts';
import type { DeviceServices } from './driver.ts';

/** All there is to know of a connection's resources. Plain data. */
export interface FrontendLinkState {
  readonly grants: readonly number[];
  readonly ports: readonly number[];
}

/** One connection to a front end: its keys, the pages it granted for rings, its event channels. Ends with `release`. */
export class FrontendLink {
  private readonly grants: GrantRef[] = [];
  private readonly ports: { readonly port: Port; readonly binding: Disposable }[] = [];

  constructor(
    readonly hypervisor: Hypervisor,
    readonly domain: Domain,
    private readonly store: XenStore,
    /** The front end's directory. */
    private readonly path: string,
    /** The device at this end. */
    readonly device: DeviceServices,
  ) {}

  /** Value of a key that the front end wrote. */
  read(key: string): string | undefined {
    return this.store.read(`${this.path}/${key}`);
  }

  /** A key that must be there and be a decimal number of 32 bits. */
  number(key: string): number | Refusal {
    const text = this.read(key);
    if (text === undefined) return refuse('ENOENT', `the front end wrote no ${key}`);
    if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffffffff) {
      return refuse('EINVAL', `the front end wrote ${key} = "${printable(text)}", which is no number`);
    }
    return Number(text);
  }

  /** A feature-… key: "1" says yes; absent, no. */
  flag(key: string): boolean {
    return Number.parseInt(this.read(key) ?? '', 10) > 0;
  }

  /** Maps pages of a ring, to be written. `refs` as the front end named them, in order. */
  mapPages(refs: readonly number[]): readonly Mfn[] | Refusal {
    const mfns: Mfn[] = [];
    for (const ref of refs) {
      const mfn = this.hypervisor.hostGrantFrame(this.domain, ref as GrantRef, true);
      if (isRefusal(mfn)) return refuse('EACCES', `mapping ring-ref ${ref}: ${mfn.reason}`);
      this.grants.push(ref as GrantRef);
      mfns.push(mfn);
    }
    return mfns;
  }

  /** Binds a port that the front end allocated for the host. `onEvent` runs within the guest's EVTCHNOP_send. */
  bindPort(port: number, onEvent: () => void): Port | Refusal {
    const binding = this.hypervisor.bindHostPort(this.domain, port as Port, onEvent);
    if (isRefusal(binding)) return binding;
    this.ports.push({ port: port as Port, binding });
    return port as Port;
  }

  notify(port: Port): void {
    if (this.domain.present) this.hypervisor.notifyGuest(this.domain, port);
  }

  /** Ends the use of everything. */
  release(): void {
    for (const { binding } of this.ports.splice(0)) binding.dispose();
    for (const ref of this.grants.splice(0)) this.hypervisor.hostGrantRelease(this.domain, ref, true);
  }

  save(): FrontendLinkState {
    return { grants: [...this.grants], ports: this.ports.map(({ port }) => port) };
  }

  /** The hypervisor's own state has the grants in use already; the driver binds its ports again. */
  restore(state: FrontendLinkState): void {
    this.grants.splice(0, this.grants.length, ...(state.grants as GrantRef[]));
  }
}

/** Guests write what they like; what we show is short and printable. */
export function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length <= 40 ? clean : `${clean.slice(0, 40)}…`;
}
