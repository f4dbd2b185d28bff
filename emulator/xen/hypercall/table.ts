import { doConsoleIo, doVmAssist } from '../common/kernel.ts';
import { doMulticall } from '../common/multicall.ts';
import {
  doDmOp,
  doDomctl,
  doPagingDomctlCont,
  doPlatformOp,
  doSysctl,
  doXenoprofOp,
} from '../common/privileged-ops.ts';
import { type Refusal, refuse } from '../common/refusal.ts';
import { doSetTimerOp } from '../common/schedule.ts';
import { EVTCHN_OP_COMPAT } from '../public/xen-4/event-channel.ts';
import { PHYSDEV_OP_COMPAT } from '../public/xen-4/physdev.ts';
import { MMU_UPDATE, MMUEXT_NAMES, MMUEXT_OP, MULTICALL_ENTRY, TRAP_INFO } from '../public/xen-4/xen.ts';
import { doSetCallbacks, doSetTrapTable, doStackSwitch } from '../pv/callback.ts';
import { doIret } from '../pv/iret.ts';
import {
  doFpuTaskswitch,
  doGetDebugreg,
  doSetDebugreg,
  doSetGdt,
  doSetSegmentBase,
  doUpdateDescriptor,
} from '../pv/misc-hypercalls.ts';
import { doMmuUpdate, doUpdateVaMapping, doUpdateVaMappingOtherDomain } from '../pv/mm.ts';
import { doMmuextOp } from '../pv/mmuext-op.ts';
import type { HypercallContext, HypercallHandler } from './call.ts';
import { doEventChannelOpCompat, doPhysdevOpCompat } from './compat.ts';
import type { ArgumentSpec, HypercallRow } from './row.ts';
import {
  CALLBACK_OPS,
  EVENT_CHANNEL_OPS,
  GRANT_TABLE_OPS,
  HVM_OPS,
  MEMORY_OPS,
  NMI_OPS,
  PHYSDEV_OPS,
  SCHED_OPS,
  SCHED_OPS_COMPAT,
  VCPU_OPS,
  VERSION_OPS,
} from './suboperations.ts';

/**
 * The hypercalls of Xen 4, numbers 0 to 55 (public/xen.h). A row without `run` or sub-operations answers ENOSYS; so do
 * numbers without a row.
 */

const denied: HypercallHandler = () => refuse('EPERM', 'for privileged domains only');
/** do_vcpu_op looks for the vCPU first. */
function unknownVcpuOp({ domain, args }: HypercallContext): Refusal | undefined {
  const id = args.u32(1);
  return domain.vcpus[id] === undefined ? refuse('ENOENT', `there is no vCPU ${id}`) : undefined;
}

/** The bits above GNTTABOP_CMD_MASK are a place to go on at, which only cache_flush has. */
const GNTTABOP_CMD_MASK = 0xfff;
function unknownGrantTableOp({ args }: HypercallContext): Refusal | undefined {
  const command = args.u32(0);
  return command > GNTTABOP_CMD_MASK ? refuse('EINVAL', `operation ${command} has bits above bit 11`) : undefined;
}

/** compat_callback_op answers another errno than do_callback_op. */
function unknownCallbackOp({ domain, args }: HypercallContext): Refusal | undefined {
  return domain.width === 32 ? refuse('EINVAL', `callback_op has no sub-operation ${args.u32(0)}`) : undefined;
}

const COMMAND: ArgumentSpec = { name: 'cmd', format: 'decimal' };
const POINTER: ArgumentSpec = { name: 'arg', format: 'address' };
const DONE: ArgumentSpec = { name: 'done', format: 'address' };
const FOREIGN: ArgumentSpec = { name: 'foreigndom', format: 'domid' };
const ENTRY: ArgumentSpec = { name: 'pte', format: 'pte' };
const VA: ArgumentSpec = { name: 'va', format: 'address' };
const UVMF: ArgumentSpec = { name: 'flags', format: 'uvm-flags' };

