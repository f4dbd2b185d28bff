import type { Mfn, VirtualAddress } from '../../base/numbers.ts';
import { CS, DS, EFLAGS_IF, EFLAGS_IOPL, ES, FS, GS, SS } from '../../x86/cpu/processor.ts';
import { readStruct } from '../common/guest-access.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { StructView } from '../public/struct.ts';
import {
  CPU_USER_REGS_32,
  CPU_USER_REGS_64,
  VCPU_GUEST_CONTEXT_32,
  VCPU_GUEST_CONTEXT_64,
  VGCF_FAILSAFE_DISABLES_EVENTS,
  VGCF_I387_VALID,
  VGCF_IN_KERNEL,
  VGCF_SYSCALL_DISABLES_EVENTS,
} from '../public/xen-4/sched.ts';
import { checkAddress, trapHandler } from './callback.ts';
import { fixedSelector, setGdt } from './descriptor-tables.ts';
import { finishStart } from './domain.ts';
import { installKernelRoot, rootType } from './mm.ts';

/** VCPUOP_initialise: a vCPU's first state from the guest's own vcpu_guest_context (arch_set_info_guest of domain.c). */

type Context64 = StructView<keyof (typeof VCPU_GUEST_CONTEXT_64)[64]['offset']>;
type Context32 = StructView<keyof (typeof VCPU_GUEST_CONTEXT_32)[32]['offset']>;
/** Fields that both widths have. */
type GuestContext = StructView<
  'user_regs' | 'flags' | 'trap_ctxt' | 'ldt_base' | 'ldt_ents' | 'gdt_frames' | 'gdt_ents' | 'ctrlreg'
>;

/** Checks everything first, then installs. */
export function initialiseVcpu(xen: Hypervisor, vcpu: Vcpu, address: VirtualAddress): Refusal | undefined {
  const { domain } = vcpu;
  if (domain.width === 32) {
    const context = readStruct(xen, domain, address, VCPU_GUEST_CONTEXT_32);
    if (isRefusal(context)) return context;
    const folded = context.get('ctrlreg', 3);
    return install(xen, vcpu, context, ((folded >>> 12) | (folded << 20)) >>> 0, () => installState32(vcpu, context));
  }
  const context = readStruct(xen, domain, address, VCPU_GUEST_CONTEXT_64);
  if (isRefusal(context)) return context;
  return install(xen, vcpu, context, context.get('ctrlreg', 3) / 4096, () => installState64(vcpu, context));
}

function install(
  xen: Hypervisor,
  vcpu: Vcpu,
  context: GuestContext,
  root: number,
  installState: () => void,
): Refusal | undefined {
  const traps = trapEntries(context);
  for (const { address } of traps) {
    const bad = checkAddress(address);
    if (bad !== undefined) return bad;
  }
  const ldtBase = context.get('ldt_base');
  const ldtEntries = context.get('ldt_ents');
  if (ldtBase % 4096 !== 0 || ldtEntries > 8192)
    return refuse('EINVAL', `an LDT of ${ldtEntries} entries at ${hex(ldtBase)}`);
  const refusal = xen.references.getWithType(root, rootType(vcpu.domain.width), vcpu.domain.domid);
  if (refusal !== undefined) return { errno: refusal.errno, reason: `CR3 of the new vCPU: ${refusal.reason}` };
  const entries = context.get('gdt_ents');
  const frames = Array.from({ length: Math.ceil(entries / 512) }, (_, index) => context.get('gdt_frames', index));
  const badGdt = setGdt(xen, vcpu, frames, entries);
  if (badGdt !== undefined) {
    xen.references.putWithType(root as Mfn);
    return badGdt;
  }
  installKernelRoot(xen, vcpu, root as Mfn);
  for (const [vector, { address, cs, flags }] of traps.entries())
    vcpu.traps[vector] = trapHandler(vcpu.domain.width, address, cs, flags);
  vcpu.ldtBase = ldtBase as VirtualAddress;
  vcpu.ldtEntries = ldtEntries;
  installState();
  finishStart(xen, vcpu);
  // Only 64-bit guests have a user mode that CS does not tell.
  vcpu.kernelMode =
    vcpu.domain.width === 64
      ? (context.get('flags') & VGCF_IN_KERNEL) !== 0
      : ((vcpu.registers.selectors[CS] as number) & 3) === 1;
  return undefined;
}

interface TrapEntry {
  readonly address: VirtualAddress;
  readonly cs: number;
  readonly flags: number;
}

