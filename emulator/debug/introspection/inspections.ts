import { CONTROL_COMMANDS } from '../../xen/toolstack/domain-control.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import { checkEntry } from './check-entry.ts';
import { domainState } from './domain-state.ts';
import { eventChannels } from './event-channels.ts';
import { eventNames } from './event-names.ts';
import { frame } from './frames.ts';
import { grants } from './grants.ts';
import type { Histories } from './histories.ts';
import { pageTable, translate } from './page-tables.ts';
import { xenstoreConnections, xenstoreNode } from './xenstore.ts';

/** Entries from number `since` on, at most `count`. */
interface HistoryArguments {
  readonly since: number;
  readonly count: number;
}

/** "mem-set", "MB", what it does. */
export interface ControlCommandInfo {
  readonly name: string;
  readonly argument: string | undefined;
  readonly help: string;
}

/** What can be asked of a domain, as xl does. */
function controlCommands(_machine: Machine, _args?: undefined): readonly ControlCommandInfo[] {
  return CONTROL_COMMANDS.map(({ name, argument, help }) => ({ name, argument, help }));
}

/** Looks into a machine that change nothing in it, by name. Arguments and results are plain data. */
export const INSPECTORS = {
  'event-names': eventNames,
  'event-channels': eventChannels,
  'control-commands': controlCommands,
  grants,
  frame,
  translate,
  'page-table': pageTable,
  'check-entry': checkEntry,
  'domain-state': domainState,
  'xenstore-node': xenstoreNode,
  'xenstore-connections': xenstoreConnections,
  'hypercall-history': (_machine: Machine, args: HistoryArguments, histories: Histories) =>
    histories.hypercalls.from(args.since, args.count),
  'xenstore-history': (_machine: Machine, args: HistoryArguments, histories: Histories) =>
    histories.xenstore.from(args.since, args.count),
} as const;

export type InspectionName = keyof typeof INSPECTORS;

/** Arguments and results by name; debug-adapter/protocol/view-data.ts documents them as clients see them. */
export type Inspections = {
  readonly [Name in InspectionName]: {
    readonly arguments: Parameters<(typeof INSPECTORS)[Name]>[1];
    readonly result: ReturnType<(typeof INSPECTORS)[Name]>;
  };
};
