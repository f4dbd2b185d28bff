import * as event from '../common/event-ops.ts';
import * as copy from '../common/grant-copy.ts';
import * as grant from '../common/grant-ops.ts';
import * as version from '../common/kernel.ts';
import * as memory from '../common/memory.ts';
import * as privileged from '../common/privileged-ops.ts';
import { refuse } from '../common/refusal.ts';
import * as sched from '../common/schedule.ts';
import * as vcpu from '../common/vcpu-op.ts';
import * as evtchnAbi from '../public/xen-4/event-channel.ts';
import * as grantAbi from '../public/xen-4/grant-table.ts';
import * as memoryAbi from '../public/xen-4/memory.ts';
import * as physdevAbi from '../public/xen-4/physdev.ts';
import * as schedAbi from '../public/xen-4/sched.ts';
import * as versionAbi from '../public/xen-4/version.ts';
import * as callback from '../pv/callback.ts';
import * as physdev from '../pv/physdev.ts';
import type { HypercallHandler } from './call.ts';
import { plain, refused, type SuboperationRow, withStruct } from './row.ts';

/** Sub-operations of the hypercalls that have them, one row each (Xen's public headers, 4.17). */

const denied: HypercallHandler = () => refuse('EPERM', 'for privileged domains only');
const absent: HypercallHandler = () => refuse('ENOSYS', 'not configured in this build');
const unsupported: HypercallHandler = () => refuse('EOPNOTSUPP', 'not available in this build');

export const EVENT_CHANNEL_OPS: readonly SuboperationRow[] = [
  withStruct(
    0,
    'bind_interdomain',
    evtchnAbi.EVTCHN_BIND_INTERDOMAIN,
    event.doBindInterdomain,
    'Connects a new local port to an unbound port of another domain.',
  ),
  withStruct(
    1,
    'bind_virq',
    evtchnAbi.EVTCHN_BIND_VIRQ,
    event.doBindVirq,
    'Binds a new port to a virtual interrupt of a vCPU.',
  ),
  withStruct(2, 'bind_pirq', evtchnAbi.EVTCHN_BIND_PIRQ, event.doBindPirq, 'Binds a new port to a physical interrupt.'),
  withStruct(3, 'close', evtchnAbi.EVTCHN_CLOSE, event.doClose, 'Closes a port.'),
  withStruct(4, 'send', evtchnAbi.EVTCHN_SEND, event.doSend, 'Makes the far end of a port pending.'),
  withStruct(5, 'status', evtchnAbi.EVTCHN_STATUS, event.doStatus, 'What a port is bound to.'),
  withStruct(
    6,
    'alloc_unbound',
    evtchnAbi.EVTCHN_ALLOC_UNBOUND,
    event.doAllocUnbound,
    'Allocates a port that another domain may bind to.',
  ),
  withStruct(
    7,
    'bind_ipi',
    evtchnAbi.EVTCHN_BIND_IPI,
    event.doBindIpi,
    'Binds a new port for interrupts between vCPUs.',
  ),
  withStruct(8, 'bind_vcpu', evtchnAbi.EVTCHN_BIND_VCPU, event.doBindVcpu, 'Chooses the vCPU that a port notifies.'),
  withStruct(9, 'unmask', evtchnAbi.EVTCHN_UNMASK, event.doUnmask, 'Unmasks a port, and delivers what waited.'),
  withStruct(10, 'reset', evtchnAbi.EVTCHN_RESET, event.doReset, 'Closes all ports of a domain.'),
  withStruct(
    11,
    'init_control',
    evtchnAbi.EVTCHN_INIT_CONTROL,
    event.doInitControl,
    'Switches to the FIFO ABI and sets the control block of a vCPU.',
  ),
  withStruct(
    12,
    'expand_array',
    evtchnAbi.EVTCHN_EXPAND_ARRAY,
    event.doExpandArray,
    'Adds a page to the FIFO event array.',
  ),
  withStruct(13, 'set_priority', evtchnAbi.EVTCHN_SET_PRIORITY, event.doSetPriority, 'Sets the FIFO queue of a port.'),
];

