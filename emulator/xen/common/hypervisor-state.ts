/**
 * The hypervisor's state as plain data, and back. A restore has two halves: first the domains exist again, so that back
 * ends can be connected; then everything is as it was, whatever connecting them did.
 */
import type { Domid } from '../../base/numbers.ts';
import type { ClockState } from '../../machine/clock.ts';
import { copyPlain, type PlainData, type PlainObject, restoreFields, saveFields } from '../../machine/plain-data.ts';
import type { ProcessorState } from '../../x86/cpu/processor.ts';
import { Domain, type GuestAbi } from './domain.ts';
import { EventChannels } from './event-channel.ts';
import { GrantTable } from './grant-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { RunLoopState } from './run-loop.ts';
import { Vcpu } from './vcpu.ts';

export interface DomainState {
  readonly domid: Domid;
  readonly name: string;
  readonly abi: GuestAbi;
  readonly maxPages: number;
  readonly fields: PlainObject;
  readonly eventChannels: PlainObject;
  readonly grantTable: PlainObject;
  readonly vcpus: readonly { readonly index: number; readonly id: number; readonly fields: PlainObject }[];
}

export interface HypervisorState {
  readonly clock: ClockState;
  readonly processor: PlainData;
  readonly frames: PlainObject;
  readonly m2p: PlainObject;
  readonly linearTables: Int32Array;
  /** Back pointers of L1 tables of two-level guests. */
  readonly twoLevel: Int16Array;
  readonly tlbStamp: number;
  /** In the order of their creation, which is that of the scheduler. */
  readonly domains: readonly DomainState[];
  readonly nextVcpuId: number;
  readonly lastDomid: number;
  readonly inMulticall: boolean;
  readonly loop: RunLoopState;
}

const PARTS_OF_DOMAIN = ['vcpus', 'eventChannels', 'grantTable'];
const PARTS_OF_VCPU = ['domain'];

/** Everything but the contents of RAM. Only between runs. */
export function saveHypervisor(xen: Hypervisor, loop: RunLoopState): HypervisorState {
  return {
    clock: xen.clock.save(),
    processor: copyPlain(xen.processor.save(), 'processor'),
    frames: xen.frames.save(),
    m2p: xen.m2p.save(),
    linearTables: xen.references.save(),
    twoLevel: xen.twoLevel.save(),
    tlbStamp: xen.tlb.stamp,
    domains: Array.from(xen.domains.values(), saveDomain),
    nextVcpuId: xen.nextVcpuId,
    lastDomid: xen.lastDomid,
    inMulticall: xen.inMulticall,
    loop,
  };
}

/** Everything but RAM, which must be as it was, and the loop, which comes last. Domains exist already. */
export function restoreHypervisor(xen: Hypervisor, state: HypervisorState): void {
  xen.frames.restore(state.frames);
  xen.m2p.restore(state.m2p);
  xen.references.restore(state.linearTables);
  xen.twoLevel.restore(state.twoLevel);
  xen.tlb.stamp = state.tlbStamp;
  xen.nextVcpuId = state.nextVcpuId;
  xen.lastDomid = state.lastDomid;
  xen.inMulticall = state.inMulticall;
  for (const saved of state.domains) restoreDomain(xen.domains.get(saved.domid) as Domain, saved);
  xen.processor.restore(state.processor as ProcessorState);
  xen.clock.restore(state.clock);
}

export function saveDomain(domain: Domain): DomainState {
  const { domid, name, abi, maxPages } = domain;
  return {
    ...{ domid, name, abi, maxPages },
    fields: saveFields(domain, PARTS_OF_DOMAIN),
    eventChannels: saveFields(domain.eventChannels),
    grantTable: saveFields(domain.grantTable),
    vcpus: domain.vcpus.map((vcpu) => ({ index: vcpu.index, id: vcpu.id, fields: saveFields(vcpu, PARTS_OF_VCPU) })),
  };
}

/** A domain as it was saved, that nobody knows yet. */
export function recreateDomain(saved: DomainState): Domain {
  const { domid, name, abi, maxPages } = saved;
  const domain = new Domain(domid, name, abi, maxPages, new EventChannels(), new GrantTable());
  domain.vcpus = saved.vcpus.map(({ index, id }) => new Vcpu(domain, index, id));
  restoreDomain(domain, saved);
  return domain;
}

function restoreDomain(domain: Domain, saved: DomainState): void {
  restoreFields(domain, saved.fields, PARTS_OF_DOMAIN);
  restoreFields(domain.eventChannels, saved.eventChannels, []);
  restoreFields(domain.grantTable, saved.grantTable, []);
  for (const [index, { fields }] of saved.vcpus.entries()) {
    restoreFields(domain.vcpus[index] as Vcpu, fields, PARTS_OF_VCPU);
  }
}
