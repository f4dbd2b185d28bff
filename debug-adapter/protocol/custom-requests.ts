/**
 * Requests and events beyond DAP. Every view's data comes through one of these, so that tests and other clients can
 * ask for it too. Addresses and 64-bit numbers are hexadecimal strings with 0x; bytes are base64.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { LaunchConfiguration } from './launch-configuration.ts';
import type { XenViewRequests } from './view-data.ts';

/** Beyond DAP's own arguments of `initialize`. */
export interface XenInitializeArguments extends DebugProtocol.InitializeRequestArguments {
  /** The client shows `xenConsole` events itself; console text is then not repeated as `output` events. */
  readonly supportsXenConsole?: boolean;
}

// Events -------------------------------------------------------------------------------------------------------------

/** Event `xenConsole`: bytes that a domain wrote to its console, in order, from the first one. */
export interface XenConsoleEventBody {
  readonly domain: number;
  readonly base64: string;
}

/** Event `xenTrace`: one decoded trace line. */
export interface XenTraceEventBody {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly category: string;
  readonly text: string;
}

/** Event `xenDomainEnded`: a domain shut down or crashed. */
export interface XenDomainEndedEventBody {
  readonly domain: number;
  readonly kind: string;
  readonly code: number;
  readonly reason: string;
}

// Requests -----------------------------------------------------------------------------------------------------------

export interface XenConsoleInputArguments {
  /** Default: the first domain. */
  readonly domain?: number;
  readonly base64: string;
}

/** All console bytes since boot. */
export interface XenConsoleHistoryArguments {
  readonly domain?: number;
}
export interface XenConsoleHistoryBody {
  readonly domain: number;
  readonly base64: string;
}

export interface XenDomainsBody {
  readonly domains: readonly { readonly domain: number; readonly name: string; readonly vcpus: readonly number[] }[];
}

export interface XenRingsArguments {
  readonly domain?: number;
}
export interface XenRingsBody {
  readonly domain: number;
  readonly rings: readonly XenRing[];
}
export interface XenRing {
  /** "console", "xenstore", "vbd 51712 blkif". */
  readonly name: string;
  /** What sizes and indexes count. */
  readonly unit: 'bytes' | 'entries';
  /** Several, apart by spaces, for a ring of several pages. */
  readonly mfn: string;
  readonly port: number;
  /** Index fields by the names of the public header, as they lie in the page. */
  readonly indices: readonly { readonly name: string; readonly value: number }[];
  readonly directions: readonly XenRingDirection[];
}
export interface XenRingDirection {
  /** "guest → host" or "host → guest". */
  readonly name: string;
  readonly size: number;
  readonly producer: number;
  readonly consumer: number;
  /** Bytes produced and not yet consumed, as text with escapes. */
  readonly pending: string;
  readonly messages: readonly XenRingMessage[];
}
export interface XenRingMessage {
  readonly instructions: number;
  readonly summary: string;
  readonly fields: readonly XenField[];
  readonly state: 'pending' | 'consumed';
}
export interface XenField {
  readonly name: string;
  readonly value: string;
  readonly children: readonly XenField[];
}

/** Disks and network interfaces. */
export interface XenDevicesArguments {
  readonly domain?: number;
}
export interface XenDevicesBody {
  readonly domain: number;
  readonly devices: readonly XenDevice[];
}
export interface XenDevice {
  readonly kind: 'disk' | 'vif';
  /** "xvda"; the number of a vif. */
  readonly name: string;
  /** Image of a disk; settings of a vif. */
  readonly specification: string;
  /** States of both ends, in words. */
  readonly state: string;
}

/** Plugs a device in, before or while the domain runs. */
export interface XenAttachDeviceArguments {
  readonly domain?: number;
  readonly kind: 'disk' | 'vif';
  /** As `disk` or `vif` of xl.cfg(5): "format=raw,vdev=xvdb,access=rw,target=data.img". */
  readonly specification: string;
}

/** Asks the guest to let a device go. */
export interface XenDetachDeviceArguments {
  readonly domain?: number;
  readonly kind: 'disk' | 'vif';
  readonly name: string;
  /** It is gone at once, whatever the guest does with it. */
  readonly force?: boolean;
}

