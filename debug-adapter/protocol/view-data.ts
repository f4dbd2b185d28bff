/**
 * What the views show: bodies of the custom requests that look into a machine. Numbers of frames, addresses and
 * page-table entries are hexadecimal strings with 0x; domains, vCPUs, ports and references are numbers.
 */

/** What Xen keeps of a machine frame. */
export interface XenFrame {
  readonly mfn: string;
  /** Its owner's page, where that page has this frame. */
  readonly pfn?: string | undefined;
  /** Absent: nobody's. */
  readonly owner?: number | undefined;
  /** "writable_page", "l1_page_table": as in Xen's own messages. */
  readonly type: string;
  /** Uses as this type, and references of any kind. */
  readonly typeCount: number;
  readonly count: number;
  readonly pinned: boolean;
  readonly validated: boolean;
  /** Xen's own, shared with its owner. */
  readonly xenHeap: boolean;
}

// Page tables --------------------------------------------------------------------------------------------------------

export interface XenPageTableArguments {
  readonly domain?: number;
  readonly vcpu?: number;
  /** Which root, where no table is named. Default: the kernel's. */
  readonly view?: 'kernel' | 'user';
  /** A table, its level, and the first address that it covers; absent: the root. */
  readonly table?: string;
  readonly level?: number;
  readonly base?: string;
}
export interface XenPageTableBody {
  readonly domain: number;
  readonly vcpu: number;
  readonly width: number;
  readonly level: number;
  readonly table: string;
  readonly base: string;
  readonly frame?: XenFrame | undefined;
  readonly hasUserRoot: boolean;
  /** Those that are not 0. */
  readonly entries: readonly XenPageTableEntry[];
}
export interface XenPageTableEntry {
  readonly index: number;
  /** First address that it covers. */
  readonly virtual: string;
  readonly entry: string;
  /** In words: "read-only", "user", "accessed". */
  readonly flags: readonly string[];
  readonly present: boolean;
  /** Of Xen's own part of the address space. */
  readonly xen: boolean;
  /** It leads to a table of the level below. */
  readonly isTable: boolean;
  readonly mfn: string;
  readonly frame?: XenFrame | undefined;
  /** Machine address of the entry itself. */
  readonly at: string;
}

export interface XenFrameArguments {
  readonly domain?: number;
  readonly vcpu?: number;
  readonly mfn: string;
}
export interface XenFrameBody {
  readonly frame?: XenFrame | undefined;
  /** Page-table entries that name it. */
  readonly mappings: readonly XenMapping[];
  readonly moreMappings: number;
  /** Grants in use that lead to it. */
  readonly grants: readonly { readonly domain: number; readonly ref: number; readonly user: number }[];
}
export interface XenMapping {
  readonly table: string;
  readonly level: number;
  readonly index: number;
  readonly domain: number;
  readonly writable: boolean;
  /** Where the vCPU's page tables reach it. */
  readonly virtual?: string | undefined;
}

export interface XenTranslateArguments {
  readonly domain?: number;
  readonly vcpu?: number;
  readonly space: 'virtual' | 'pseudo-physical' | 'machine';
  /** An address, or any expression that `evaluate` takes. */
  readonly address: string;
  readonly frameId?: number;
}
export interface XenTranslateBody {
  readonly space: string;
  readonly address: string;
  /** Why there is nothing at the address. */
  readonly problem?: string | undefined;
  readonly virtual: readonly string[];
  readonly pseudoPhysical?: string | undefined;
  readonly machine?: string | undefined;
  /** Entries from the root on, up to the first that is not present. */
  readonly walk: readonly XenWalkLevel[];
  readonly frame?: XenFrame | undefined;
  readonly mappings: readonly XenMapping[];
}
export interface XenWalkLevel {
  readonly level: number;
  readonly table: string;
  readonly index: number;
  readonly entry: string;
  readonly flags: readonly string[];
  readonly mfn: string;
  readonly at: string;
}

