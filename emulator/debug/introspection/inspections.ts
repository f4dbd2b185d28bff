import { CONTROL_COMMANDS } from '../../xen/toolstack/domain-control.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import { type EventChannelsInfo, eventChannels } from './event-channels.ts';
import { type EventName, eventNames } from './event-names.ts';

/** "mem-set", "MB", what it does. */
export interface ControlCommandInfo {
  readonly name: string;
  readonly argument: string | undefined;
  readonly help: string;
}

interface Inspection<Arguments, Result> {
  readonly arguments: Arguments;
  readonly result: Result;
}

/** Looks into a machine that change nothing in it, by name: arguments and results are plain data. */
export interface Inspections {
  readonly 'event-names': Inspection<{ readonly prefix: string }, readonly EventName[]>;
  /** Undefined: there is no such domain. */
  readonly 'event-channels': Inspection<{ readonly domain: number }, EventChannelsInfo | undefined>;
  /** What can be asked of a domain, as xl does. */
  readonly 'control-commands': Inspection<undefined, readonly ControlCommandInfo[]>;
}

export type InspectionName = keyof Inspections;

export const INSPECTORS: {
  readonly [Name in InspectionName]: (
    machine: Machine,
    args: Inspections[Name]['arguments'],
  ) => Inspections[Name]['result'];
} = {
  'event-names': eventNames,
  'event-channels': eventChannels,
  'control-commands': () => CONTROL_COMMANDS.map(({ name, argument, help }) => ({ name, argument, help })),
};
