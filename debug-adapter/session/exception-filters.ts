import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { EventFilter } from '../../emulator/debug/target.ts';
import { filterId } from '../../emulator/debug/xen-events/filter-id.ts';

interface FilterRow {
  readonly label: string;
  readonly description: string;
  /** What a condition may refer to; absent: it takes none. */
  readonly condition?: string;
  readonly default?: true;
}

/** Filters of `setExceptionBreakpoints`, in the order in which clients show them. */
const ROWS: Readonly<Record<EventFilter, FilterRow>> = {
  'hypercall-error': {
    label: 'Refused hypercalls',
    description: 'Stops when a hypercall has returned an error, and says why it was refused.',
    condition: 'Over arguments, number, result and registers: number == 1 && result == -22',
  },
  'pte-refused': {
    label: 'Refused page-table entries',
    description: 'Stops when Xen has refused a page-table entry or root, given by hypercall, by a store or to CR3.',
    condition: 'Over registers and memory: rsp < 0xffff800000000000',
  },
  'page-fault': {
    label: 'Guest page faults',
    description: 'Stops at the first instruction of the guest’s handler.',
    condition: 'Over cr2, error_code, at, kernel, handler: cr2 < 0x1000',
  },
  'general-protection': {
    label: 'Guest general protection faults',
    description: 'Stops at the first instruction of the guest’s handler.',
    condition: 'Over error_code, at, kernel, handler: kernel == 1',
  },
  exception: {
    label: 'Any exception of the guest',
    description: 'Stops at the first instruction of the guest’s handler. What has no handler crashes the domain.',
    condition: 'Over vector, error_code, at, kernel, handler: vector != 14',
  },
  crash: {
    label: 'Domain crashes',
    description: 'Stops where a domain crashed, an unhandled trap included. Switched off, the session ends with it.',
    default: true,
  },
  shutdown: {
    label: 'Domain shutdown',
    description: 'Stops when a domain powers off, reboots or suspends.',
  },
  'grant-failure': {
    label: 'Refused grants',
    description: 'Stops when a grant could not be mapped, copied or used.',
    condition: 'Over domain, ref, user, write: ref == 8',
  },
  'back-end': {
    label: 'Back ends that give up',
    description: 'Stops when a back end has found a broken ring or request, and gave up on its front end.',
    condition: 'Over domain: domain == 1',
  },
  'xenstore-watch': {
    label: 'Xenstore watches',
    description: 'Stops when a watch of a guest has fired.',
    condition: 'Over domain: domain == 1',
  },
  'event-upcall': {
    label: 'Event upcalls',
    description: 'Stops at the first instruction of the guest’s event callback.',
    condition: 'Over at, kernel, vcpu: kernel == 0',
  },
  failsafe: {
    label: 'Failsafe callback',
    description: 'Stops at its first instruction: a segment register could not be loaded.',
    condition: 'Over at, vcpu: vcpu == 0',
  },
  hypercall: {
    label: 'Every hypercall',
    description: 'Stops before any hypercall.',
    condition: 'Over arguments, number and registers: number != 29',
  },
};

/** As `initialize` announces them. */
export const EXCEPTION_FILTERS: readonly Dap.ExceptionBreakpointsFilter[] = Object.entries(ROWS).map(
  ([filter, { label, description, condition, default: isDefault }]) => ({
    filter,
    label,
    description,
    supportsCondition: condition !== undefined,
    ...(condition === undefined ? {} : { conditionDescription: condition }),
    ...(isDefault === undefined ? {} : { default: true }),
  }),
);

/** The filter behind an id in a stop: "filter:page-fault". */
export function filterOf(id: string): EventFilter | undefined {
  return (Object.keys(ROWS) as EventFilter[]).find((filter) => filterId(filter) === id);
}

export const filterLabel = (filter: EventFilter): string => ROWS[filter].label;