/** All 256 entries; the index is the vector. */
function trapEntries(context: GuestContext): TrapEntry[] {
  const field = context.definition[context.width].field.trap_ctxt;
  const data = new DataView(context.bytes.buffer, context.bytes.byteOffset + context.start + field.offset);
  return Array.from({ length: 256 }, (_, vector) => {
    const at = vector * field.elementSize;
    const address =
      context.width === 64
        ? data.getInt32(at + 12, true) * 4294967296 + data.getUint32(at + 8, true)
        : data.getUint32(at + 4, true);
    return {
      address: address as VirtualAddress,
      cs: data.getUint16(at + 2, true),
      flags: data.getUint8(at + 1),
    };
  });
}

/** Order of the general registers in the hardware's numbering. */
const GENERAL_64 = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;
const GENERAL_32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const SELECTORS = [
  [ES, 'es'],
  [DS, 'ds'],
  [FS, 'fs'],
  [GS, 'gs'],
] as const;
const RFLAGS_SETTABLE = 0x3f4fd7;

function installState64(vcpu: Vcpu, context: Context64): void {
  const flags = context.get('flags');
  vcpu.eventCallback = { address: context.get('event_callback_eip') as VirtualAddress, cs: 0, maskEvents: true };
  vcpu.failsafeCallback = {
    address: context.get('failsafe_callback_eip') as VirtualAddress,
    cs: 0,
    maskEvents: (flags & VGCF_FAILSAFE_DISABLES_EVENTS) !== 0,
  };
  vcpu.syscallCallback = {
    address: context.get('syscall_callback_eip') as VirtualAddress,
    cs: 0,
    maskEvents: (flags & VGCF_SYSCALL_DISABLES_EVENTS) !== 0,
  };
  vcpu.kernelSs = context.get('kernel_ss') & 0xffff;
  vcpu.kernelSp = context.get('kernel_sp') as VirtualAddress;
  const { registers } = vcpu;
  const user = new StructView(CPU_USER_REGS_64, 64, context.bytes, registersIn(context));
  for (const [index, name] of GENERAL_64.entries()) {
    registers.low[index] = user.low(name);
    registers.high[index] = user.high(name);
  }
  registers.rip = (user.high('rip') * 4294967296 + (user.low('rip') >>> 0)) as VirtualAddress;
  installCommon(vcpu, user.low('rflags'), context, user);
  registers.baseLow[FS] = context.low('fs_base');
  registers.baseHigh[FS] = context.high('fs_base');
  registers.baseLow[GS] = context.low('gs_base_kernel');
  registers.baseHigh[GS] = context.high('gs_base_kernel');
  vcpu.gsBaseUserLow = context.low('gs_base_user');
  vcpu.gsBaseUserHigh = context.high('gs_base_user');
}

function installState32(vcpu: Vcpu, context: Context32): void {
  vcpu.eventCallback = {
    address: context.get('event_callback_eip') as VirtualAddress,
    cs: fixedSelector(context.get('event_callback_cs') & 0xffff, 32),
    maskEvents: true,
  };
  vcpu.failsafeCallback = {
    address: context.get('failsafe_callback_eip') as VirtualAddress,
    cs: fixedSelector(context.get('failsafe_callback_cs') & 0xffff, 32),
    maskEvents: (context.get('flags') & VGCF_FAILSAFE_DISABLES_EVENTS) !== 0,
  };
  vcpu.kernelSs = fixedSelector(context.get('kernel_ss') & 0xffff, 32);
  vcpu.kernelSp = context.get('kernel_sp') as VirtualAddress;
  const user = new StructView(CPU_USER_REGS_32, 32, context.bytes, registersIn(context));
  for (const [index, name] of GENERAL_32.entries()) {
    vcpu.registers.low[index] = user.low(name);
    vcpu.registers.high[index] = 0;
  }
  vcpu.registers.rip = user.get('eip') as VirtualAddress;
  installCommon(vcpu, user.low('eflags'), context, user);
}

function registersIn(context: GuestContext): number {
  return context.start + context.definition[context.width].offset.user_regs;
}

type UserRegisters = StructView<'cs' | 'ss' | 'es' | 'ds' | 'fs' | 'gs'>;

function installCommon(vcpu: Vcpu, flags: number, context: GuestContext, user: UserRegisters): void {
  const { registers } = vcpu;
  const { width } = vcpu.domain;
  vcpu.iopl = flags & EFLAGS_IOPL;
  registers.rflags = (flags & RFLAGS_SETTABLE) | 2 | EFLAGS_IF;
  registers.selectors[CS] = fixedSelector(user.get('cs'), width);
  registers.selectors[SS] = fixedSelector(user.get('ss'), width);
  for (const [segment, name] of SELECTORS) registers.selectors[segment] = user.get(name);
  if ((context.get('flags') & VGCF_I387_VALID) !== 0)
    registers.fpu = context.bytes.slice(context.start, context.start + 512);
}
