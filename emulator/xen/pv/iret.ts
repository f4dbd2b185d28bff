import { isCanonical, signed64, type VirtualAddress } from '../../base/numbers.ts';
import { CS, EFLAGS_IF, EFLAGS_IOPL, EFLAGS_VM, R11, RAX, RCX, RSP, SS, VECTOR_GP } from '../../x86/cpu/processor.ts';
import { setUpcallMask } from '../common/shared-info.ts';
import { type HypercallContext, type HypercallResult, REGISTERS_REPLACED } from '../hypercall/call.ts';
import {
  FLAT_RING3_CS32,
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
  VGCF_IN_SYSCALL,
  VMASST_TYPE_ARCHITECTURAL_IOPL,
} from '../public/xen-4/xen.ts';
import { doCompatIret } from './compat-iret.ts';
import { setGuestMode } from './guest-mode.ts';
import { injectException } from './inject.ts';
import { forceFlatSegment, loadCodeSegment, loadStackSegment } from './segments.ts';

/** Frame on the guest's stack: rax, r11, rcx, flags, rip, cs, rflags, rsp, ss (do_iret of pv/iret.c). */
const FRAME_BYTES = 72;
const EFLAGS_SETTABLE = 0x3f7fd7;

export function doIret(call: HypercallContext): HypercallResult {
  const { xen, vcpu } = call;
  if (vcpu.domain.width === 32) return doCompatIret(call);
  const { processor } = xen;
  const bytes = processor.readVirtual(processor.address(RSP), FRAME_BYTES);
  if (bytes === undefined) {
    xen.crash(vcpu.domain, 'iret: its frame on the guest stack cannot be read', vcpu);
    return REGISTERS_REPLACED;
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  const low = (word: number): number => data.getInt32(word * 8, true);
  const high = (word: number): number => data.getInt32(word * 8 + 4, true);
  const cs = low(5) & 0xffff;
  const toUser = (cs & 3) === 3;
  if (toUser && vcpu.userRoot === undefined) {
    xen.crash(vcpu.domain, 'iret to user mode without a user page-table root (MMUEXT_NEW_USER_BASEPTR)', vcpu);
    return REGISTERS_REPLACED;
  }
  const rflags = low(6);
  if (toUser) setGuestMode(xen, vcpu, false);
  if ((vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0) vcpu.iopl = rflags & EFLAGS_IOPL;
  processor.rip = signed64(low(4), high(4)) as VirtualAddress;
  processor.rflags = ((rflags & EFLAGS_SETTABLE & ~(EFLAGS_IOPL | EFLAGS_VM)) | EFLAGS_IF | 2) >>> 0;
  processor.setRegister(RSP, low(7), high(7));
  processor.setRegister(RAX, low(0), high(0));
  if ((low(3) & VGCF_IN_SYSCALL) === 0) {
    processor.setRegister(R11, low(1), high(1));
    processor.setRegister(RCX, low(2), high(2));
  } else {
    // By way of SYSRET: RCX and R11 are what that instruction uses.
    processor.setRegister(RCX, low(4), high(4));
    processor.setRegister(R11, processor.rflags, 0);
  }
  setUpcallMask(xen.ram, vcpu, (rflags & EFLAGS_IF) === 0);
  if ((low(3) & VGCF_IN_SYSCALL) !== 0) {
    // SYSRET knows no selectors but Xen's own.
    forceFlatSegment(xen, vcpu, CS, (cs | 3) === FLAT_RING3_CS32 ? FLAT_RING3_CS32 : FLAT_RING3_CS64);
    forceFlatSegment(xen, vcpu, SS, FLAT_RING3_SS64);
    return REGISTERS_REPLACED;
  }
  const ss = low(8) & 0xffff;
  const fault =
    loadCodeSegment(xen, vcpu, cs | 3) ??
    loadStackSegment(xen, vcpu, ss | 3, 3) ??
    (isCanonical(high(4)) ? undefined : { vector: VECTOR_GP, errorCode: 0 });
  // Xen's own IRET faults: the guest's exception, at the place that it wanted to return to.
  if (fault !== undefined) injectException(xen, vcpu, fault.vector, fault.errorCode, { cs: cs | 3, ss: ss | 3 });
  return REGISTERS_REPLACED;
}
