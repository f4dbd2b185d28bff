import { refuse } from '../../common/refusal.ts';
import { doBlockIoOp, doNetIoOp } from '../../common/xen-1/device-ops.ts';
import { doCloseChannel, doOpen, doSendChannel, doStatusChannel } from '../../common/xen-1/event-channel.ts';
import { doConsoleWrite, doDomMemOp, doExit, doMulticall1, doStop, doYield1 } from '../../common/xen-1/kernel.ts';
import type { StructDefinition } from '../../public/struct.ts';
import { BLOCK_IO_OP, BLOCK_IO_OP_NAMES } from '../../public/xen-1.2/io/block.ts';
import { NETOP, NETOP_NAMES } from '../../public/xen-1.2/io/network.ts';
import { DOM_MEM_OP, MMUEXT_NAMES, NR_HYPERCALLS } from '../../public/xen-1.2/xen.ts';
import { MMU_UPDATE } from '../../public/xen-2.0/xen.ts';
import { doMmuUpdate1 } from '../../pv/xen-1/mmu-update.ts';
import type { HypercallHandler } from '../call.ts';
import type { ArgumentSpec, HypercallRow, SuboperationRow } from '../row.ts';
import { plain } from '../row.ts';
import { HYPERCALL_TABLE_2 } from '../xen-2/table.ts';

/**
 * The hypercalls of Xen 1.2 (hypervisor-ifs/hypervisor-if.h): many are those of 2.0 under other numbers. Numbers without
 * a row answer ENOSYS.
 */

const denied: HypercallHandler = () => refuse('EPERM', 'for privileged domains only');
const PLAIN_UPDATE = 0x100;

const OP: ArgumentSpec = { name: 'op', format: 'address' };

/** Operations for names only: the call is carried out as a whole. */
function operations(names: Readonly<Record<number, string>>, struct: StructDefinition<string>): SuboperationRow[] {
  return Object.entries(names).map(([number, name]) =>
    plain(Number(number), name, undefined, '', { struct, argument: 0 }),
  );
}

/** A call that works as in 2.0. */
function same(number: number, as: number): HypercallRow {
  return { ...(HYPERCALL_TABLE_2[as] as HypercallRow), number };
}

export const HYPERCALL_ROWS_1: readonly HypercallRow[] = [
  same(0, 0),
  {
    number: 1,
    name: 'mmu_update',
    documentation: 'Changes page-table entries at virtual addresses, and carries out extended commands.',
    arguments: [
      { name: 'req', format: 'address', struct: MMU_UPDATE, count: 1 },
      { name: 'count', format: 'decimal' },
    ],
    elementCommands: {
      ...MMUEXT_NAMES,
      [PLAIN_UPDATE]: 'NORMAL_PT_UPDATE',
      [PLAIN_UPDATE + 1]: 'UNCHECKED_PT_UPDATE',
      [PLAIN_UPDATE + 2]: 'MACHPHYS_UPDATE',
    },
    elementCommand: (ptr, val) => ((ptr & 3) === 3 ? val & 0xff : PLAIN_UPDATE + (ptr & 3)),
    run: doMmuUpdate1,
  },
  {
    number: 2,
    name: 'console_write',
    documentation: 'Text for the console.',
    arguments: [
      { name: 'str', format: 'address' },
      { name: 'count', format: 'decimal' },
    ],
    run: doConsoleWrite,
  },
  same(3, 2),
  same(4, 3),
  same(5, 4),
  {
    number: 6,
    name: 'net_io_op',
    documentation: "The domain's network interfaces, which Xen itself looks after.",
    arguments: [OP],
    commandInMemory: true,
    prefix: 'NETOP_',
    suboperations: operations(NETOP_NAMES, NETOP),
    run: doNetIoOp,
  },
  same(7, 5),
  {
    number: 8,
    name: 'sched_op',
    documentation: 'Sleeps, ends the domain, stops it.',
    arguments: [{ name: 'op' }],
    prefix: 'SCHEDOP_',
    suboperations: [
      plain(0, 'yield', doYield1, 'Sleeps until the next event.'),
      plain(1, 'exit', doExit, 'Ends the domain.'),
      plain(2, 'stop', doStop, 'Stops the domain, to be saved.'),
    ],
  },
  {
    number: 9,
    name: 'dom0_op',
    documentation: 'Management of domains and machine, for dom0.',
    arguments: [{ name: 'op', format: 'address' }],
    run: denied,
  },
  {
    number: 10,
    name: 'network_op',
    documentation: "Rules of Xen's packet filter, for dom0.",
    arguments: [{ name: 'op', format: 'address' }],
    run: denied,
  },
  {
    number: 11,
    name: 'block_io_op',
    documentation: "The domain's disks, which Xen itself looks after.",
    arguments: [OP],
    commandInMemory: true,
    prefix: 'BLOCK_IO_OP_',
    suboperations: operations(BLOCK_IO_OP_NAMES, BLOCK_IO_OP),
    run: doBlockIoOp,
  },
  same(12, 8),
  same(13, 9),
  same(14, 10),
  same(15, 11),
  {
    number: 16,
    name: 'dom_mem_op',
    documentation: 'Gets and gives back memory.',
    arguments: [{ name: 'op', format: 'address', struct: DOM_MEM_OP }],
    run: doDomMemOp,
  },
  { ...same(17, 13), documentation: 'Several calls at once; their results are not told.', run: doMulticall1 },
  {
    number: 18,
    name: 'kbd_op',
    documentation: 'The PS/2 controller, for the domain that owns it.',
    arguments: [{ name: 'op', values: { 0: 'write output', 1: 'write command', 2: 'read' } }, { name: 'val' }],
    run: () => refuse('EPERM', "the keyboard is not the domain's"),
  },
  same(19, 14),
  {
    number: 20,
    name: 'event_channel_op',
    documentation: 'Event channels between domains.',
    arguments: [
      { name: 'cmd', format: 'decimal' },
      { name: 'id', format: 'decimal' },
    ],
    prefix: 'EVTCHNOP_',
    suboperations: [
      plain(0, 'open', doOpen, 'A channel to a domain, connected once that has opened its own.'),
      plain(1, 'close', doCloseChannel, 'Closes it.'),
      plain(2, 'send', doSendChannel, 'Notifies the other end.'),
      plain(3, 'status', doStatusChannel, '0 closed, 1 disconnected, 2 connected.'),
    ],
  },
];

/** By number. */
export const HYPERCALL_TABLE_1: readonly (HypercallRow | undefined)[] = Array.from(
  { length: NR_HYPERCALLS },
  (_, number) => HYPERCALL_ROWS_1.find((row) => row.number === number),
);
