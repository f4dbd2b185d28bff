import type { VirtualAddress } from '../base/numbers.ts';
import type { ArmedHypercall, Hypervisor } from '../xen/common/hypervisor.ts';
import type { HypercallRecord } from '../xen/common/trace.ts';
import type { Vcpu } from '../xen/common/vcpu.ts';
import type { HypercallCatalogue, Resolved } from './hypercall-catalogue.ts';
import { ripOf } from './registers.ts';
import type { BreakpointVerdict, HypercallBreakpoint, InstructionBreakpoint } from './target.ts';
import { filterId } from './xen-events/filter-id.ts';

/** Breakpoints on instructions and on hypercalls: who waits where. */
export class ArmedPoints {
  private instructions: readonly { readonly id: string; readonly address: VirtualAddress }[] = [];
  private hypercalls: readonly { readonly id: string; readonly resolved: Resolved }[] = [];
  /** The filter that stops before any hypercall. */
  private everyHypercall = false;

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly catalogue: HypercallCatalogue,
  ) {}

  get isEmpty(): boolean {
    return this.instructions.length === 0 && this.hypercalls.length === 0;
  }

  get addresses(): readonly VirtualAddress[] {
    return this.instructions.map(({ address }) => address);
  }

  setInstructions(points: readonly InstructionBreakpoint[]): void {
    this.instructions = points.map(({ id, address }) => ({ id, address: toVirtual(address) }));
  }

  setHypercalls(points: readonly HypercallBreakpoint[]): readonly BreakpointVerdict[] {
    this.hypercalls = points.map(({ id, name }) => ({ id, resolved: this.catalogue.resolve(name) }));
    this.armHypercalls();
    return this.hypercalls.map(({ resolved }) => resolved.verdict);
  }

  stopAtEveryHypercall(stop: boolean): void {
    this.everyHypercall = stop;
    this.armHypercalls();
  }

  /** Ids of those that wait at an address. */
  at(rip: VirtualAddress): readonly string[] {
    return this.instructions.filter(({ address }) => address === rip).map(({ id }) => id);
  }

  /** Ids of those that wait for a call. */
  for(call: HypercallRecord): readonly string[] {
    const points = this.hypercalls.filter(({ resolved }) => resolved.matches(call)).map(({ id }) => id);
    return this.everyHypercall ? [...points, filterId('hypercall')] : points;
  }

  /** Ids of those that wait where a vCPU stands; going on from here passes them. */
  where(vcpu: Vcpu | undefined): readonly string[] {
    const { hypervisor } = this;
    if (vcpu === undefined || vcpu !== hypervisor.current) return [];
    const points = this.at(ripOf(hypervisor, vcpu));
    const call = hypervisor.currentHypercall(vcpu);
    return call === undefined || call.result !== undefined ? points : [...points, ...this.for(call)];
  }

  private armHypercalls(): void {
    const points: readonly ArmedHypercall[] = this.hypercalls.flatMap(({ resolved }) => resolved.armed);
    this.hypervisor.armHypercalls(this.everyHypercall ? this.catalogue.resolve('*').armed : points);
  }
}

const toVirtual = (address: string): VirtualAddress => Number(BigInt.asIntN(64, BigInt(address))) as VirtualAddress;
