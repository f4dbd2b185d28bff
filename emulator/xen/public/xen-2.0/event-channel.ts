import { type FieldSpec, type ScalarType, struct } from '../struct.ts';

/** public/event_channel.h of Xen 2.0: one structure of 32 bytes, of which each command uses its part of a union. */

type Fields = Readonly<Record<string, ScalarType | FieldSpec>>;

/** cmd, reserved, then the part; to 32 bytes, all of which are copied in and out. */
const CMD = { cmd: 'u32', reserved: 'u32' } as const satisfies Fields;
const DOM = { type: 'u16', format: 'domid' } as const;
const OUT = { type: 'u32', out: true } as const;

export const EVTCHN_BIND_INTERDOMAIN = struct('evtchn_op', {
  ...CMD,
  dom1: DOM,
  dom2: DOM,
  port1: OUT,
  port2: OUT,
  pad1: { type: 'u32', count: 3 },
});
export const EVTCHN_BIND_VIRQ = struct('evtchn_op', {
  ...CMD,
  virq: 'u32',
  port: OUT,
  pad1: { type: 'u32', count: 4 },
});
export const EVTCHN_BIND_PIRQ = struct('evtchn_op', {
  ...CMD,
  pirq: 'u32',
  flags: 'u32',
  port: OUT,
  pad1: { type: 'u32', count: 3 },
});
export const EVTCHN_CLOSE = struct('evtchn_op', {
  ...CMD,
  dom: DOM,
  pad1: 'u16',
  port: 'u32',
  pad2: { type: 'u32', count: 4 },
});
export const EVTCHN_SEND = struct('evtchn_op', { ...CMD, local_port: 'u32', pad1: { type: 'u32', count: 5 } });
export const EVTCHN_STATUS = struct('evtchn_op', {
  ...CMD,
  dom: DOM,
  pad1: 'u16',
  port: 'u32',
  status: {
    type: 'u32',
    out: true,
    format: { values: { 0: 'closed', 1: 'unbound', 2: 'interdomain', 3: 'pirq', 4: 'virq' } },
  },
  u_dom: { ...DOM, out: true },
  u_word: { type: 'u32', out: true, overlaps: 'u_dom' },
  u_port: OUT,
  pad2: 'u32',
});
export const EVTCHN_ALLOC_UNBOUND = struct('evtchn_op', {
  ...CMD,
  dom: DOM,
  pad1: 'u16',
  port: OUT,
  pad2: { type: 'u32', count: 4 },
});
