import { BROADCAST, isGroup, type MacAddress } from '../../../net/mac-address.ts';

/** XEN_NETBK_MCAST_MAX. */
const MAX_ADDRESSES = 64;

/** Multicast addresses that a guest wants to hear, once it has asked for multicast control. Plain data. */
export class MulticastFilter {
  private addresses = new Set<MacAddress>();

  constructor(private enabled: boolean) {}

  /** False when the list is full. */
  add(mac: MacAddress): boolean {
    if (this.addresses.size >= MAX_ADDRESSES && !this.addresses.has(mac)) return false;
    this.addresses.add(mac);
    return true;
  }

  remove(mac: MacAddress): void {
    this.addresses.delete(mac);
  }

  wants(destination: MacAddress): boolean {
    return !this.enabled || !isGroup(destination) || destination === BROADCAST || this.addresses.has(destination);
  }

  save(): MulticastFilterState {
    return { enabled: this.enabled, addresses: [...this.addresses] };
  }

  restore({ enabled, addresses }: MulticastFilterState): void {
    this.enabled = enabled;
    this.addresses = new Set(addresses);
  }
}

export interface MulticastFilterState {
  readonly enabled: boolean;
  readonly addresses: readonly MacAddress[];
}
