/** The machine's switches, and the interfaces of its domains that are plugged into them. */
import type { Domid } from '../../base/numbers.ts';
import { formatMac, type MacAddress, XEN_OUI } from '../../net/mac-address.ts';
import { Network, type NetworkState } from '../../net/network.ts';
import { VifBackend, type VifOptions } from '../backends/net/backend.ts';
import { networkTime } from '../backends/net/network-time.ts';
import type { XenbusDevice } from '../backends/xenbus/device.ts';
import type { MakeDriver } from '../backends/xenbus/driver.ts';
import type { Xenbus } from '../backends/xenbus/xenbus.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Random } from '../common/random.ts';
import { type Refusal, refuse } from '../common/refusal.ts';
import { parseVif } from './vif-config.ts';

export interface NetworkDevicesState {
  readonly network: NetworkState;
  /** How the interfaces of each domain are made again. */
  readonly vifs: readonly { readonly domid: Domid; readonly options: VifOptions }[];
}

export class NetworkDevices {
  readonly network: Network;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly xenbus: Xenbus,
    /** Of the machine: made-up addresses are the same for the same seed. */
    private readonly random: Random,
  ) {
    this.network = new Network(networkTime(hypervisor));
  }

  /** Plugs in an interface, as xl.cfg's `vif` describes it; before the domain runs or while it does. */
  plug(domain: Domain, text: string): XenbusDevice | Refusal {
    const read = parseVif(text);
    if (typeof read === 'string') return refuse('EINVAL', `vif ${read}`);
    const { mac, bridge, name, devid } = read.vif;
    const handle = devid ?? this.freeHandle(domain);
    if (this.xenbus.device({ domid: domain.domid, kind: 'vif', handle }) !== undefined) {
      return refuse('EEXIST', `domain ${domain.domid} has a vif ${handle} already`);
    }
    const options: VifOptions = { handle, mac: mac ?? this.madeUpMac(), bridge, name };
    const portName = name ?? `vif${domain.domid}.${handle}`;
    for (const { description } of this.network.switch(bridge).ports.values()) {
      if (description.name === portName) return refuse('EEXIST', `${bridge} has a port ${portName} already`);
    }
    return this.xenbus.attach(domain, this.maker(options));
  }

  /** The interface as `plug` takes it, with what was made up written out. */
  describe(device: XenbusDevice): string {
    const { handle, mac, bridge, name } = (device.driver as VifBackend).options;
    const settings = [`mac=${formatMac(mac)}`, `bridge=${bridge}`, `devid=${handle}`];
    return [...settings, ...(name === undefined ? [] : [`vifname=${name}`])].join(',');
  }

  save(): NetworkDevicesState {
    const vifs = this.vifs().map(({ address, driver }) => ({
      domid: address.domid as Domid,
      options: (driver as VifBackend).options,
    }));
    return { network: this.network.save(), vifs };
  }

  /** To be called before xenbus makes its devices again. */
  restore(state: NetworkDevicesState): void {
    this.network.restore(state.network);
    for (const { domid, options } of state.vifs) {
      this.xenbus.expect({ domid, kind: 'vif', handle: options.handle }, this.maker(options));
    }
  }

  private vifs(): readonly XenbusDevice[] {
    return [...this.hypervisor.domains.keys()].flatMap((domid) => this.xenbus.devicesOf(domid, 'vif'));
  }

  private maker(options: VifOptions): MakeDriver {
    return (domain) => new VifBackend(this.hypervisor, domain, this.network, options);
  }

  private freeHandle(domain: Domain): number {
    const used = this.xenbus.devicesOf(domain.domid, 'vif').map(({ address }) => address.handle);
    let handle = 0;
    while (used.includes(handle)) handle++;
    return handle;
  }

  /** 00:16:3e and 23 random bits, as xl does. */
  private madeUpMac(): MacAddress {
    const low = this.random.below(0x80) * 0x10000 + this.random.below(0x10000);
    return (XEN_OUI * 0x1000000 + low) as MacAddress;
  }
}
