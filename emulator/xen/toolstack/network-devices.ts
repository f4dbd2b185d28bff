/** The machine's switches, and the interfaces of its domains that are plugged into them. */
import type { Domid } from '../../base/numbers.ts';
import { formatMac, type MacAddress, XEN_OUI } from '../../net/mac-address.ts';
import { Network, type NetworkState } from '../../net/network.ts';
import type { DeviceController } from '../backends/device-controller.ts';
import { VifBackend, type VifOptions } from '../backends/net/backend.ts';
import { networkTime } from '../backends/net/network-time.ts';
import type { XenbusDevice } from '../backends/xenbus/device.ts';
import type { MakeDriver } from '../backends/xenbus/driver.ts';
import type { Xenbus } from '../backends/xenbus/xenbus.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Random } from '../common/random.ts';
import { type Refusal, refuse } from '../common/refusal.ts';
import type { DeviceReport, PluggedDevice } from './device-lists.ts';
import { parseVif } from './vif-config.ts';

export interface NetworkDevicesState {
  readonly network: NetworkState;
  /** How the interfaces of each domain are made again; those of a domain's own controller it makes itself. */
  readonly vifs: readonly { readonly domid: Domid; readonly options: VifOptions }[];
}

export class NetworkDevices {
  readonly network: Network;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly xenbus: Xenbus,
    /** Of the machine: made-up addresses are the same for the same seed. */
    private readonly random: Random,
    /** Who plugs devices of a domain that has no xenbus. */
    private readonly controllerOf: (domid: number) => DeviceController | undefined,
  ) {
    this.network = new Network(networkTime(hypervisor));
  }

  /** Plugs in an interface, as xl.cfg's `vif` describes it; before the domain runs or while it does. */
  plug(domain: Domain, text: string): PluggedDevice | Refusal {
    const read = parseVif(text);
    if (typeof read === 'string') return refuse('EINVAL', `vif ${read}`);
    const { mac, bridge, name, devid } = read.vif;
    const handle = devid ?? this.freeHandle(domain);
    if (this.optionsOf(domain.domid).some((other) => other.handle === handle)) {
      return refuse('EEXIST', `domain ${domain.domid} has a vif ${handle} already`);
    }
    const options: VifOptions = { handle, mac: mac ?? this.madeUpMac(), bridge, name };
    const portName = name ?? `vif${domain.domid}.${handle}`;
    for (const { description } of this.network.switch(bridge).ports.values()) {
      if (description.name === portName) return refuse('EEXIST', `${bridge} has a port ${portName} already`);
    }
    const controller = this.controllerOf(domain.domid);
    if (controller === undefined) return this.xenbus.attach(domain, this.maker(options));
    const impossible = controller.refusesVif(handle);
    if (impossible !== undefined) return refuse('EINVAL', impossible);
    controller.attachVif(options);
    return { address: { domid: domain.domid, kind: 'vif', handle } };
  }

  /** The guest is asked to let the interface go; with `force`, or where there is no way to ask, it is gone at once. */
  unplug(domid: number, handle: number, force: boolean): Refusal | undefined {
    const controller = this.controllerOf(domid);
    if (controller === undefined) return this.xenbus.detach({ domid, kind: 'vif', handle }, force);
    return controller.detachVif(handle) ? undefined : refuse('ENOENT', `domain ${domid} has no vif ${handle}`);
  }

  /** Of one domain. The specifications are as `plug` takes them, with what was made up written out. */
  list(domid: number): readonly DeviceReport[] {
    return this.optionsOf(domid).map((options) => {
      const { handle } = options;
      const own = this.controllerOf(domid)?.deviceState('vif', handle);
      const device = this.xenbus.device({ domid, kind: 'vif', handle });
      const state = device?.describe() ?? `vif ${handle} of domain ${domid}: ${own}`;
      return { kind: 'vif', name: String(handle), specification: specificationOf(options), state };
    });
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

  private optionsOf(domid: number): readonly VifOptions[] {
    const plugged = this.xenbus.devicesOf(domid, 'vif').map(({ driver }) => (driver as VifBackend).options);
    return [...plugged, ...(this.controllerOf(domid)?.vifs ?? [])];
  }

  private freeHandle(domain: Domain): number {
    const used = this.optionsOf(domain.domid).map(({ handle }) => handle);
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

function specificationOf({ handle, mac, bridge, name }: VifOptions): string {
  const settings = [`mac=${formatMac(mac)}`, `bridge=${bridge}`, `devid=${handle}`];
  return [...settings, ...(name === undefined ? [] : [`vifname=${name}`])].join(',');
}