export const SCHED_OPS: readonly SuboperationRow[] = [
  plain(0, 'yield', sched.doYield, 'Gives the processor to another vCPU.'),
  plain(1, 'block', sched.doBlock, 'Unmasks events and sleeps until one comes.'),
  withStruct(
    2,
    'shutdown',
    schedAbi.SCHED_SHUTDOWN,
    sched.doShutdown,
    'Powers off, reboots, suspends or crashes the domain.',
  ),
  withStruct(3, 'poll', schedAbi.SCHED_POLL, sched.doPoll, 'Sleeps until one of the ports is pending.'),
  withStruct(
    4,
    'remote_shutdown',
    schedAbi.SCHED_REMOTE_SHUTDOWN,
    sched.doRemoteShutdown,
    'Shuts another domain down.',
  ),
  withStruct(
    5,
    'shutdown_code',
    schedAbi.SCHED_SHUTDOWN,
    sched.doShutdownCode,
    'Announces the code of a later shutdown.',
  ),
  withStruct(6, 'watchdog', schedAbi.SCHED_WATCHDOG, sched.doWatchdog, 'Arms, rearms or stops a watchdog.'),
  refused(7, 'pin_override', denied, 'Pins the vCPU to a physical CPU.'),
];

export const SCHED_OPS_COMPAT: readonly SuboperationRow[] = [
  plain(0, 'yield', sched.doYield, 'Gives the processor to another vCPU.'),
  plain(1, 'block', sched.doBlock, 'Unmasks events and sleeps until one comes.'),
  plain(2, 'shutdown', sched.doShutdownCompat, 'Ends the domain; argument 1 is the reason.'),
];

export const VCPU_OPS: readonly SuboperationRow[] = [
  plain(0, 'initialise', vcpu.doInitialise, 'Gives a vCPU its first context.', {
    struct: schedAbi.VCPU_GUEST_CONTEXT_64,
    argument: 2,
  }),
  plain(1, 'up', vcpu.doUp, 'Brings a vCPU up.'),
  plain(2, 'down', vcpu.doDown, 'Takes a vCPU down.'),
  plain(3, 'is_up', vcpu.doIsUp, 'Whether a vCPU is up.'),
  plain(4, 'get_runstate_info', vcpu.doGetRunstate, 'Times spent running, runnable, blocked, offline.', {
    struct: schedAbi.VCPU_RUNSTATE_INFO,
    argument: 2,
  }),
  withStruct(
    5,
    'register_runstate_memory_area',
    schedAbi.VCPU_REGISTER_RUNSTATE,
    vcpu.doRegisterRunstate,
    'Where Xen keeps a copy of the runstate.',
    2,
  ),
  withStruct(
    6,
    'set_periodic_timer',
    schedAbi.VCPU_SET_PERIODIC_TIMER,
    vcpu.doSetPeriodic,
    'VIRQ_TIMER at regular intervals.',
    2,
  ),
  plain(7, 'stop_periodic_timer', vcpu.doStopPeriodic, 'Stops the periodic timer.'),
  withStruct(
    8,
    'set_singleshot_timer',
    schedAbi.VCPU_SET_SINGLESHOT_TIMER,
    vcpu.doSetSingleshot,
    'VIRQ_TIMER once, at an absolute system time.',
    2,
  ),
  plain(9, 'stop_singleshot_timer', vcpu.doStopSingleshot, 'Stops the one-shot timer.'),
  withStruct(
    10,
    'register_vcpu_info',
    schedAbi.VCPU_REGISTER_VCPU_INFO,
    vcpu.doRegisterVcpuInfo,
    'Moves vcpu_info into a page of the guest.',
    2,
  ),
  plain(11, 'send_nmi', vcpu.doSendNmi, 'Sends an NMI to a vCPU.'),
  plain(12, 'get_physid', vcpu.doGetPhysid, 'APIC and ACPI numbers of a pinned vCPU.', {
    struct: schedAbi.VCPU_GET_PHYSID,
    argument: 2,
  }),
  withStruct(
    13,
    'register_vcpu_time_memory_area',
    schedAbi.VCPU_REGISTER_TIME,
    vcpu.doRegisterTime,
    'Where Xen keeps a copy of vcpu_time_info.',
    2,
  ),
];

