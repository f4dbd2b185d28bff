import type { XenRing } from '../../debug-adapter/protocol/custom-requests.ts';

/** Rings of one domain. */
export interface DomainRings {
  readonly domain: number;
  readonly name: string;
  readonly rings: readonly XenRing[];
}

export type RingsToWebview =
  | { readonly type: 'rings'; readonly domains: readonly DomainRings[]; readonly running: boolean }
  /** Nothing to show, and why. */
  | { readonly type: 'empty'; readonly text: string };

export type RingsFromWebview = { readonly type: 'ready' } | { readonly type: 'refresh' };