/** What can be asked of a domain, as xl does: shutdown, suspend, mem-set, … */
export interface XenControlCommandsBody {
  readonly commands: readonly XenControlCommand[];
}
export interface XenControlCommand {
  readonly name: string;
  /** What its argument is called; absent where it takes none. */
  readonly argument?: string | undefined;
  readonly help: string;
}
export interface XenControlArguments {
  readonly domain?: number;
  /** With its argument: "mem-set 100". */
  readonly command: string;
}

/** Names for pick lists: all hypercalls of the running ABI, and symbols that start with `prefix`. */
export interface XenNamesArguments {
  /** Symbols whose name starts with (or, after those, contains) this. Empty or absent: no symbols. */
  readonly prefix?: string;
  /** Names of other Xen breakpoints that start with this: "evtchn:", "xenstore:/local". Absent: none. */
  readonly events?: string;
  /** At most so many symbols; default 100. */
  readonly limit?: number;
}
export interface XenNamesBody {
  readonly hypercalls: readonly {
    readonly name: string;
    readonly number: number;
    readonly suboperations: readonly string[];
    readonly documentation: string;
  }[];
  readonly events: readonly { readonly name: string; readonly documentation: string }[];
  readonly symbols: readonly { readonly name: string; readonly address: string; readonly kind: string }[];
}

export type XenMemorySpace = 'virtual' | 'pseudo-physical' | 'machine';

export interface XenReadMemoryArguments {
  readonly space: XenMemorySpace;
  /** An address, or any expression that `evaluate` takes: "rsp", "start_kernel + 0x10". */
  readonly address: string;
  readonly count: number;
  /** Frame that registers in the expression refer to; default: the innermost one of the stopped vCPU. */
  readonly frameId?: number;
}
export interface XenReadMemoryBody {
  /** What `address` came to. */
  readonly address: string;
  /** May be shorter than asked for, at the first hole. */
  readonly base64: string;
  readonly unreadable: number;
}

export interface XenWriteMemoryArguments {
  readonly space: XenMemorySpace;
  readonly address: string;
  readonly base64: string;
  readonly frameId?: number;
}
export interface XenWriteMemoryBody {
  readonly address: string;
  readonly bytesWritten: number;
}

export interface XenStatisticsBody {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly running: boolean;
}

/** Custom requests by name. */
export interface XenRequests extends XenViewRequests {
  readonly xenConsoleInput: { readonly arguments: XenConsoleInputArguments; readonly body: undefined };
  readonly xenConsoleHistory: { readonly arguments: XenConsoleHistoryArguments; readonly body: XenConsoleHistoryBody };
  readonly xenDomains: { readonly arguments: undefined; readonly body: XenDomainsBody };
  readonly xenRings: { readonly arguments: XenRingsArguments; readonly body: XenRingsBody };
  readonly xenDevices: { readonly arguments: XenDevicesArguments; readonly body: XenDevicesBody };
  readonly xenAttachDevice: { readonly arguments: XenAttachDeviceArguments; readonly body: undefined };
  readonly xenDetachDevice: { readonly arguments: XenDetachDeviceArguments; readonly body: undefined };
  readonly xenControlCommands: { readonly arguments: undefined; readonly body: XenControlCommandsBody };
  readonly xenControl: { readonly arguments: XenControlArguments; readonly body: undefined };
  readonly xenNames: { readonly arguments: XenNamesArguments; readonly body: XenNamesBody };
  readonly xenReadMemory: { readonly arguments: XenReadMemoryArguments; readonly body: XenReadMemoryBody };
  readonly xenWriteMemory: { readonly arguments: XenWriteMemoryArguments; readonly body: XenWriteMemoryBody };
  readonly xenStatistics: { readonly arguments: undefined; readonly body: XenStatisticsBody };
}

/** Custom events by name. */
export interface XenEvents {
  readonly xenConsole: XenConsoleEventBody;
  readonly xenTrace: XenTraceEventBody;
  readonly xenDomainEnded: XenDomainEndedEventBody;
}

export type XenLaunchArguments = DebugProtocol.LaunchRequestArguments & LaunchConfiguration;

/** Body of DAP's `stopped` event, as Xenoscope sends it. */
export interface XenStoppedBody {
  readonly reason: string;
  /** The innermost frame has source that the client can open. */
  readonly xenSource?: boolean;
}