/** Would Xen take this entry? Nothing changes. */
export interface XenCheckEntryArguments {
  readonly domain?: number;
  readonly table: string;
  readonly index: number;
  readonly entry: string;
}
export interface XenCheckEntryBody {
  readonly accepted: boolean;
  readonly errno?: string | undefined;
  /** Which rule, frame, entry, count. */
  readonly reason: string;
}

// Event channels -----------------------------------------------------------------------------------------------------

export interface XenDomainArguments {
  readonly domain?: number;
}
export interface XenEventChannelsBody {
  readonly domain: number;
  readonly abi: '2-level' | 'fifo';
  readonly maxPort: number;
  readonly channels: readonly XenEventChannel[];
  readonly vcpus: readonly { readonly vcpu: number; readonly pending: boolean; readonly masked: boolean }[];
}
export interface XenEventChannel {
  readonly port: number;
  readonly kind: 'unbound' | 'interdomain' | 'pirq' | 'virq' | 'ipi';
  readonly peer: string;
  /** The vCPU that is told. */
  readonly vcpu: number;
  readonly pending: boolean;
  readonly masked: boolean;
  /** Of the FIFO ABI. */
  readonly priority?: number | undefined;
  /** Machine address of the word with its pending bit. */
  readonly word?: string | undefined;
}

// Grant tables -------------------------------------------------------------------------------------------------------

export interface XenGrantsBody {
  readonly domain: number;
  readonly version: number;
  readonly frames: number;
  readonly maxFrames: number;
  /** Entries that there are; listed are those that grant something or are in use. */
  readonly size: number;
  readonly entries: readonly XenGrantEntry[];
  /** Of other domains' frames. */
  readonly mappings: readonly XenGrantMapping[];
}
export interface XenGrantEntry {
  readonly ref: number;
  readonly type: string;
  readonly flags: readonly string[];
  /** Who may use it. */
  readonly domain: number;
  readonly mfn: string;
  readonly frame?: XenFrame | undefined;
  readonly readers: number;
  readonly writers: number;
  /** The frame of the uses, where the entry has been changed since. */
  readonly activeMfn?: string | undefined;
  readonly mappedBy: readonly { readonly domain: number; readonly handle: number }[];
  readonly at: string;
}
export interface XenGrantMapping {
  readonly handle: number;
  readonly domain: number;
  readonly ref: number;
  readonly mfn: string;
  readonly flags: readonly string[];
  /** Its granter is gone. */
  readonly orphan: boolean;
}

// Domain and vCPU state ----------------------------------------------------------------------------------------------

export interface XenDomainStateBody {
  readonly domain: number;
  readonly name: string;
  readonly sections: readonly XenStateSection[];
  readonly vcpus: readonly { readonly vcpu: number; readonly sections: readonly XenStateSection[] }[];
}
export interface XenStateSection {
  /** "start_info", "Trap table". */
  readonly title: string;
  /** Machine address of a structure in memory. */
  readonly at?: string | undefined;
  readonly fields: readonly XenStateField[];
}
export interface XenStateField {
  readonly name: string;
  readonly value: string;
  readonly children: readonly XenStateField[];
}

// Histories ----------------------------------------------------------------------------------------------------------

/**
 * The first request with `keep` switches recording on; so many of the latest entries are kept. 0 switches it off and
 * forgets.
 */
