import { formatAddress, signed64 } from '../../base/numbers.ts';
import type { Change } from '../../xen/backends/xenstore/store.ts';
import { EVTCHNSTAT_INTERDOMAIN } from '../../xen/common/event-channel.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import { hex } from '../../xen/common/refusal.ts';
import type { EventRecord, ExceptionRecord, GrantRecord, HypercallRecord, RootRecord } from '../../xen/common/trace.ts';
import type { ArgumentInfo } from '../target.ts';
import type { Criterion } from './criterion.ts';
import { trapTitle } from './trap-names.ts';

/** Something that happened, as it came from whoever saw it. */
export type MachineEvent =
  | { readonly kind: 'evtchn'; readonly record: EventRecord }
  | { readonly kind: 'grant'; readonly record: GrantRecord }
  | { readonly kind: 'xenstore'; readonly change: Change; readonly domid: number }
  | { readonly kind: 'watch'; readonly domid: number; readonly watch: string; readonly path: string }
  | { readonly kind: 'exception'; readonly record: ExceptionRecord }
  | { readonly kind: 'cr3'; readonly record: RootRecord }
  | { readonly kind: 'console'; readonly domid: number; readonly text: string }
  | { readonly kind: 'refused-entry'; readonly domid: number; readonly what: string; readonly reason: string }
  | { readonly kind: 'back-end'; readonly domid: number; readonly text: string };

export function matches(criterion: Criterion, event: MachineEvent): boolean {
  switch (criterion.kind) {
    case 'evtchn':
      return event.kind === 'evtchn' && matchesPort(criterion, event.record);
    case 'grant': {
      if (event.kind !== 'grant') return false;
      const { ref, action } = event.record;
      return (criterion.ref ?? ref) === ref && (criterion.action ?? action) === action;
    }
    case 'xenstore':
      return event.kind === 'xenstore' && isAt(event.change.path, criterion.path, criterion.below);
    case 'trap':
      return event.kind === 'exception' && isTrap(event.record, criterion.vector);
    case 'callback':
      return event.kind === 'exception' && event.record.name === criterion.name;
    case 'console':
      return event.kind === 'console' && event.text === criterion.text;
    default:
      return event.kind === criterion.kind;
  }
}

/** Without an action: when the port is used, not when it is made or closed. */
function matchesPort(criterion: Criterion & { kind: 'evtchn' }, { port, action }: EventRecord): boolean {
  if ((criterion.port ?? port) !== port) return false;
  return criterion.action === undefined ? action === 'sent' || action === 'pending' : criterion.action === action;
}

/** A removal also takes what lies below. */
function isAt(path: string, wanted: string, below: boolean): boolean {
  if (path === wanted) return true;
  const prefix = wanted === '/' ? '/' : `${wanted}/`;
  return below && path.startsWith(prefix);
}

const isTrap = (record: ExceptionRecord, vector: number | undefined): boolean =>
  record.vector !== undefined && (vector ?? record.vector) === record.vector;

