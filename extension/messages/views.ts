import type { XenRequests } from '../../debug-adapter/protocol/custom-requests.ts';
import type { ViewName } from '../manifest/identifiers.ts';

/** Requests that a view may make of the debug adapter. Whatever else is asked for is refused. */
export const VIEW_REQUESTS = [
  'xenDomains',
  'xenPageTable',
  'xenFrame',
  'xenTranslate',
  'xenCheckEntry',
  'xenEventChannels',
  'xenGrants',
  'xenDomainState',
  'xenHypercallHistory',
  'xenXenstoreHistory',
  'xenPlace',
  'xenXenstoreNode',
  'xenXenstoreConnections',
  'xenXenstoreWrite',
] as const satisfies readonly (keyof XenRequests)[];
export type ViewRequest = (typeof VIEW_REQUESTS)[number];

export type ViewFromWebview =
  | { readonly type: 'ready' }
  | { readonly type: 'request'; readonly id: number; readonly command: ViewRequest; readonly args: unknown }
  /** Opens the memory view. */
  | { readonly type: 'memory'; readonly space: 'virtual' | 'pseudo-physical' | 'machine'; readonly address: string }
  | { readonly type: 'source'; readonly path: string; readonly line: number }
  /** Opens another view, with what it is to show. */
  | { readonly type: 'open'; readonly view: ViewName; readonly target: string };

export type ViewToWebview =
  /** Something may have changed: `stop` counts stops, so that changes are marked once. */
  | {
      readonly type: 'session';
      readonly state: 'none' | 'running' | 'stopped';
      readonly stop: number;
      /** Entries that a history keeps: a setting. */
      readonly keep: number;
    }
  | { readonly type: 'response'; readonly id: number; readonly body?: unknown; readonly error?: string }
  /** Another view points at something. */
  | { readonly type: 'show'; readonly target: string };
