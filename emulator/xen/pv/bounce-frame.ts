import { highHalf, isCanonical, type MachineAddress, PAGE_SIZE, type VirtualAddress } from '../../base/numbers.ts';
import {
  ACCESS_WRITE,
  CS,
  EFLAGS_AC,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  R11,
  RCX,
  RSP,
  SS,
} from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex } from '../common/refusal.ts';
import { setUpcallMask, upcallMaskByte } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import {
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
  HYPERVISOR_VIRT_END,
  HYPERVISOR_VIRT_START,
  VMASST_TYPE_ARCHITECTURAL_IOPL,
} from '../public/xen-4/xen.ts';
import { bounceCompat } from './compat-bounce-frame.ts';
import { setGuestMode } from './guest-mode.ts';
import { forceFlatSegment } from './segments.ts';

/** create_bounce_frame of x86_64/entry.S: how a 64-bit guest kernel is entered; compat-bounce-frame.ts has the other. */
export interface Bounce {
  readonly handler: VirtualAddress;
  /** Code selector of a 32-bit guest's handler. */
  readonly codeSelector: number;
  /** Pushed after R11 and before RIP; undefined for vectors that have none. */
  readonly errorCode?: number;
  readonly maskEvents: boolean;
  /** Selectors pushed by the failsafe callback: DS, ES, FS, GS. */
  readonly failsafeSelectors?: readonly number[];
  /** In words, for the reason of a crash: "#PF at 0x…". */
  readonly what: string;
  /** Selector and stack selector of what is interrupted, when the processor holds something else. */
  readonly cs?: number;
  readonly ss?: number;
}

/** Largest frame: failsafe (11 words). */
const frame = new Int32Array(22);

/**
 * Pushes the frame on the guest kernel's stack and points the vCPU at the handler. A frame that cannot be stored, a
 * stack in Xen's area or a handler of 0 crashes the domain; then false.
 */
export function bounce(xen: Hypervisor, vcpu: Vcpu, request: Bounce): boolean {
  if (vcpu.domain.width === 32) return bounceCompat(xen, vcpu, request);
  const { processor } = xen;
  const fromKernel = vcpu.kernelMode;
  const cs = (request.cs ?? processor.selector(CS)) & (fromKernel ? ~3 : ~0);
  const ss = request.ss ?? processor.selector(SS);
  const interruptedRsp = processor.address(RSP);
  if (request.handler === 0) {
    xen.crash(vcpu.domain, `${request.what}: the guest has no handler for it`, vcpu);
    return false;
  }
  if (!fromKernel) setGuestMode(xen, vcpu, true);
  /** Where the vCPU was is left as it was, for whoever looks at the wreck. */
  const fail = (reason: string): false => {
    if (!fromKernel) setGuestMode(xen, vcpu, false);
    xen.crash(vcpu.domain, `${request.what}: ${reason}`, vcpu);
    return false;
  };
  const stackTop = fromKernel ? interruptedRsp : vcpu.kernelSp;
  const mask = upcallMaskByte(xen.ram, vcpu);
  const iopl = (vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0 ? vcpu.iopl : 0;
  const flags = (processor.rflags & ~(EFLAGS_IF | EFLAGS_IOPL)) | (mask === 0 ? EFLAGS_IF : 0) | iopl;
  let words = 0;
  const push = (low: number, high: number): void => {
    frame[words * 2] = low;
    frame[words * 2 + 1] = high;
    words++;
  };
  push(processor.low(RCX), processor.high(RCX));
  push(processor.low(R11), processor.high(R11));
  if (request.failsafeSelectors !== undefined) for (const selector of request.failsafeSelectors) push(selector, 0);
  if (request.errorCode !== undefined) push(request.errorCode, 0);
  push(processor.rip | 0, highHalf(processor.rip));
  push(cs, mask);
  push(flags, 0);
  push(interruptedRsp | 0, highHalf(interruptedRsp));
  push(ss, 0);
  const aligned = stackTop - (((stackTop % 16) + 16) % 16);
  const target = (aligned - words * 8) as VirtualAddress;
  if (inXenArea(aligned) || inXenArea(target) || !isCanonical(highHalf(target))) {
    return fail(`the guest kernel's stack pointer ${hex(aligned)} is in Xen's own area`);
  }
  if (!storeFrame(xen, target, words)) {
    return fail(`no frame could be pushed on the guest kernel's stack at ${hex(target)}`);
  }
  if (request.maskEvents) setUpcallMask(xen.ram, vcpu, true);
  processor.rflags &= ~(EFLAGS_AC | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF);
  processor.setRegister(RSP, target | 0, highHalf(target));
  forceFlatSegment(xen, vcpu, CS, FLAT_RING3_CS64);
  forceFlatSegment(xen, vcpu, SS, FLAT_RING3_SS64);
  processor.rip = request.handler;
  return true;
}

function inXenArea(address: number): boolean {
  return address > HYPERVISOR_VIRT_START && address < HYPERVISOR_VIRT_END;
}

/** Stores the words at a guest address, one translation for each page; accessed and dirty bits as for a guest's push. */
function storeFrame(xen: Hypervisor, target: VirtualAddress, words: number): boolean {
  let machine = -1;
  for (let index = 0; index < words; index++) {
    const address = (target + index * 8) as VirtualAddress;
    if (machine === -1 || machine % PAGE_SIZE === 0) {
      machine = xen.processor.translate(address, ACCESS_WRITE);
      if (machine === -1) return false;
    }
    xen.ram.write64(machine as MachineAddress, frame[index * 2] as number, frame[index * 2 + 1] as number);
    machine += 8;
  }
  return true;
}