export const GRANT_TABLE_OPS: readonly SuboperationRow[] = [
  plain(0, 'map_grant_ref', grant.doMapGrantRef, 'Maps grants of other domains.', {
    struct: grantAbi.GNTTAB_MAP_GRANT_REF,
    count: 2,
  }),
  plain(1, 'unmap_grant_ref', grant.doUnmapGrantRef, 'Ends mappings.', {
    struct: grantAbi.GNTTAB_UNMAP_GRANT_REF,
    count: 2,
  }),
  plain(2, 'setup_table', grant.doSetupTable, 'Sizes the grant table and tells its frames.', {
    struct: grantAbi.GNTTAB_SETUP_TABLE,
    count: 2,
  }),
  plain(3, 'dump_table', undefined, 'Printed a table on the Xen console; removed from Xen.'),
  plain(4, 'transfer', copy.doTransfer, 'Gives pages away.', { struct: grantAbi.GNTTAB_TRANSFER, count: 2 }),
  plain(5, 'copy', copy.doCopy, 'Copies between grants and own frames.', { struct: grantAbi.GNTTAB_COPY, count: 2 }),
  plain(6, 'query_size', grant.doQuerySize, 'Present and greatest size of the table.', {
    struct: grantAbi.GNTTAB_QUERY_SIZE,
    count: 2,
  }),
  plain(7, 'unmap_and_replace', grant.doUnmapAndReplace, 'Ends a mapping and moves another entry into its place.', {
    struct: grantAbi.GNTTAB_UNMAP_AND_REPLACE,
    count: 2,
  }),
  plain(8, 'set_version', grant.doSetVersion, 'Chooses the layout of entries.', {
    struct: grantAbi.GNTTAB_SET_VERSION,
  }),
  plain(9, 'get_status_frames', grant.doGetStatusFrames, 'Frames of the version 2 status words.', {
    struct: grantAbi.GNTTAB_GET_STATUS_FRAMES,
    count: 2,
  }),
  plain(10, 'get_version', grant.doGetVersion, 'The layout in use.', { struct: grantAbi.GNTTAB_GET_VERSION }),
  plain(11, 'swap_grant_ref', grant.doSwapGrantRef, 'Exchanges two entries.', {
    struct: grantAbi.GNTTAB_SWAP_GRANT_REF,
    count: 2,
  }),
  plain(12, 'cache_flush', grant.doCacheFlush, 'Cache maintenance of granted pages.', {
    struct: grantAbi.GNTTAB_CACHE_FLUSH,
    count: 2,
  }),
];

