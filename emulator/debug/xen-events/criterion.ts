import { nearestName } from '../../base/nearest-name.ts';
import type { EventAction, GrantAction } from '../../xen/common/trace.ts';
import type { BreakpointVerdict } from '../target.ts';
import { trapByName, trapByVector, trapSpellings } from './trap-names.ts';

/** What of the things that Xen knows a breakpoint or filter waits for. Undefined members match everything. */
export type Criterion =
  | { readonly kind: 'evtchn'; readonly port: number | undefined; readonly action: EventAction | undefined }
  | { readonly kind: 'grant'; readonly ref: number | undefined; readonly action: GrantAction | undefined }
  /** The node itself, or with `below` one under it. */
  | { readonly kind: 'xenstore'; readonly path: string; readonly below: boolean }
  | { readonly kind: 'watch' }
  | { readonly kind: 'trap'; readonly vector: number | undefined }
  | { readonly kind: 'callback'; readonly name: string }
  | { readonly kind: 'cr3' }
  | { readonly kind: 'console'; readonly text: string }
  | { readonly kind: 'refused-entry' }
  | { readonly kind: 'back-end' };

export interface ParsedPoint {
  readonly verdict: BreakpointVerdict;
  readonly criterion: Criterion | undefined;
}

/** Numbers beyond which nothing can ever happen. */
export interface PointLimits {
  readonly maxPort: number;
  readonly maxGrants: number;
}

const EVENT_ACTIONS: readonly EventAction[] = ['bound', 'sent', 'pending', 'closed'];
const GRANT_ACTIONS: readonly GrantAction[] = ['map', 'unmap', 'copy', 'use', 'end', 'fail'];

/** Heads of the names that `parsePoint` takes. */
export const POINT_KINDS: readonly string[] = ['evtchn', 'grant', 'xenstore', 'trap', 'cr3', 'console'];

/**
 * `evtchn:PORT[.ACTION]`, `grant:REF[.ACTION]`, `xenstore:/path[/*]`, `trap:VECTOR`, `cr3`, `console:TEXT`; ports,
 * references and vectors may be `*`. A name that can never match is answered with the reason.
 */
export function parsePoint(name: string, limits: PointLimits): ParsedPoint {
  const [head = '', ...rest] = name.trim().split(':');
  const text = rest.join(':').trim();
  switch (head.trim().toLowerCase()) {
    case 'evtchn':
      return parsePort(text, limits.maxPort);
    case 'grant':
      return parseGrant(text, limits.maxGrants);
    case 'xenstore':
      return parsePath(text);
    case 'trap':
      return parseTrap(text);
    case 'cr3':
      return text === ''
        ? found({ kind: 'cr3' })
        : wrong('"cr3" takes nothing after it; give the frame as a condition: to == 0x1234.');
    case 'console':
      return text === '' ? wrong('Name the text to wait for: console:login.') : found({ kind: 'console', text });
    default:
      return wrong(`Nothing that Xen knows is called "${head}".`);
  }
}

function parsePort(text: string, maximum: number): ParsedPoint {
  const { number, action, problem } = numberAndAction(text, 'evtchn', EVENT_ACTIONS);
  if (problem !== undefined) return wrong(problem);
  if (number !== undefined && (number < 1 || number > maximum)) {
    return wrong(`Event-channel ports go from 1 to ${maximum}.`);
  }
  return found({ kind: 'evtchn', port: number, action });
}

function parseGrant(text: string, entries: number): ParsedPoint {
  const { number, action, problem } = numberAndAction(text, 'grant', GRANT_ACTIONS);
  if (problem !== undefined) return wrong(problem);
  if (number !== undefined && number >= entries) return wrong(`Grant references go from 0 to ${entries - 1}.`);
  return found({ kind: 'grant', ref: number, action });
}

function parsePath(text: string): ParsedPoint {
  const below = text.endsWith('/*') || text === '/';
  const path = text.endsWith('/*') ? text.slice(0, -2) || '/' : text;
  if (!path.startsWith('/'))
    return wrong('A xenstore path starts with "/", such as xenstore:/local/domain/1/device/*.');
  if (path !== '/' && !/^(\/[A-Za-z0-9\-_@]+)+$/.test(path)) {
    return wrong('A xenstore path has letters, digits, "-", "_" and "@" between its slashes, and no slash at its end.');
  }
  return found({ kind: 'xenstore', path, below });
}

function parseTrap(text: string): ParsedPoint {
  if (text === '*') return found({ kind: 'trap', vector: undefined });
  const number = parseNumber(text);
  const named = number === undefined ? trapByName(text) : trapByVector(number);
  if (number === undefined && named === undefined) {
    const nearest = nearestName(text.toLowerCase(), trapSpellings);
    const hint =
      nearest === undefined ? '; write a vector, or a name such as page_fault.' : `; did you mean ${nearest}?`;
    return wrong(`There is no trap "${text}"${hint}`);
  }
  if (number !== undefined && number > 255) return wrong('Vectors go from 0 to 255.');
  if (named?.impossible !== undefined) return wrong(`${named.name} cannot happen: ${named.impossible}.`);
  return found({ kind: 'trap', vector: number ?? named?.vector });
}

function numberAndAction<Action extends string>(
  text: string,
  kind: string,
  actions: readonly Action[],
): { readonly number?: number; readonly action?: Action; readonly problem?: string } {
  const dot = text.lastIndexOf('.');
  const first = dot < 0 ? text : text.slice(0, dot);
  const word = dot < 0 ? undefined : text.slice(dot + 1).toLowerCase();
  const action = actions.find((candidate) => candidate === word);
  if (word !== undefined && action === undefined) {
    const nearest = nearestName(word, actions);
    const hint = nearest === undefined ? `; there are ${actions.join(', ')}.` : `; did you mean ${nearest}?`;
    return { problem: `"${word}" is nothing that happens to it${hint}` };
  }
  const rest = action === undefined ? {} : { action };
  if (first === '*') return rest;
  const number = parseNumber(first);
  return number === undefined ? { problem: `Write a number after "${kind}:", or * for any.` } : { number, ...rest };
}

function parseNumber(text: string): number | undefined {
  return /^(0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text) ? Number(text) : undefined;
}

const found = (criterion: Criterion): ParsedPoint => ({ verdict: { verified: true, message: '' }, criterion });
const wrong = (message: string): ParsedPoint => ({ verdict: { verified: false, message }, criterion: undefined });
