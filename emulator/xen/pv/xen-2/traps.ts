import type { VirtualAddress } from '../../../base/numbers.ts';
import {
  CS,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  PF_USER,
  RSP,
  SS,
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_OF,
  VECTOR_PF,
} from '../../../x86/cpu/processor.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { eventsNeedDelivery } from '../../common/shared-info.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { eventsDelivered } from '../../common/xen-1/events.ts';
import { VMASST_TYPE_4GB_SEGMENTS, VMASST_TYPE_4GB_SEGMENTS_NOTIFY } from '../../public/xen-2.0/xen.ts';
import { enter } from '../compat-bounce-frame.ts';
import { followRing } from '../guest-mode.ts';
import { traceCallback, traceException } from '../inject.ts';
import { writableSegment } from '../segments.ts';
import { bounce2, pushWords } from './bounce-frame.ts';
import { fixUpSegment } from './seg-fixup.ts';

/**
 * Exceptions and software interrupts before Xen 3 (arch/x86/traps.c): all go to the guest, but for what seg-fixup.ts
 * mends. No privileged instruction is emulated.
 *
 * NOT IMPLEMENTED: VM86 mode (switch_vm86 is refused).
 */

export function handleException2(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  const { vector, errorCode, cr2Low } = processor.exit;
  followRing(xen, vcpu);
  switch (vector) {
    case VECTOR_GP:
      if (errorCode === 0 && hasAssist(vcpu, VMASST_TYPE_4GB_SEGMENTS) && mendSegment(xen, vcpu)) return;
      break;
    case VECTOR_DB:
      vcpu.debugRegisters[6] = processor.debugRegister(6) >>> 0;
      break;
    case VECTOR_NM:
      processor.taskSwitched = false;
      break;
    case VECTOR_PF:
      vcpu.faultAddress = cr2Low >>> 0;
      deliver(xen, vcpu, VECTOR_PF, (errorCode & ~PF_USER) | (vcpu.kernelMode ? 0 : PF_USER), cr2Low);
      return;
    default:
      break;
  }
  deliver(xen, vcpu, vector, errorCode < 0 ? undefined : errorCode);
}

function hasAssist({ domain }: Vcpu, type: number): boolean {
  return (domain.assists & (1 << type)) !== 0;
}

/** 4gb_segments_notify: otherwise unused, so that a guest can tell its user that this is slow. */
const NOTIFY_VECTOR = 15;

function mendSegment(xen: Hypervisor, vcpu: Vcpu): boolean {
  const length = fixUpSegment(xen, vcpu);
  if (length === undefined) return false;
  if (hasAssist(vcpu, VMASST_TYPE_4GB_SEGMENTS_NOTIFY)) deliver(xen, vcpu, NOTIFY_VECTOR, length);
  return true;
}

/** By the guest's trap table. */
export function deliver(
  xen: Hypervisor,
  vcpu: Vcpu,
  vector: number,
  errorCode: number | undefined,
  cr2?: number,
): void {
  const handler = vcpu.traps[vector] as Vcpu['traps'][number];
  const what = traceException(xen, vcpu, vector, errorCode);
  bounce2(xen, vcpu, {
    handler: handler.address,
    codeSelector: handler.cs,
    maskEvents: handler.maskEvents,
    what,
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(cr2 === undefined ? {} : { cr2 }),
  });
}

/**
 * `int n`: for rings that the guest's entry allows, else #GP with the vector in its error code. For vectors 3 and 4
 * Xen has gates that anybody may use.
 */
export function handleSoftwareInterrupt2(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  const { vector, length } = processor.exit;
  const handler = vcpu.traps[vector] as Vcpu['traps'][number];
  const open = vector === VECTOR_BP || vector === VECTOR_OF;
  followRing(xen, vcpu);
  if (open || handler.dpl >= processor.privilege) {
    processor.rip = (processor.rip + length) as VirtualAddress;
    deliver(xen, vcpu, vector, undefined);
  } else deliver(xen, vcpu, VECTOR_GP, (vector << 3) | 2);
}

/**
 * `int n` of the fast trap: the hardware's own trap gate leads straight to ring 1. False: it is not that, or its gate
 * cannot be used, and Xen looks after it.
 */
export function enterFastTrap(xen: Hypervisor, vcpu: Vcpu): boolean {
  const { processor } = xen;
  const { vector, length } = processor.exit;
  if (vcpu.fastTrapVector === 0 || vector !== vcpu.fastTrapVector) return false;
  const gate = vcpu.fastTrap;
  if (gate.dpl < processor.privilege) return false;
  const cs = processor.selector(CS);
  const ss = processor.selector(SS);
  const fromKernel = (cs & 3) === 1;
  const stackSelector = fromKernel ? ss : vcpu.kernelSs;
  const segment = writableSegment(xen, vcpu, stackSelector);
  if (segment === undefined) return false;
  const words = [(processor.rip + length) | 0, cs, processor.rflags];
  if (!fromKernel) words.push(processor.low(RSP), ss);
  const esp = ((fromKernel ? processor.low(RSP) : vcpu.kernelSp) - words.length * 4) >>> 0;
  if (!segment.contains(esp, words.length * 4) || !pushWords(xen, segment.base + esp, words)) return false;
  traceException(xen, vcpu, vector, undefined);
  processor.rflags &= ~(EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF);
  processor.setRegister(RSP, esp | 0, 0);
  processor.rip = gate.address;
  const fault = enter(xen, vcpu, gate.cs, stackSelector);
  if (fault !== undefined) deliver(xen, vcpu, fault.vector, fault.errorCode);
  return true;
}

/** Before the vCPU runs on: the event callback, if events are pending and not masked. */
export function deliverEvents2(xen: Hypervisor, vcpu: Vcpu): void {
  if (!eventsNeedDelivery(xen.ram, vcpu)) return;
  const { address, cs } = vcpu.eventCallback;
  traceCallback(xen, vcpu, 'event callback');
  // Xen 1.2 takes away what it delivers before it looks at the stack.
  const old = vcpu.domain.abiVersion === '1.2';
  if (old) eventsDelivered(xen.ram, vcpu.domain);
  bounce2(xen, vcpu, { handler: address, codeSelector: cs, maskEvents: !old, what: 'event callback' });
}