export const MEMORY_OPS: readonly SuboperationRow[] = [
  plain(0, 'increase_reservation', memory.doIncreaseReservation, 'More frames; answers how many extents were had.', {
    struct: memoryAbi.XEN_MEMORY_RESERVATION,
  }),
  plain(1, 'decrease_reservation', memory.doDecreaseReservation, 'Gives frames back; answers how many extents went.', {
    struct: memoryAbi.XEN_MEMORY_RESERVATION,
  }),
  plain(
    2,
    'maximum_ram_page',
    memory.withoutContinuation(memory.doMaximumRamPage),
    'One past the highest frame of the machine.',
  ),
  plain(3, 'current_reservation', memory.withoutContinuation(memory.doCurrentReservation), 'Pages that a domain has.', {
    struct: memoryAbi.DOMID_ARGUMENT,
  }),
  plain(
    4,
    'maximum_reservation',
    memory.withoutContinuation(memory.doMaximumReservation),
    'Pages that a domain may have.',
    {
      struct: memoryAbi.DOMID_ARGUMENT,
    },
  ),
  withStruct(
    5,
    'machphys_mfn_list',
    memoryAbi.XEN_MACHPHYS_MFN_LIST,
    memory.doMachphysMfnList,
    'Frames of the machine-to-physical table.',
  ),
  plain(6, 'populate_physmap', memory.doPopulatePhysmap, 'Frames for given pfns.', {
    struct: memoryAbi.XEN_MEMORY_RESERVATION,
  }),
  plain(7, 'add_to_physmap', memory.doAddToPhysmap, 'Places a page in a translated domain.', {
    struct: memoryAbi.XEN_ADD_TO_PHYSMAP,
  }),
  withStruct(9, 'memory_map', memoryAbi.XEN_MEMORY_MAP, memory.doMemoryMap, 'The E820 map that the tools set, if any.'),
  refused(10, 'machine_memory_map', denied, 'The E820 map of the machine.'),
  plain(11, 'exchange', memory.withoutContinuation(memory.doExchange), 'Frames for others.', {
    struct: memoryAbi.XEN_MEMORY_EXCHANGE,
  }),
  withStruct(
    12,
    'machphys_mapping',
    memoryAbi.XEN_MACHPHYS_MAPPING,
    memory.doMachphysMapping,
    'Where the machine-to-physical table is mapped.',
  ),
  withStruct(
    13,
    'set_memory_map',
    memoryAbi.XEN_FOREIGN_MEMORY_MAP,
    memory.doSetMemoryMap,
    'Sets the map that memory_map answers.',
  ),
  plain(14, 'maximum_gpfn', memory.withoutContinuation(memory.doMaximumGpfn), 'Highest pfn of a domain.', {
    struct: memoryAbi.DOMID_ARGUMENT,
  }),
  plain(
    15,
    'remove_from_physmap',
    memory.withoutContinuation(memory.doRemoveFromPhysmap),
    'Takes a page out of a translated domain.',
    {
      struct: memoryAbi.XEN_REMOVE_FROM_PHYSMAP,
    },
  ),
  withStruct(16, 'set_pod_target', memoryAbi.XEN_POD_TARGET, memory.doPodTarget, 'Populate-on-demand target.'),
  withStruct(17, 'get_pod_target', memoryAbi.XEN_POD_TARGET, memory.doPodTarget, 'Populate-on-demand target.'),
  plain(18, 'get_sharing_freed_pages', memory.doNothingShared, 'Memory sharing statistics.'),
  plain(19, 'get_sharing_shared_pages', memory.doNothingShared, 'Memory sharing statistics.'),
  refused(20, 'paging_op', absent, 'Paging of translated domains.'),
  withStruct(
    21,
    'access_op',
    memoryAbi.XEN_MEM_ACCESS_OP,
    memory.doAccessOp,
    'Memory access rights of translated domains.',
  ),
  refused(22, 'sharing_op', absent, 'Memory sharing.'),
  refused(23, 'add_to_physmap_batch', memory.doAddToPhysmapBatch, 'Places pages in a translated domain.'),
  refused(24, 'claim_pages', memory.doClaimPages, 'Sets memory aside for a domain.'),
  withStruct(
    25,
    'machphys_compat_mfn_list',
    memoryAbi.XEN_MACHPHYS_MFN_LIST,
    memory.doMachphysCompatMfnList,
    'Frames of the 32-bit machine-to-physical table.',
  ),
  withStruct(
    26,
    'get_vnumainfo',
    memoryAbi.XEN_VNUMA_TOPOLOGY_INFO,
    memory.doGetVnumaInfo,
    'Virtual NUMA topology; none was set.',
  ),
  refused(27, 'reserved_device_memory_map', memory.doReservedDeviceMemoryMap, 'Device memory reservations.'),
  withStruct(
    28,
    'acquire_resource',
    memoryAbi.XEN_MEM_ACQUIRE_RESOURCE,
    memory.doAcquireResource,
    'Maps a resource of another domain.',
  ),
];

