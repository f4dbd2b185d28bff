import type { VirtualAddress } from '../../base/numbers.ts';
import {
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  RAX,
  RSP,
  SS,
  VECTOR_GP,
} from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { setUpcallMask } from '../common/shared-info.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { type HypercallContext, REGISTERS_REPLACED } from '../hypercall/call.ts';
import { VMASST_TYPE_ARCHITECTURAL_IOPL } from '../public/xen-4/xen.ts';
import { enter } from './compat-bounce-frame.ts';
import { injectException } from './inject.ts';

/** compat_iret of pv/iret.c. On the stack, low to high: EAX, EIP, CS, EFLAGS, and for rings 2 and 3 ESP, SS. */

const EFLAGS_SETTABLE = 0x3f7fd7;
/** Words of a frame that returns to virtual-8086 mode: the above, then ES, DS, FS, GS. */
const VM86_WORDS = 10;

export function doCompatIret({ xen, vcpu }: HypercallContext): typeof REGISTERS_REPLACED {
  const { processor } = xen;
  const esp = processor.low(RSP) >>> 0;
  const words = readWords(xen, esp, 4);
  const outer = words === undefined || ringOf(words) < 2 ? [0, 0] : readWords(xen, esp + 16, 2);
  if (words === undefined || outer === undefined) {
    xen.crash(vcpu.domain, 'iret: its frame on the guest stack cannot be read', vcpu);
    return REGISTERS_REPLACED;
  }
  const [eax, eip, codeWord, eflags] = words as [number, number, number, number];
  processor.setRegister(RAX, eax, 0);
  if ((vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0) vcpu.iopl = eflags & EFLAGS_IOPL;
  if ((eflags & EFLAGS_VM) !== 0) {
    refuseVm86(xen, vcpu, esp, eflags);
    return REGISTERS_REPLACED;
  }
  const cs = codeWord & 0xffff;
  if ((cs & 3) === 0) {
    xen.crash(vcpu.domain, 'iret to ring 0', vcpu);
    return REGISTERS_REPLACED;
  }
  const [newEsp, stackWord] = outer as [number, number];
  processor.rip = (eip >>> 0) as VirtualAddress;
  processor.rflags = ((eflags & EFLAGS_SETTABLE & ~EFLAGS_IOPL) | EFLAGS_IF | 2) >>> 0;
  processor.setRegister(RSP, (cs & 3) === 1 ? (esp + 16) | 0 : newEsp, 0);
  setUpcallMask(xen.ram, vcpu, (eflags & EFLAGS_IF) === 0);
  returnTo(xen, vcpu, cs, (cs & 3) === 1 ? undefined : stackWord & 0xffff);
  return REGISTERS_REPLACED;
}

function ringOf(words: readonly number[]): number {
  return (words[2] as number) & 3;
}

/** Selectors that cannot be loaded are the guest's exception, at the place that it wanted to return to. */
function returnTo(xen: Hypervisor, vcpu: Vcpu, cs: number, stackSelector: number | undefined): void {
  const ss = stackSelector ?? xen.processor.selector(SS);
  const fault = enter(xen, vcpu, cs, ss);
  if (fault !== undefined) injectException(xen, vcpu, fault.vector, fault.errorCode, { cs, ss });
}

/** There is no virtual-8086 mode in long mode: a #GP at its first instruction, on the kernel's stack. */
function refuseVm86(xen: Hypervisor, vcpu: Vcpu, esp: number, eflags: number): void {
  const { processor } = xen;
  const target = (vcpu.kernelSp - VM86_WORDS * 4) >>> 0;
  const rest = readWords(xen, esp + 4, VM86_WORDS - 1);
  const handler = vcpu.traps[VECTOR_GP] as Vcpu['traps'][number];
  // In place of EAX stands the error code.
  if (rest === undefined || !writeWords(xen, target, [0, ...rest])) {
    xen.crash(vcpu.domain, 'iret to virtual-8086 mode: no frame could be made', vcpu);
    return;
  }
  processor.rip = handler.address;
  processor.rflags = ((eflags & EFLAGS_SETTABLE & ~(EFLAGS_IOPL | VM86_CLEARED)) | EFLAGS_IF | 2) >>> 0;
  processor.setRegister(RSP, target | 0, 0);
  setUpcallMask(xen.ram, vcpu, handler.maskEvents || (eflags & EFLAGS_IF) === 0);
  returnTo(xen, vcpu, handler.cs, vcpu.kernelSs);
}

const VM86_CLEARED = EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | EFLAGS_TF;

function readWords(xen: Hypervisor, address: number, count: number): number[] | undefined {
  const bytes = xen.processor.readVirtual((address >>> 0) as VirtualAddress, count * 4);
  if (bytes === undefined) return undefined;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => data.getInt32(index * 4, true));
}

function writeWords(xen: Hypervisor, address: number, words: readonly number[]): boolean {
  return xen.processor.writeVirtual(address as VirtualAddress, new Uint8Array(Int32Array.from(words).buffer));
}