export const HYPERCALL_ROWS: readonly HypercallRow[] = [
  {
    number: 0,
    name: 'set_trap_table',
    documentation: 'Sets the handlers of exceptions and software interrupts.',
    arguments: [{ name: 'table', format: 'address', struct: TRAP_INFO, count: -1 }],
    run: doSetTrapTable,
  },
  {
    number: 1,
    name: 'mmu_update',
    documentation: 'Changes entries of page tables or of the machine-to-physical table.',
    arguments: [
      { name: 'req', format: 'address', struct: MMU_UPDATE, count: 1 },
      { name: 'count', format: 'decimal' },
      DONE,
      FOREIGN,
    ],
    run: doMmuUpdate,
  },
  {
    number: 2,
    name: 'set_gdt',
    documentation: 'Installs the frames of the global descriptor table.',
    arguments: [
      { name: 'frame_list', format: 'address' },
      { name: 'entries', format: 'decimal' },
    ],
    run: doSetGdt,
  },
  {
    number: 3,
    name: 'stack_switch',
    documentation: 'Sets the kernel stack for entries from user mode.',
    arguments: [
      { name: 'ss', format: 'hex' },
      { name: 'esp', format: 'address' },
    ],
    run: doStackSwitch,
  },
  {
    number: 4,
    name: 'set_callbacks',
    documentation: 'Registers the event, failsafe and syscall callbacks.',
    arguments: [
      { name: 'event', format: 'address' },
      { name: 'failsafe', format: 'address' },
      { name: 'syscall', format: 'address' },
    ],
    arguments32: [
      { name: 'event_selector', format: 'hex' },
      { name: 'event_address', format: 'address' },
      { name: 'failsafe_selector', format: 'hex' },
      { name: 'failsafe_address', format: 'address' },
    ],
    run: doSetCallbacks,
  },
  {
    number: 5,
    name: 'fpu_taskswitch',
    documentation: 'Sets or clears CR0.TS.',
    arguments: [{ name: 'set', format: 'decimal' }],
    run: doFpuTaskswitch,
  },
  {
    number: 6,
    name: 'sched_op_compat',
    documentation: 'Scheduling, the form of Xen 2.',
    arguments: [COMMAND, { name: 'arg', format: 'decimal' }],
    suboperations: SCHED_OPS_COMPAT,
    prefix: 'SCHEDOP_',
  },
  {
    number: 7,
    name: 'platform_op',
    documentation: 'Platform control by dom0.',
    arguments: [POINTER],
    run: doPlatformOp,
  },
  {
    number: 8,
    name: 'set_debugreg',
    documentation: 'Writes a debug register.',
    arguments: [
      { name: 'reg', format: 'decimal' },
      { name: 'value', format: 'hex' },
    ],
    run: doSetDebugreg,
  },
  {
    number: 9,
    name: 'get_debugreg',
    documentation: 'Reads a debug register.',
    arguments: [{ name: 'reg', format: 'decimal' }],
    run: doGetDebugreg,
  },
  {
    number: 10,
    name: 'update_descriptor',
    documentation: 'Changes one entry of a descriptor table.',
    arguments: [
      { name: 'ma', format: 'hex' },
      { name: 'desc', format: 'hex' },
    ],
    wide: [0, 1],
    run: doUpdateDescriptor,
  },
  {
    number: 12,
    name: 'memory_op',
    documentation: 'Memory reservation and maps.',
    arguments: [COMMAND, POINTER],
    suboperations: MEMORY_OPS,
    commandMask: 0x3f,
    prefix: 'XENMEM_',
  },
  {
    number: 13,
    name: 'multicall',
    documentation: 'Runs a list of hypercalls.',
    arguments: [
      { name: 'call_list', format: 'address', struct: MULTICALL_ENTRY, count: 1 },
      { name: 'nr_calls', format: 'decimal' },
    ],
    run: doMulticall,
  },
  {
    number: 14,
    name: 'update_va_mapping',
    documentation: 'Changes the page-table entry that maps an address.',
    arguments: [VA, ENTRY, UVMF],
    wide: [1],
    run: doUpdateVaMapping,
  },
  {
    number: 15,
    name: 'set_timer_op',
    documentation: 'Sets the one-shot timer (absolute system time in ns).',
    arguments: [{ name: 'timeout', format: 'decimal' }],
    wide: [0],
    run: doSetTimerOp,
  },
  {
    number: 16,
    name: 'event_channel_op_compat',
    documentation: 'Event channels, the form of Xen 2: command and structure in one.',
    arguments: [{ name: 'op', format: 'address', struct: EVTCHN_OP_COMPAT }],
    run: doEventChannelOpCompat,
  },
  {
    number: 17,
    name: 'xen_version',
    documentation: 'Version, features, capabilities.',
    arguments: [COMMAND, POINTER],
    suboperations: VERSION_OPS,
    prefix: 'XENVER_',
  },
  {
    number: 18,
    name: 'console_io',
    documentation: 'Xen’s own console.',
    arguments: [COMMAND, { name: 'count', format: 'decimal' }, { name: 'str', format: 'address' }],
    run: doConsoleIo,
  },
  {
    number: 19,
    name: 'physdev_op_compat',
    documentation: 'Physical devices, the form of Xen 2: command and structure in one.',
    arguments: [{ name: 'op', format: 'address', struct: PHYSDEV_OP_COMPAT }],
    run: doPhysdevOpCompat,
  },
  {
    number: 20,
    name: 'grant_table_op',
    documentation: 'Sharing of pages between domains.',
    arguments: [COMMAND, { name: 'uop', format: 'address' }, { name: 'count', format: 'decimal' }],
    suboperations: GRANT_TABLE_OPS,
    unknown: unknownGrantTableOp,
    prefix: 'GNTTABOP_',
  },
  {
    number: 21,
    name: 'vm_assist',
    documentation: 'Switches an assist on (0) or off (1).',
    arguments: [
      { name: 'cmd', values: { 0: 'enable', 1: 'disable' } },
      {
        name: 'type',
        values: {
          0: '4gb_segments',
          1: '4gb_segments_notify',
          2: 'writable_pagetables',
          3: 'pae_extended_cr3',
          4: 'architectural_iopl',
          5: 'runstate_update_flag',
          32: 'm2p_strict',
        },
      },
    ],
    run: doVmAssist,
  },
  {
    number: 22,
    name: 'update_va_mapping_otherdomain',
    documentation: 'As update_va_mapping, to a frame of another domain.',
    arguments: [VA, ENTRY, UVMF, { name: 'domid', format: 'domid' }],
    wide: [1],
    run: doUpdateVaMappingOtherDomain,
  },
  {
    number: 23,
    name: 'iret',
    documentation: 'Returns from an exception, to user mode or with events unmasked.',
    arguments: [],
    run: doIret,
  },
  {
    number: 24,
    name: 'vcpu_op',
    documentation: 'Virtual CPUs, their timers and shared areas.',
    arguments: [COMMAND, { name: 'vcpuid', format: 'decimal' }, { name: 'extra_args', format: 'address' }],
    suboperations: VCPU_OPS,
    unknown: unknownVcpuOp,
    prefix: 'VCPUOP_',
  },
  {
    number: 25,
    name: 'set_segment_base',
    documentation: 'Sets the base of FS or GS.',
    arguments: [
      { name: 'which', values: { 0: 'FS', 1: 'GS_USER', 2: 'GS_KERNEL', 3: 'GS_USER_SEL' } },
      { name: 'base', format: 'address' },
    ],
    run: doSetSegmentBase,
  },
  {
    number: 26,
    name: 'mmuext_op',
    documentation: 'Pins page tables, sets roots, flushes.',
    arguments: [
      { name: 'op', format: 'address', struct: MMUEXT_OP, count: 1 },
      { name: 'count', format: 'decimal' },
      DONE,
      FOREIGN,
    ],
    elementCommands: MMUEXT_NAMES,
    prefix: 'MMUEXT_',
    run: doMmuextOp,
  },
  { number: 27, name: 'xsm_op', documentation: 'Security modules; none is loaded.', arguments: [POINTER] },
  {
    number: 28,
    name: 'nmi_op',
    documentation: 'NMI handler.',
    arguments: [COMMAND, POINTER],
    suboperations: NMI_OPS,
    prefix: 'XENNMI_',
  },
  {
    number: 29,
    name: 'sched_op',
    documentation: 'Scheduling and shutdown.',
    arguments: [COMMAND, POINTER],
    suboperations: SCHED_OPS,
    prefix: 'SCHEDOP_',
  },
  {
    number: 30,
    name: 'callback_op',
    documentation: 'Registers callbacks by type.',
    arguments: [COMMAND, POINTER],
    suboperations: CALLBACK_OPS,
    unknown: unknownCallbackOp,
    prefix: 'CALLBACKOP_',
  },
  {
    number: 31,
    name: 'xenoprof_op',
    documentation: 'Profiling.',
    arguments: [COMMAND, POINTER],
    run: doXenoprofOp,
  },
  {
    number: 32,
    name: 'event_channel_op',
    documentation: 'Event channels.',
    arguments: [COMMAND, POINTER],
    suboperations: EVENT_CHANNEL_OPS,
    prefix: 'EVTCHNOP_',
  },
  {
    number: 33,
    name: 'physdev_op',
    documentation: 'Physical devices and I/O privilege.',
    arguments: [COMMAND, POINTER],
    suboperations: PHYSDEV_OPS,
    prefix: 'PHYSDEVOP_',
  },
  {
    number: 34,
    name: 'hvm_op',
    documentation: 'HVM domains.',
    arguments: [COMMAND, POINTER],
    suboperations: HVM_OPS,
    prefix: 'HVMOP_',
  },
  { number: 35, name: 'sysctl', documentation: 'System control by dom0.', arguments: [POINTER], run: doSysctl },
  { number: 36, name: 'domctl', documentation: 'Domain control by dom0.', arguments: [POINTER], run: doDomctl },
  { number: 37, name: 'kexec_op', documentation: 'Crash kernels.', arguments: [COMMAND, POINTER], run: denied },
  { number: 38, name: 'tmem_op', documentation: 'Transcendent memory; removed from Xen.', arguments: [POINTER] },
  {
    number: 39,
    name: 'argo_op',
    documentation: 'Argo messages; not configured.',
    arguments: [COMMAND, POINTER],
  },
  {
    number: 40,
    name: 'xenpmu_op',
    documentation: 'Performance counters.',
    arguments: [COMMAND, POINTER],
    run: () => refuse('EOPNOTSUPP', 'performance counters are not enabled (vpmu)'),
  },
  {
    number: 41,
    name: 'dm_op',
    documentation: 'Device models.',
    arguments: [FOREIGN, { name: 'nr_bufs', format: 'decimal' }, POINTER],
    run: doDmOp,
  },
  {
    number: 42,
    name: 'hypfs_op',
    documentation: 'Hypervisor file system.',
    arguments: [COMMAND, POINTER],
    run: denied,
  },
  { number: 48, name: 'mca', documentation: 'Machine checks.', arguments: [POINTER], run: denied },
  {
    number: 49,
    name: 'paging_domctl_cont',
    documentation: 'Continuation of a domctl.',
    arguments: [POINTER],
    run: doPagingDomctlCont,
  },
];

/** By number. */
export const HYPERCALL_TABLE: readonly (HypercallRow | undefined)[] = Array.from({ length: 56 }, (_, number) =>
  HYPERCALL_ROWS.find((row) => row.number === number),
);
