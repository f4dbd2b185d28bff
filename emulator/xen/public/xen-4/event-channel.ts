import { struct } from '../struct.ts';

/** public/event_channel.h. */

const EVTCHN_STATUS_VALUES = { 0: 'closed', 1: 'unbound', 2: 'interdomain', 3: 'pirq', 4: 'virq', 5: 'ipi' } as const;

export const EVTCHN_BIND_INTERDOMAIN = struct('evtchn_bind_interdomain', {
  remote_dom: { type: 'u16', format: 'domid' },
  remote_port: 'u32',
  local_port: { type: 'u32', out: true },
});
export const EVTCHN_BIND_VIRQ = struct('evtchn_bind_virq', {
  virq: 'u32',
  vcpu: 'u32',
  port: { type: 'u32', out: true },
});
export const EVTCHN_BIND_PIRQ = struct('evtchn_bind_pirq', {
  pirq: 'u32',
  flags: 'u32',
  port: { type: 'u32', out: true },
});
export const EVTCHN_CLOSE = struct('evtchn_close', { port: 'u32' });
export const EVTCHN_SEND = struct('evtchn_send', { port: 'u32' });
export const EVTCHN_STATUS = struct('evtchn_status', {
  dom: { type: 'u16', format: 'domid' },
  port: 'u32',
  status: { type: 'u32', out: true, format: { values: EVTCHN_STATUS_VALUES } },
  vcpu: { type: 'u32', out: true },
  /** unbound: dom; interdomain: dom, port; pirq; virq. */
  u_dom: { type: 'u16', out: true },
  u_port: { type: 'u32', out: true },
  u_word: { type: 'u32', overlaps: 'u_dom', out: true },
});
export const EVTCHN_ALLOC_UNBOUND = struct('evtchn_alloc_unbound', {
  dom: { type: 'u16', format: 'domid' },
  remote_dom: { type: 'u16', format: 'domid' },
  port: { type: 'u32', out: true },
});
export const EVTCHN_BIND_IPI = struct('evtchn_bind_ipi', { vcpu: 'u32', port: { type: 'u32', out: true } });
export const EVTCHN_BIND_VCPU = struct('evtchn_bind_vcpu', { port: 'u32', vcpu: 'u32' });
export const EVTCHN_UNMASK = struct('evtchn_unmask', { port: 'u32' });
export const EVTCHN_RESET = struct('evtchn_reset', { dom: { type: 'u16', format: 'domid' } });
export const EVTCHN_INIT_CONTROL = struct('evtchn_init_control', {
  control_gfn: 'u64',
  offset: 'u32',
  vcpu: 'u32',
  link_bits: { type: 'u8', out: true },
  pad: { type: 'u8', count: 7 },
});
export const EVTCHN_EXPAND_ARRAY = struct('evtchn_expand_array', { array_gfn: 'u64' });
export const EVTCHN_SET_PRIORITY = struct('evtchn_set_priority', { port: 'u32', priority: 'u32' });

/** The old single-entry form (hypercall 16): cmd, then the operation's structure. */
export const EVTCHN_OP_COMPAT = struct('evtchn_op', { cmd: 'u32', u: { type: 'u32', count: 6 } });

/** Two-level ABI: one bit of evtchn_pending_sel stands for one word of evtchn_pending. */
export const EVTCHN_2L_NR_CHANNELS = { 64: 4096, 32: 1024 } as const;

export const EVTCHN_FIFO_PENDING = 31;
export const EVTCHN_FIFO_MASKED = 30;
export const EVTCHN_FIFO_LINKED = 29;
export const EVTCHN_FIFO_BUSY = 28;
export const EVTCHN_FIFO_LINK_BITS = 17;
export const EVTCHN_FIFO_NR_CHANNELS = 1 << 17;
export const EVTCHN_FIFO_PRIORITY_MIN = 15;
export const EVTCHN_FIFO_PRIORITY_DEFAULT = 7;
export const EVTCHN_FIFO_MAX_QUEUES = 16;

export const EVTCHN_FIFO_CONTROL_BLOCK = struct('evtchn_fifo_control_block', {
  ready: 'u32',
  pad: 'u32',
  head: { type: 'u32', count: EVTCHN_FIFO_MAX_QUEUES },
});
