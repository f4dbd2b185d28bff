import type { VirtualAddress } from '../base/numbers.ts';
import type { Hypervisor } from '../xen/common/hypervisor.ts';
import type { Vcpu } from '../xen/common/vcpu.ts';
import { ripOf, stackPointerOf } from './registers.ts';

/** Where and when the machine stopped last, so that what is armed there does not stop it again before it has run. */
export class StopPlace {
  private vcpu: Vcpu | undefined;
  private rip = 0 as VirtualAddress;
  private instructions = -1;
  /** An event was delivered before the instruction there could run: the guest will come back to it. */
  private returning: { readonly rip: VirtualAddress; readonly rsp: VirtualAddress } | undefined;

  constructor(private readonly hypervisor: Hypervisor) {}

  record(vcpu: Vcpu): void {
    this.vcpu = vcpu;
    this.rip = ripOf(this.hypervisor, vcpu);
    this.instructions = this.hypervisor.clock.instructions;
    this.returning = undefined;
  }

  /** Still there, with nothing executed since. */
  isCurrent(): boolean {
    const { hypervisor, vcpu } = this;
    if (vcpu === undefined || hypervisor.clock.instructions !== this.instructions) return false;
    return ripOf(hypervisor, vcpu) === this.rip;
  }

  /** The guest's event callback is about to be entered. */
  callbackDelivered(): void {
    if (this.vcpu === undefined || !this.isCurrent()) return;
    this.returning = { rip: this.rip, rsp: stackPointerOf(this.hypervisor, this.vcpu) };
  }

  /** Back from an event that came first: this is the place of the last stop again. */
  noticeReturn(vcpu: Vcpu): void {
    const { returning, hypervisor } = this;
    if (returning === undefined || returning.rip !== ripOf(hypervisor, vcpu)) return;
    if (returning.rsp === stackPointerOf(hypervisor, vcpu)) this.record(vcpu);
  }
}
