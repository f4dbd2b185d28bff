import type { XenMemorySpace } from '../../debug-adapter/protocol/custom-requests.ts';

/** What the user asked the memory view to show. */
export interface MemoryLocation {
  /** An address or any expression the debugger takes: "rsp", "start_kernel + 0x10". */
  readonly expression: string;
  readonly space: XenMemorySpace;
}

/** One screenful of memory, at the moment of a stop. */
export interface MemoryPage {
  readonly location: MemoryLocation;
  /** Hexadecimal, of the first byte. */
  readonly address: string;
  /** Readable bytes; shorter than `count` where a hole begins. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Offsets of bytes that differ from the stop before. */
  readonly changed: readonly number[];
  /** Offsets of the bytes a search found. */
  readonly found: { readonly offset: number; readonly length: number } | undefined;
}

export type MemoryToWebview =
  | { readonly type: 'page'; readonly page: MemoryPage }
  | { readonly type: 'session'; readonly state: 'none' | 'running' | 'stopped'; readonly name: string }
  | { readonly type: 'notice'; readonly kind: 'error' | 'information'; readonly text: string };

export type MemoryFromWebview =
  | { readonly type: 'ready' }
  | { readonly type: 'show'; readonly location: MemoryLocation }
  /** Scrolls by so many bytes. */
  | { readonly type: 'move'; readonly delta: number }
  | { readonly type: 'write'; readonly address: string; readonly bytes: Uint8Array }
  /** From the shown address on; text or bytes as "0f 05". */
  | { readonly type: 'search'; readonly pattern: string; readonly kind: 'bytes' | 'text' };
