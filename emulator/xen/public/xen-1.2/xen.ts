import { struct } from '../struct.ts';

/** hypervisor-ifs/hypervisor-if.h and dom_mem_ops.h of Xen 1.2, where it differs from 2.0. */

export const NR_HYPERCALLS = 256;

/** Two low bits of mmu_update.ptr, which is a virtual address for the first two. */
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_UNCHECKED_PT_UPDATE = 1;
export const MMU_MACHPHYS_UPDATE = 2;
export const MMU_EXTENDED_COMMAND = 3;

/** Extended commands, bits 7:0 of mmu_update.val. */
export const MMUEXT_NAMES: Readonly<Record<number, string>> = {
  0: 'PIN_L1_TABLE',
  1: 'PIN_L2_TABLE',
  2: 'PIN_L3_TABLE',
  3: 'PIN_L4_TABLE',
  4: 'UNPIN_TABLE',
  5: 'NEW_BASEPTR',
  6: 'TLB_FLUSH',
  7: 'INVLPG',
  8: 'SET_LDT',
};

/** Bits of shared_info.events and events_mask. */
export const EVENT_BLKDEV = 0;
export const EVENT_TIMER = 1;
export const EVENT_DIE = 2;
export const EVENT_DEBUG = 3;
export const EVENT_NET = 4;
export const EVENT_PS2 = 5;
export const EVENT_STOP = 6;
export const EVENT_EVTCHN = 7;
export const EVENT_VBD_UPD = 8;
/** Of events_mask: events are delivered at all. */
export const EVENTS_MASTER_ENABLE = 0x80000000;

export const DOM_MEM_OP = struct('dom_mem_op', {
  op: { type: 'u32', format: { values: { 0: 'RESERVATION_INCREASE', 1: 'RESERVATION_DECREASE' } } },
  size: { type: 'u32', format: 'decimal' },
  pages: 'pointer',
});

export const START_INFO = struct('start_info', {
  nr_pages: { type: 'u32', format: 'decimal' },
  shared_info: { type: 'u32', format: 'hex' },
  dom_id: 'u32',
  flags: { type: 'u32', format: { flags: { 1: 'PRIVILEGED', 2: 'CONSOLE' } } },
  pt_base: 'pointer',
  mod_start: 'pointer',
  mod_len: { type: 'u32', format: 'decimal' },
  cmd_line: { type: 'char', count: 256 },
});

export const SHARED_INFO = struct('shared_info', {
  events: { type: 'u32', format: 'hex' },
  events_mask: { type: 'u32', format: 'hex' },
  event_channel_pend: { type: 'u32', count: 32, format: 'hex' },
  event_channel_pend_sel: { type: 'u32', format: 'hex' },
  event_channel_disc: { type: 'u32', count: 32, format: 'hex' },
  event_channel_disc_sel: { type: 'u32', format: 'hex' },
  rdtsc_bitshift: 'u32',
  cpu_freq: { type: 'u64', format: 'decimal' },
  time_version1: 'u32',
  time_version2: 'u32',
  tsc_timestamp: 'u32',
  system_time: { type: 'u64', format: 'decimal' },
  wc_sec: 'u32',
  wc_usec: 'u32',
  domain_time: { type: 'u64', format: 'decimal' },
  wall_timeout: { type: 'u64', format: 'decimal' },
  domain_timeout: { type: 'u64', format: 'decimal' },
  net_idx: { type: 'u32', count: 48 },
  execution_context: { type: 'u32', count: 17, format: 'hex' },
});