export const VERSION_OPS: readonly SuboperationRow[] = [
  plain(0, 'version', version.doVersion, 'Major version in bits 31:16, minor below.'),
  withStruct(1, 'extraversion', versionAbi.XEN_EXTRAVERSION, version.doExtraVersion, 'What follows major and minor.'),
  withStruct(2, 'compile_info', versionAbi.XEN_COMPILE_INFO, version.doCompileInfo, 'Compiler, builder, date.'),
  withStruct(3, 'capabilities', versionAbi.XEN_CAPABILITIES_INFO, version.doCapabilities, 'Guest ABIs.'),
  withStruct(4, 'changeset', versionAbi.XEN_CHANGESET_INFO, version.doChangeset, 'Source revision.'),
  withStruct(
    5,
    'platform_parameters',
    versionAbi.XEN_PLATFORM_PARAMETERS,
    version.doPlatformParameters,
    'Start of Xen’s area.',
  ),
  withStruct(6, 'get_features', versionAbi.XEN_FEATURE_INFO, version.doGetFeatures, 'Feature bits.'),
  plain(7, 'pagesize', version.doPageSize, 'Bytes in a page.'),
  withStruct(8, 'guest_handle', versionAbi.XEN_DOMAIN_HANDLE, version.doGuestHandle, 'Uuid of the domain.'),
  plain(9, 'commandline', version.doCommandLine, 'Command line of Xen.', { struct: versionAbi.XEN_COMMANDLINE }),
  plain(10, 'build_id', version.doBuildId, 'Build id of Xen.'),
];

export const CALLBACK_OPS: readonly SuboperationRow[] = [
  plain(0, 'register', callback.doCallbackRegister, 'Registers a callback.', {
    struct: physdevAbi.CALLBACK_REGISTER_SHOWN,
  }),
  plain(1, 'unregister', callback.doCallbackUnregister, 'Takes a callback back.', {
    struct: physdevAbi.CALLBACK_UNREGISTER,
  }),
];

export const NMI_OPS: readonly SuboperationRow[] = [
  plain(0, 'register_callback', callback.doNmiRegister, 'Registers the NMI handler.', {
    struct: physdevAbi.XENNMI_CALLBACK,
  }),
  plain(1, 'unregister_callback', callback.doNmiUnregister, 'Takes the NMI handler back.'),
];

