import { refuse } from '../../common/refusal.ts';
import { doBlock, doYield } from '../../common/schedule.ts';
import { doDecreaseReservation2, doIncreaseReservation2, unknownMemOp } from '../../common/xen-2/dom-mem-ops.ts';
import {
  doAllocUnbound2,
  doBindInterdomain2,
  doBindPirq2,
  doBindVirq2,
  doClose2,
  doSend2,
  doStatus2,
} from '../../common/xen-2/event-channel.ts';
import {
  doConsoleIo2,
  doMulticall2,
  doSetTimerOp2,
  doShutdown2,
  doVmAssist2,
  doXenVersion,
} from '../../common/xen-2/kernel.ts';
import { TRAP_INFO } from '../../public/xen-2.0/arch-x86-32.ts';
import { DOM0_OP_NAMES } from '../../public/xen-2.0/dom0-ops.ts';
import * as event from '../../public/xen-2.0/event-channel.ts';
import * as physdev from '../../public/xen-2.0/physdev.ts';
import { MMU_UPDATE, MMUEXT_NAMES, MULTICALL_ENTRY, NR_HYPERCALLS, VMASST_NAMES } from '../../public/xen-2.0/xen.ts';
import {
  doFpuTaskswitch2,
  doGetDebugreg2,
  doSetCallbacks2,
  doSetDebugreg2,
  doSetFastTrap,
  doSetTrapTable2,
  doStackSwitch2,
} from '../../pv/xen-2/callback.ts';
import { doSetGdt2, doUpdateDescriptor2 } from '../../pv/xen-2/descriptor-tables.ts';
import { doMmuUpdate2, doUpdateVaMapping2, doUpdateVaMappingOtherDomain2 } from '../../pv/xen-2/mmu-update.ts';
import {
  doIrqStatusQuery,
  doIrqUnmaskNotify,
  doPciAccess,
  doProbeRootBuses,
  unknownPhysdevOp,
} from '../../pv/xen-2/physdev.ts';
import type { ArgumentSpec, HypercallRow } from '../row.ts';
import { plain, refused, withStruct } from '../row.ts';

/** The hypercalls of Xen 2.0, numbers 0 to 31 (public/xen.h of 2.0). Numbers without a row answer ENOSYS. */

const COUNT = { format: 'decimal' } as const;
const UVMF = { name: 'flags', values: { 0: '0', 1: 'FLUSH_TLB', 2: 'INVLPG', 3: 'FLUSH_TLB | INVLPG' } } as const;
const ENTRY: ArgumentSpec = { name: 'val', format: 'pte' };
const OP: ArgumentSpec = { name: 'op', format: 'address' };

/** Commands of an mmu_update request that are no extended ones, for names: the low bits of ptr from here on. */
const PLAIN_UPDATE = 0x100;