export interface XenHistoryArguments {
  /** Entries from this number on; default: all. */
  readonly since?: number;
  /** At most so many; default 2000. */
  readonly count?: number;
  readonly keep?: number;
}
export interface XenHypercallHistoryBody {
  /** Number of the first entry here, and of the one that comes next. */
  readonly first: number;
  readonly next: number;
  readonly entries: readonly XenHypercallEntry[];
}
export interface XenHypercallEntry {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly domain: number;
  readonly vcpu: number;
  /** Behind the instruction that made the call. */
  readonly rip: string;
  /** Where it was called from: "xen_load_idt+0x53", or an address. */
  readonly caller: string;
  readonly callerAddress: string;
  readonly number: number;
  readonly name: string;
  readonly suboperation?: string | undefined;
  readonly text: string;
  readonly arguments: readonly XenStateField[];
  readonly multicallIndex?: number | undefined;
  readonly result: string;
  readonly errno?: string | undefined;
  readonly reason?: string | undefined;
}
export interface XenXenstoreHistoryBody {
  readonly first: number;
  readonly next: number;
  readonly entries: readonly XenXenstoreEntry[];
}
export interface XenXenstoreEntry {
  readonly instructions: number;
  readonly virtualSeconds: number;
  /** Who did it, or whose watch fired; 0: toolstack, back ends, tools. */
  readonly domain: number;
  readonly operation: 'write' | 'remove' | 'permissions' | 'watch';
  readonly path: string;
  /** What was written; of a watch, the path watched. */
  readonly value: string;
}

/** An address as source and instructions. */
export interface XenPlaceArguments {
  readonly address: string;
  /** Instructions from there on; default 16. */
  readonly count?: number;
}
export interface XenPlaceBody {
  readonly address: string;
  readonly symbol?: string | undefined;
  /** Path or URI that the client can open, and the line from 1 on. */
  readonly source?: { readonly path: string; readonly line: number } | undefined;
  readonly instructions: readonly { readonly address: string; readonly text: string }[];
}

// Xenstore -----------------------------------------------------------------------------------------------------------

export interface XenXenstoreNodeArguments {
  readonly path: string;
}
export interface XenXenstoreNodeBody {
  readonly path: string;
  readonly value: string;
  /** "n1", "r0": the first names the owner, and what all others may do. */
  readonly permissions: readonly string[];
  readonly generation: number;
  readonly children: readonly { readonly name: string; readonly value: string; readonly children: number }[];
}
export interface XenXenstoreConnectionsBody {
  readonly connections: readonly {
    readonly domain: number;
    readonly nodes: number;
    readonly transactions: number;
    readonly watches: readonly { readonly path: string; readonly token: string }[];
  }[];
}
/** Written as the toolstack would. Without a value the node is removed. */
export interface XenXenstoreWriteArguments {
  readonly path: string;
  readonly value?: string;
}

/** Requests of the views by name. */
export interface XenViewRequests {
  readonly xenPageTable: { readonly arguments: XenPageTableArguments; readonly body: XenPageTableBody };
  readonly xenFrame: { readonly arguments: XenFrameArguments; readonly body: XenFrameBody };
  readonly xenTranslate: { readonly arguments: XenTranslateArguments; readonly body: XenTranslateBody };
  readonly xenCheckEntry: { readonly arguments: XenCheckEntryArguments; readonly body: XenCheckEntryBody };
  readonly xenEventChannels: { readonly arguments: XenDomainArguments; readonly body: XenEventChannelsBody };
  readonly xenGrants: { readonly arguments: XenDomainArguments; readonly body: XenGrantsBody };
  readonly xenDomainState: { readonly arguments: XenDomainArguments; readonly body: XenDomainStateBody };
  readonly xenHypercallHistory: { readonly arguments: XenHistoryArguments; readonly body: XenHypercallHistoryBody };
  readonly xenXenstoreHistory: { readonly arguments: XenHistoryArguments; readonly body: XenXenstoreHistoryBody };
  readonly xenPlace: { readonly arguments: XenPlaceArguments; readonly body: XenPlaceBody };
  readonly xenXenstoreNode: { readonly arguments: XenXenstoreNodeArguments; readonly body: XenXenstoreNodeBody };
  readonly xenXenstoreConnections: { readonly arguments: undefined; readonly body: XenXenstoreConnectionsBody };
  readonly xenXenstoreWrite: { readonly arguments: XenXenstoreWriteArguments; readonly body: undefined };
}