export const PHYSDEV_OPS: readonly SuboperationRow[] = [
  plain(4, 'irq_unmask_notify', physdev.doIrqUnmaskNotify, 'Unmasks IRQs, as before Xen 3.2.'),
  withStruct(
    5,
    'irq_status_query',
    physdevAbi.PHYSDEV_IRQ_STATUS_QUERY,
    physdev.doIrqStatusQuery,
    'Whether an IRQ needs an EOI.',
  ),
  withStruct(6, 'set_iopl', physdevAbi.PHYSDEV_SET_IOPL, physdev.doSetIopl, 'I/O privilege level of the vCPU.'),
  withStruct(
    7,
    'set_iobitmap',
    physdevAbi.PHYSDEV_SET_IOBITMAP,
    physdev.doSetIobitmap,
    'I/O permission bitmap of the vCPU.',
  ),
  withStruct(8, 'apic_read', physdevAbi.PHYSDEV_APIC, physdev.noHardware, 'Reads an I/O APIC register.'),
  withStruct(9, 'apic_write', physdevAbi.PHYSDEV_APIC, physdev.noHardware, 'Writes an I/O APIC register.'),
  withStruct(10, 'alloc_irq_vector', physdevAbi.PHYSDEV_IRQ, physdev.noHardware, 'Allocates a vector for an IRQ.'),
  withStruct(12, 'eoi', physdevAbi.PHYSDEV_EOI, physdev.doEoi, 'End of interrupt.'),
  withStruct(13, 'map_pirq', physdevAbi.PHYSDEV_MAP_PIRQ, physdev.doMapPirq, 'Maps an interrupt source to a PIRQ.'),
  withStruct(14, 'unmap_pirq', physdevAbi.PHYSDEV_UNMAP_PIRQ, physdev.doMapPirq, 'Ends such a mapping.'),
  withStruct(15, 'manage_pci_add', physdevAbi.PHYSDEV_MANAGE_PCI, physdev.noHardware, 'Announces a PCI device.'),
  withStruct(16, 'manage_pci_remove', physdevAbi.PHYSDEV_MANAGE_PCI, physdev.noHardware, 'Withdraws a PCI device.'),
  plain(17, 'pirq_eoi_gmfn_v1', physdev.doPirqEoiGmfn, 'Page of EOI bits.'),
  withStruct(19, 'restore_msi', physdevAbi.PHYSDEV_MANAGE_PCI, physdev.noDevice, 'Restores MSI after suspend.'),
  withStruct(
    20,
    'manage_pci_add_ext',
    physdevAbi.PHYSDEV_MANAGE_PCI_EXT,
    physdev.doManagePciAddExt,
    'Announces a PCI device.',
  ),
  withStruct(21, 'setup_gsi', physdevAbi.PHYSDEV_SETUP_GSI, physdev.doSetupGsi, 'Trigger and polarity of a GSI.'),
  withStruct(
    23,
    'get_free_pirq',
    physdevAbi.PHYSDEV_GET_FREE_PIRQ,
    physdev.doGetFreePirq,
    'Sets aside a PIRQ that is not in use.',
  ),
  refused(24, 'pci_mmcfg_reserved', physdev.noHardware, 'PCI configuration space regions.'),
  withStruct(25, 'pci_device_add', physdevAbi.PHYSDEV_PCI_DEVICE, physdev.noHardware, 'Announces a PCI device.'),
  withStruct(26, 'pci_device_remove', physdevAbi.PHYSDEV_PCI_DEVICE, physdev.noHardware, 'Withdraws a PCI device.'),
  withStruct(27, 'restore_msi_ext', physdevAbi.PHYSDEV_PCI_DEVICE, physdev.noDevice, 'Restores MSI after suspend.'),
  plain(28, 'pirq_eoi_gmfn_v2', physdev.doPirqEoiGmfn, 'Page of EOI bits, without the v1 behaviour of unmask.'),
  refused(29, 'dbgp_op', physdev.noHardware, 'Debug port of a USB controller.'),
  withStruct(30, 'prepare_msix', physdevAbi.PHYSDEV_PCI_DEVICE, physdev.noHardware, 'Sets an MSI-X table aside.'),
  withStruct(31, 'release_msix', physdevAbi.PHYSDEV_PCI_DEVICE, physdev.noHardware, 'Gives an MSI-X table back.'),
];

export const HVM_OPS: readonly SuboperationRow[] = [
  plain(0, 'set_param', privileged.doHvmParam, 'Sets a parameter of an HVM domain.'),
  plain(1, 'get_param', privileged.doHvmParam, 'Reads a parameter of an HVM domain.'),
  plain(5, 'flush_tlbs', privileged.doHvmSelf, 'Flushes TLBs of an HVM domain.'),
  plain(9, 'pagetable_dying', privileged.doHvmOther, 'Says that a page table of an HVM domain goes.'),
  plain(10, 'get_time', privileged.doHvmGetTime, 'Nanoseconds since boot.'),
  plain(11, 'xentrace', privileged.doHvmXentrace, 'Puts an event into Xen’s trace buffers.'),
  plain(15, 'get_mem_type', privileged.doHvmOther, 'Type of a page of an HVM domain.'),
  plain(23, 'set_evtchn_upcall_vector', privileged.doHvmOther, 'Vector for event-channel upcalls.'),
  plain(24, 'guest_request_vm_event', privileged.doHvmGuestRequest, 'Tells a monitor that the guest asks for it.'),
  refused(25, 'altp2m', unsupported, 'Alternate memory views.'),
];