export const HYPERCALL_ROWS_2: readonly HypercallRow[] = [
  {
    number: 0,
    name: 'set_trap_table',
    documentation: 'Handlers of exceptions and software interrupts; the table ends with address 0.',
    arguments: [{ name: 'traps', format: 'address', struct: TRAP_INFO, count: -1 }],
    run: doSetTrapTable2,
  },
  {
    number: 1,
    name: 'mmu_update',
    documentation: 'Changes page-table entries at machine addresses, and carries out extended commands.',
    arguments: [
      { name: 'req', format: 'address', struct: MMU_UPDATE, count: 1 },
      { name: 'count', ...COUNT },
      { name: 'success_count', format: 'address' },
    ],
    elementCommands: {
      ...MMUEXT_NAMES,
      [PLAIN_UPDATE]: 'NORMAL_PT_UPDATE',
      [PLAIN_UPDATE + 2]: 'MACHPHYS_UPDATE',
    },
    elementCommand: (ptr, val) => ((ptr & 3) === 3 ? val & 0xff : PLAIN_UPDATE + (ptr & 3)),
    run: doMmuUpdate2,
  },
  {
    number: 2,
    name: 'set_gdt',
    documentation: "The global descriptor table, of which entries 256 to 295 are Xen's.",
    arguments: [
      { name: 'frame_list', format: 'address' },
      { name: 'entries', ...COUNT },
    ],
    run: doSetGdt2,
  },
  {
    number: 3,
    name: 'stack_switch',
    documentation: 'Stack of the kernel for entries from applications.',
    arguments: [{ name: 'ss' }, { name: 'esp', format: 'address' }],
    run: doStackSwitch2,
  },
  {
    number: 4,
    name: 'set_callbacks',
    documentation: 'Entry points for events, and for selectors that cannot be loaded.',
    arguments: [
      { name: 'event_selector' },
      { name: 'event_address', format: 'address' },
      { name: 'failsafe_selector' },
      { name: 'failsafe_address', format: 'address' },
    ],
    run: doSetCallbacks2,
  },
  {
    number: 5,
    name: 'fpu_taskswitch',
    documentation: 'The next FPU instruction raises #NM.',
    arguments: [],
    run: doFpuTaskswitch2,
  },
  {
    number: 6,
    name: 'sched_op',
    documentation: 'Gives the processor away, sleeps, shuts down.',
    arguments: [{ name: 'op' }],
    prefix: 'SCHEDOP_',
    commandMask: 0xff,
    suboperations: [
      plain(0, 'yield', doYield, 'Lets others run.'),
      plain(1, 'block', doBlock, 'Unmasks events and sleeps until one comes.'),
      plain(2, 'shutdown', doShutdown2, 'Ends the domain; bits 15:8: 0 power off, 1 reboot, 2 suspend, 3 crash.'),
    ],
  },
  {
    number: 7,
    name: 'dom0_op',
    documentation: 'Management of domains and machine, for dom0.',
    arguments: [OP],
    prefix: 'DOM0_',
    commandInMemory: true,
    suboperations: DOM0_OP_NAMES.map(([number, name]) => plain(number, name, undefined, 'For dom0.')),
    run: () => refuse('EPERM', 'for privileged domains only'),
  },
  {
    number: 8,
    name: 'set_debugreg',
    documentation: 'Sets a debug register.',
    arguments: [{ name: 'reg', ...COUNT }, { name: 'value' }],
    run: doSetDebugreg2,
  },
  {
    number: 9,
    name: 'get_debugreg',
    documentation: 'The value of a debug register.',
    arguments: [{ name: 'reg', ...COUNT }],
    run: doGetDebugreg2,
  },
  {
    number: 10,
    name: 'update_descriptor',
    documentation: 'Changes one descriptor, at a machine address.',
    arguments: [{ name: 'ma' }, { name: 'word1' }, { name: 'word2' }],
    run: doUpdateDescriptor2,
  },
  {
    number: 11,
    name: 'set_fast_trap',
    documentation: 'A software interrupt that leads from ring 3 to ring 1 without Xen.',
    arguments: [{ name: 'idx' }],
    run: doSetFastTrap,
  },
  {
    number: 12,
    name: 'dom_mem_op',
    documentation: 'Gets and gives back memory.',
    arguments: [
      { name: 'op' },
      { name: 'extent_list', format: 'address' },
      { name: 'nr_extents', ...COUNT },
      { name: 'extent_order', ...COUNT },
      { name: 'domid', format: 'domid' },
    ],
    prefix: 'MEMOP_',
    commandMask: 0xf,
    suboperations: [
      plain(0, 'increase_reservation', doIncreaseReservation2, 'New extents; their frames are stored in the list.'),
      plain(1, 'decrease_reservation', doDecreaseReservation2, 'Extents that are given back.'),
    ],
    unknown: unknownMemOp,
  },
  {
    number: 13,
    name: 'multicall',
    documentation: 'Several calls at once; results in their sixth arguments.',
    arguments: [
      { name: 'call_list', format: 'address', struct: MULTICALL_ENTRY, count: 1 },
      { name: 'nr_calls', ...COUNT },
    ],
    run: doMulticall2,
  },
  {
    number: 14,
    name: 'update_va_mapping',
    documentation: 'Changes the page-table entry of a virtual page, given by its number.',
    arguments: [{ name: 'page_nr' }, ENTRY, UVMF],
    run: doUpdateVaMapping2,
  },
  {
    number: 15,
    name: 'set_timer_op',
    documentation: 'VIRQ_TIMER once, at an absolute system time.',
    arguments: [{ name: 'timeout_hi' }, { name: 'timeout_lo' }],
    run: doSetTimerOp2,
  },
  {
    number: 16,
    name: 'event_channel_op',
    documentation: 'Event channels.',
    arguments: [OP],
    prefix: 'EVTCHNOP_',
    commandInMemory: true,
    suboperations: [
      withStruct(0, 'bind_interdomain', event.EVTCHN_BIND_INTERDOMAIN, doBindInterdomain2, 'Connects two ports.', 0),
      withStruct(1, 'bind_virq', event.EVTCHN_BIND_VIRQ, doBindVirq2, 'A port for a virtual interrupt.', 0),
      withStruct(2, 'bind_pirq', event.EVTCHN_BIND_PIRQ, doBindPirq2, 'A port for an interrupt of a device.', 0),
      withStruct(3, 'close', event.EVTCHN_CLOSE, doClose2, 'Closes a port.', 0),
      withStruct(4, 'send', event.EVTCHN_SEND, doSend2, 'Notifies the other end.', 0),
      withStruct(5, 'status', event.EVTCHN_STATUS, doStatus2, 'What a port is bound to.', 0),
      withStruct(6, 'alloc_unbound', event.EVTCHN_ALLOC_UNBOUND, doAllocUnbound2, 'A port that another may bind.', 0),
    ],
  },
  {
    number: 17,
    name: 'xen_version',
    documentation: "Xen's version, 2.0; guests call it to have events delivered.",
    arguments: [{ name: 'cmd', ...COUNT }],
    run: doXenVersion,
  },
  {
    number: 18,
    name: 'console_io',
    documentation: "Xen's own console.",
    arguments: [
      { name: 'cmd', values: { 0: 'CONSOLEIO_write', 1: 'CONSOLEIO_read' } },
      { name: 'count', ...COUNT },
      { name: 'buffer', format: 'address' },
    ],
    run: doConsoleIo2,
  },
  {
    number: 19,
    name: 'physdev_op',
    documentation: 'Devices and their interrupts.',
    arguments: [OP],
    prefix: 'PHYSDEVOP_',
    commandInMemory: true,
    suboperations: [
      withStruct(0, 'PCI_CFGREG_READ', physdev.PHYSDEV_PCI_CFGREG, doPciAccess, 'Reads configuration space.', 0),
      withStruct(1, 'PCI_CFGREG_WRITE', physdev.PHYSDEV_PCI_CFGREG, doPciAccess, 'Writes configuration space.', 0),
      withStruct(2, 'PCI_INITIALISE_DEVICE', physdev.PHYSDEV_PCI_DEVICE, doPciAccess, 'Routes an interrupt.', 0),
      withStruct(3, 'PCI_PROBE_ROOT_BUSES', physdev.PHYSDEV_PCI_ROOT_BUSES, doProbeRootBuses, 'Buses there are.', 0),
      refused(4, 'IRQ_UNMASK_NOTIFY', doIrqUnmaskNotify, 'Interrupts of devices have been looked at.'),
      withStruct(5, 'IRQ_STATUS_QUERY', physdev.PHYSDEV_IRQ_STATUS, doIrqStatusQuery, 'Whether to notify.', 0),
    ],
    unknown: unknownPhysdevOp,
  },
  {
    number: 20,
    name: 'grant_table_op',
    documentation: 'Grant tables: switched off in Xen 2.0.2 and later.',
    arguments: [
      { name: 'cmd', ...COUNT },
      { name: 'uop', format: 'address' },
      { name: 'count', ...COUNT },
    ],
    run: () => refuse('ENOSYS', 'grant tables are switched off from Xen 2.0.2 on'),
  },
  {
    number: 21,
    name: 'vm_assist',
    documentation: 'Switches help with segments and page tables on and off.',
    arguments: [
      { name: 'cmd', values: { 0: 'enable', 1: 'disable' } },
      { name: 'type', values: VMASST_NAMES },
    ],
    run: doVmAssist2,
  },
  {
    number: 22,
    name: 'update_va_mapping_otherdomain',
    documentation: "Maps another domain's frame, for dom0.",
    arguments: [{ name: 'page_nr' }, ENTRY, UVMF, { name: 'domid', format: 'domid' }],
    run: doUpdateVaMappingOtherDomain2,
  },
  {
    number: 23,
    name: 'switch_vm86',
    documentation: 'Enters VM86 mode, which this processor does not have.',
    arguments: [],
    run: ({ xen, domain, vcpu }) => {
      xen.crash(domain, 'switch_vm86: this machine has no VM86 mode', vcpu);
      return refuse('ENOSYS', 'this machine has no VM86 mode');
    },
  },
];

/** By number. */
export const HYPERCALL_TABLE_2: readonly (HypercallRow | undefined)[] = Array.from(
  { length: NR_HYPERCALLS },
  (_, number) => HYPERCALL_ROWS_2.find((row) => row.number === number),
);