/** In words, and as names and values for conditions and scopes. */
export function describeEvent(
  xen: Hypervisor,
  event: MachineEvent,
): { readonly text: string; readonly arguments: readonly ArgumentInfo[] } {
  switch (event.kind) {
    case 'evtchn': {
      const { domain, port, action, text } = event.record;
      const channel = domain.eventChannels.ports[port];
      const far = channel?.state === EVTCHNSTAT_INTERDOMAIN ? channel : undefined;
      return {
        text: `event channel ${port} of domain ${domain.domid}: ${text}`,
        arguments: list({
          ...{ domain: domain.domid, port, action, vcpu: channel?.notifyVcpu ?? 0 },
          ...(far === undefined ? {} : { remote_dom: far.remoteDomid, remote_port: far.remotePort }),
        }),
      };
    }
    case 'grant': {
      const { granter, ref, action, user, write, text } = event.record;
      return {
        text: action === 'fail' ? `grant refused: ${text}` : `domain ${granter.domid}: ${text}`,
        arguments: list({ domain: granter.domid, ref, action, user, write: write ? 1 : 0 }),
      };
    }
    case 'xenstore':
      return describeChange(event.change, event.domid);
    case 'watch':
      return {
        text: `watch of domain ${event.domid} on ${event.watch} fired for ${event.path}`,
        arguments: list({ domain: event.domid, watch: event.watch, path: event.path }),
      };
    case 'exception':
      return describeException(xen, event.record);
    case 'cr3': {
      const { vcpu, user, from, to } = event.record;
      const frame = (mfn: number | undefined): string => (mfn === undefined ? 'none' : hex(mfn));
      return {
        text: `${user ? 'user' : 'kernel'} page tables of ${vcpu.domain.name}/${vcpu.index}: root ${frame(from)} → ${frame(to)}`,
        arguments: list({
          ...{ domain: vcpu.domain.domid, vcpu: vcpu.index, user: user ? 1 : 0 },
          ...{ from: hex(from ?? 0), to: hex(to ?? 0) },
        }),
      };
    }
    case 'console':
      return {
        text: `domain ${event.domid} printed "${event.text}"`,
        arguments: list({ domain: event.domid, text: event.text }),
      };
    case 'refused-entry':
      return {
        text: `${event.what} refused: ${event.reason}`,
        arguments: list({ domain: event.domid, what: event.what, reason: event.reason }),
      };
    case 'back-end':
      return { text: event.text, arguments: list({ domain: event.domid }) };
  }
}

function describeChange(change: Change, domid: number): ReturnType<typeof describeEvent> {
  const { kind, path } = change;
  const value = kind === 'write' ? latin1(change.value) : '';
  const shown = kind === 'write' ? ` = ${JSON.stringify(value)}` : '';
  const word = { write: 'written', remove: 'removed', permissions: 'given other permissions' }[kind];
  return {
    text: `xenstore ${path} ${word} by domain ${domid}${shown}`,
    arguments: list({ domain: domid, path, operation: kind, value }),
  };
}

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

function describeException(xen: Hypervisor, record: ExceptionRecord): ReturnType<typeof describeEvent> {
  const { vcpu, vector, errorCode, name, text } = record;
  const { processor } = xen;
  const { exit } = processor;
  const handler = vector === undefined ? undefined : vcpu.traps[vector];
  return {
    text: vector === undefined ? text : `${trapTitle(vector)} (${text})`,
    arguments: list({
      ...{ domain: vcpu.domain.domid, vcpu: vcpu.index },
      ...(vector === undefined ? { name } : { vector }),
      ...(errorCode === undefined ? {} : { error_code: hex(errorCode) }),
      ...(vector === 14 ? { cr2: formatAddress(signed64(exit.cr2Low, exit.cr2High)) } : {}),
      ...{ at: formatAddress(processor.rip), kernel: vcpu.kernelMode ? 1 : 0 },
      ...(handler === undefined ? {} : { handler: formatAddress(handler.address) }),
    }),
  };
}

const list = (values: Readonly<Record<string, string | number>>): readonly ArgumentInfo[] =>
  Object.entries(values).map(([name, value]) => ({ name, value: String(value), children: [] }));

/** Hypercalls whose refusal is that of a page-table entry or root. */
const PAGE_TABLE_CALLS = new Set(['mmu_update', 'update_va_mapping', 'update_va_mapping_otherdomain', 'mmuext_op']);

/** A refused hypercall as a refused entry, where it is one. */
export function refusedEntry(record: HypercallRecord): MachineEvent | undefined {
  const { result, name, domain } = record;
  if (result?.errno === undefined || !PAGE_TABLE_CALLS.has(name)) return undefined;
  return { kind: 'refused-entry', domid: domain.domid, what: name, reason: result.reason ?? result.errno };
}

/** What `Hypervisor.notice` calls refusals of the same kind outside hypercalls. */
export const PAGE_TABLE_NOTICES: ReadonlySet<string> = new Set(['page-table store', 'write of CR3']);
