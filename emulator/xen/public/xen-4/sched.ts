import { struct } from '../struct.ts';

/** public/sched.h and public/vcpu.h. */

const SHUTDOWN_VALUES = {
  0: 'poweroff',
  1: 'reboot',
  2: 'suspend',
  3: 'crash',
  4: 'watchdog',
  5: 'soft_reset',
} as const;

export const SCHED_SHUTDOWN = struct('sched_shutdown', {
  reason: { type: 'u32', format: { values: SHUTDOWN_VALUES } },
});
export const SCHED_POLL = struct('sched_poll', { ports: 'pointer', nr_ports: 'u32', timeout: 'u64' });
export const SCHED_REMOTE_SHUTDOWN = struct('sched_remote_shutdown', {
  domain_id: { type: 'u16', format: 'domid' },
  reason: { type: 'u32', format: { values: SHUTDOWN_VALUES } },
});
export const SCHED_WATCHDOG = struct('sched_watchdog', { id: 'u32', timeout: 'u32' });
export const SCHED_PIN_OVERRIDE = struct('sched_pin_override', { pcpu: 's32' });

export const VCPU_RUNSTATE_INFO = struct('vcpu_runstate_info', {
  state: { type: 's32', format: { values: { 0: 'running', 1: 'runnable', 2: 'blocked', 3: 'offline' } } },
  state_entry_time: 'u64',
  time: { type: 'u64', count: 4 },
});
/** Set in state_entry_time while the area is being written (VMASST runstate_update_flag). */
export const XEN_RUNSTATE_UPDATE_HIGH = 0x80000000;

export const VCPU_REGISTER_RUNSTATE = struct('vcpu_register_runstate_memory_area', { addr: 'pointer', pad: 'u64' });
export const VCPU_REGISTER_TIME = struct('vcpu_register_time_memory_area', { addr: 'pointer', pad: 'u64' });
export const VCPU_SET_PERIODIC_TIMER = struct('vcpu_set_periodic_timer', {
  period_ns: { type: 'u64', format: 'decimal' },
});
export const VCPU_SET_SINGLESHOT_TIMER = struct('vcpu_set_singleshot_timer', {
  timeout_abs_ns: { type: 'u64', format: 'decimal' },
  flags: 'u32',
});
export const VCPU_REGISTER_VCPU_INFO = struct('vcpu_register_vcpu_info', { mfn: 'u64', offset: 'u32', rsvd: 'u32' });
export const VCPU_GET_PHYSID = struct('vcpu_get_physid', { phys_id: { type: 'u64', out: true } });

/** vcpu_guest_context of arch-x86/xen.h, with the 64-bit user registers. */
export const CPU_USER_REGS_64 = struct('cpu_user_regs', {
  r15: 'u64',
  r14: 'u64',
  r13: 'u64',
  r12: 'u64',
  rbp: 'u64',
  rbx: 'u64',
  r11: 'u64',
  r10: 'u64',
  r9: 'u64',
  r8: 'u64',
  rax: 'u64',
  rcx: 'u64',
  rdx: 'u64',
  rsi: 'u64',
  rdi: 'u64',
  error_code: 'u32',
  entry_vector: 'u32',
  rip: 'u64',
  cs: 'u16',
  pad0: 'u16',
  saved_upcall_mask: 'u8',
  pad1: { type: 'u8', count: 3 },
  rflags: 'u64',
  rsp: 'u64',
  ss: 'u16',
  pad2: { type: 'u16', count: 3 },
  es: 'u16',
  pad3: { type: 'u16', count: 3 },
  ds: 'u16',
  pad4: { type: 'u16', count: 3 },
  fs: 'u16',
  pad5: { type: 'u16', count: 3 },
  gs: 'u16',
  pad6: { type: 'u16', count: 3 },
});

const TRAP_INFO_IN_CONTEXT = struct('trap_info', { vector: 'u8', flags: 'u8', cs: 'u16', address: 'pointer' });

export const VCPU_GUEST_CONTEXT_64 = struct('vcpu_guest_context', {
  fpu_ctxt: { type: 'u8', count: 512 },
  flags: 'ulong',
  user_regs: { type: CPU_USER_REGS_64 },
  trap_ctxt: { type: TRAP_INFO_IN_CONTEXT, count: 256 },
  ldt_base: 'pointer',
  ldt_ents: 'ulong',
  gdt_frames: { type: 'ulong', count: 16 },
  gdt_ents: 'ulong',
  kernel_ss: 'ulong',
  kernel_sp: 'pointer',
  ctrlreg: { type: 'ulong', count: 8 },
  debugreg: { type: 'ulong', count: 8 },
  event_callback_eip: 'pointer',
  failsafe_callback_eip: 'pointer',
  syscall_callback_eip: 'pointer',
  vm_assist: 'ulong',
  fs_base: 'u64',
  gs_base_kernel: 'u64',
  gs_base_user: 'u64',
});

export const CPU_USER_REGS_32 = struct('cpu_user_regs', {
  ebx: 'u32',
  ecx: 'u32',
  edx: 'u32',
  esi: 'u32',
  edi: 'u32',
  ebp: 'u32',
  eax: 'u32',
  error_code: 'u16',
  entry_vector: 'u16',
  eip: 'u32',
  cs: 'u16',
  saved_upcall_mask: 'u8',
  pad0: 'u8',
  eflags: 'u32',
  esp: 'u32',
  ss: 'u16',
  pad1: 'u16',
  es: 'u16',
  pad2: 'u16',
  ds: 'u16',
  pad3: 'u16',
  fs: 'u16',
  pad4: 'u16',
  gs: 'u16',
  pad5: 'u16',
});

export const VCPU_GUEST_CONTEXT_32 = struct('vcpu_guest_context', {
  fpu_ctxt: { type: 'u8', count: 512 },
  flags: 'ulong',
  user_regs: { type: CPU_USER_REGS_32 },
  trap_ctxt: { type: TRAP_INFO_IN_CONTEXT, count: 256 },
  ldt_base: 'pointer',
  ldt_ents: 'ulong',
  gdt_frames: { type: 'ulong', count: 16 },
  gdt_ents: 'ulong',
  kernel_ss: 'ulong',
  kernel_sp: 'pointer',
  ctrlreg: { type: 'ulong', count: 8 },
  debugreg: { type: 'ulong', count: 8 },
  event_callback_cs: 'ulong',
  event_callback_eip: 'pointer',
  failsafe_callback_cs: 'ulong',
  failsafe_callback_eip: 'pointer',
  vm_assist: 'ulong',
});
/** vcpu_guest_context.flags. */
export const VGCF_I387_VALID = 1 << 0;
export const VGCF_FAILSAFE_DISABLES_EVENTS = 1 << 3;
export const VGCF_SYSCALL_DISABLES_EVENTS = 1 << 4;
export const VGCF_IN_KERNEL = 1 << 2;
