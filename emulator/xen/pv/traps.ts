import { highHalf, type VirtualAddress } from '../../base/numbers.ts';
import {
  CS,
  R11,
  RCX,
  RSP,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NM,
  VECTOR_NMI,
  VECTOR_PF,
  VECTOR_UD,
} from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { eventsNeedDelivery } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import {
  FLAT_COMPAT_RING3_DS,
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
  VMASST_TYPE_ARCHITECTURAL_IOPL,
} from '../public/xen-4/xen.ts';
import { bounce } from './bounce-frame.ts';
import { emulateForcedInvalidOp } from './emul-inv-op.ts';
import { emulatePrivilegedOp } from './emul-priv-op.ts';
import { injectException, injectPageFault, noteDebugStatus, traceCallback } from './inject.ts';
import { deliver, deliverEvents2, handleException2, handleSoftwareInterrupt2 } from './xen-2/traps.ts';

/**
 * Exceptions, software interrupts and system calls of PV guests (arch/x86/traps.c, pv/traps.c).
 *
 * NOT IMPLEMENTED: call gates of 32-bit guests (pv/emul-gate-op.c); using one is the guest's #GP.
 */

/** The processor stopped with an exception: emulate what Xen emulates, else hand it to the guest. */
export function handleException(xen: Hypervisor, vcpu: Vcpu): void {
  if (vcpu.domain.abiVersion !== '4') {
    handleException2(xen, vcpu);
    return;
  }
  const { vector, errorCode } = xen.processor.exit;
  switch (vector) {
    case VECTOR_UD:
      if (emulateForcedInvalidOp(xen, vcpu)) return;
      break;
    case VECTOR_GP:
      if (errorCode === 0 && emulatePrivilegedOp(xen, vcpu)) return;
      break;
    case VECTOR_DB:
      noteDebugStatus(xen, vcpu);
      break;
    case VECTOR_NM:
      // Xen clears TS itself when it delivers the fault.
      if (xen.processor.taskSwitched) xen.processor.taskSwitched = false;
      break;
    case VECTOR_PF:
      injectPageFault(xen, vcpu);
      return;
    default:
      break;
  }
  injectException(xen, vcpu, vector, errorCode < 0 ? undefined : errorCode);
}

/** `int n`: by the DPL that the guest gave the vector, else #GP as the hardware's IDT would raise it. */
export function handleSoftwareInterrupt(xen: Hypervisor, vcpu: Vcpu): void {
  if (vcpu.domain.abiVersion !== '4') {
    handleSoftwareInterrupt2(xen, vcpu);
    return;
  }
  const { vector, length } = xen.processor.exit;
  const handler = vcpu.traps[vector] as Vcpu['traps'][number];
  const kernelRing = (vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0 ? 0 : 1;
  const ring = vcpu.kernelMode ? kernelRing : 3;
  // The Linux system call has a gate of its own, which any ring may use once the guest handles it (int80_direct_trap).
  const direct = vector === LEGACY_SYSCALL_VECTOR && hasHandler(vcpu, handler);
  if (direct || handler.dpl >= ring) {
    xen.processor.rip = (xen.processor.rip + length) as VirtualAddress;
    injectException(xen, vcpu, vector, undefined);
  } else injectException(xen, vcpu, VECTOR_GP, (vector << 3) | 2);
}

const LEGACY_SYSCALL_VECTOR = 0x80;

function hasHandler(vcpu: Vcpu, handler: { readonly address: number; readonly cs: number }): boolean {
  return vcpu.domain.width === 64 ? handler.address !== 0 : (handler.cs & 0xfffc) !== 0;
}

/** `syscall` from user mode; from kernel mode it is a hypercall and does not come here. */
export function handleUserSyscall(xen: Hypervisor, vcpu: Vcpu): void {
  const { processor } = xen;
  if (vcpu.domain.abiVersion !== '4') {
    deliver(xen, vcpu, VECTOR_UD, undefined);
    return;
  }
  const callback = processor.longMode ? vcpu.syscallCallback : vcpu.syscall32Callback;
  // Intel processors have the instruction in 64-bit mode only.
  if (callback.address === 0 || vcpu.domain.width === 32) {
    injectException(xen, vcpu, VECTOR_UD, undefined);
    return;
  }
  const selector = processor.longMode ? FLAT_RING3_CS64 : processor.selector(CS);
  const next = (processor.rip + 2) as VirtualAddress;
  processor.setRegister(RCX, next | 0, highHalf(next));
  processor.setRegister(R11, processor.rflags, 0);
  processor.rip = next;
  traceCallback(xen, vcpu, 'syscall callback');
  const entered = bounce(xen, vcpu, {
    handler: callback.address,
    codeSelector: 0,
    maskEvents: callback.maskEvents,
    what: 'syscall',
    cs: selector,
    ss: FLAT_RING3_SS64,
  });
  // The SYSCALL flag mask clears DF; the frame keeps the user's flags.
  if (entered) processor.rflags &= ~0x400;
}

/** `sysenter`: the sysenter callback, with a frame that says neither where from nor with which stack. */
export function handleSysenter(xen: Hypervisor, vcpu: Vcpu): void {
  const callback = vcpu.sysenterCallback;
  // Xen before 3 leaves the processor's register for it at 0.
  if (vcpu.domain.abiVersion !== '4') {
    deliver(xen, vcpu, VECTOR_GP, 0);
    return;
  }
  if (callback.address === 0) {
    injectException(xen, vcpu, VECTOR_GP, 0);
    return;
  }
  xen.processor.rip = 0 as VirtualAddress;
  traceCallback(xen, vcpu, 'sysenter callback');
  const narrow = vcpu.domain.width === 32;
  if (narrow) xen.processor.setRegister(RSP, 0, 0);
  const general = vcpu.traps[VECTOR_GP] as Vcpu['traps'][number];
  bounce(xen, vcpu, {
    handler: callback.address,
    // Registered with a null selector: that of the #GP handler (compat_sysenter).
    codeSelector: (callback.cs & 0xfffc) === 0 ? general.cs : callback.cs,
    maskEvents: callback.maskEvents,
    what: 'sysenter',
    cs: 3,
    ss: narrow ? FLAT_COMPAT_RING3_DS : FLAT_RING3_SS64,
  });
}

/** Before the vCPU runs on: an NMI, else the event callback if events are pending and not masked. */
export function deliverEvents(xen: Hypervisor, vcpu: Vcpu): void {
  if (vcpu.domain.abiVersion !== '4') {
    deliverEvents2(xen, vcpu);
    return;
  }
  const nmi = vcpu.traps[VECTOR_NMI] as Vcpu['traps'][number];
  if (vcpu.nmiPending && hasHandler(vcpu, nmi)) {
    vcpu.nmiPending = false;
    injectException(xen, vcpu, VECTOR_NMI, undefined);
    return;
  }
  if (!eventsNeedDelivery(xen.ram, vcpu)) return;
  const { address, cs } = vcpu.eventCallback;
  if (!hasHandler(vcpu, { address, cs })) {
    // Unmasked without a callback: as in Xen, an upcall to nowhere.
    xen.crash(vcpu.domain, 'an event is pending and unmasked, but no event callback is registered', vcpu);
    return;
  }
  traceCallback(xen, vcpu, 'event callback');
  bounce(xen, vcpu, { handler: address, codeSelector: cs, maskEvents: true, what: 'event callback' });
}
