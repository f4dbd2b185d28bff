/** What the host plays for a domain: console and xenstore, or a domain controller, by what its builder left for them. */
import type { Mfn, Port } from '../../base/numbers.ts';
import type { Network } from '../../net/network.ts';
import { ConsoleBackend, type ConsoleListener } from '../backends/console/backend.ts';
import type { DomainConsole } from '../backends/console/domain-console.ts';
import { DomainController } from '../backends/controller/domain-controller.ts';
import type { DeviceController } from '../backends/device-controller.ts';
import { DomainDevices } from '../backends/xen-devices/domain-devices.ts';
import { XenstoreBackend, type XenstoreListener } from '../backends/xenstore/backend.ts';
import type { XenStore } from '../backends/xenstore/store.ts';
import type { Domain } from '../common/domain.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { ControlRecord } from '../ring/describe-control-ring.ts';
import type { ControlMessages } from './domain-control.ts';

/** Where console and xenstore meet a domain of Xen 4. */
export interface XenbusConnections {
  readonly kind: 'xenbus';
  readonly consoleMfn: Mfn;
  readonly consolePort: Port;
  readonly xenstoreMfn: Mfn;
  readonly xenstorePort: Port;
}

/** Where the domain controller meets a domain of Xen 2.0. */
export interface ControllerConnections {
  readonly kind: 'controller';
  readonly controllerPort: Port;
}

/** A domain of Xen 1.2 has devices of Xen's own, which it finds by hypercalls. */
export interface XenDevicesConnections {
  readonly kind: 'xen-devices';
}

export type HostConnections = XenbusConnections | ControllerConnections | XenDevicesConnections;

export interface HostSide {
  readonly console: DomainConsole;
  readonly xenstore: XenstoreBackend | undefined;
  readonly controller: (DeviceController & DomainConsole & Partial<ControlMessages>) | undefined;
}

export interface HostSurroundings {
  readonly hypervisor: Hypervisor;
  readonly domain: Domain;
  readonly store: XenStore;
  readonly network: Network;
  readonly onOutput: ConsoleListener;
  readonly onXenstore: XenstoreListener;
  readonly onReport: (text: string) => void;
  readonly onMessage: (record: ControlRecord) => void;
}

export function connectHost(connections: HostConnections, surroundings: HostSurroundings): HostSide {
  const { hypervisor, domain, store, onOutput, onXenstore } = surroundings;
  if (connections.kind === 'controller') {
    const controller = new DomainController(hypervisor, domain, connections.controllerPort, surroundings);
    return { console: controller, xenstore: undefined, controller };
  }
  if (connections.kind === 'xen-devices') {
    const devices = new DomainDevices(hypervisor, domain, surroundings);
    return { console: devices, xenstore: undefined, controller: devices };
  }
  const { consoleMfn, consolePort, xenstoreMfn, xenstorePort } = connections;
  return {
    console: new ConsoleBackend(hypervisor, domain, consoleMfn, consolePort, onOutput),
    xenstore: new XenstoreBackend(hypervisor, domain, xenstoreMfn, xenstorePort, store, onXenstore),
    controller: undefined,
  };
}
