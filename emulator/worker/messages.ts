import type { TargetOptions } from '../debug/target-options.ts';

/** Calls of `DebugTarget`, by name, that cross to the worker. */
export const TARGET_METHODS = [
  'notices',
  'threads',
  'resume',
  'pause',
  'step',
  'terminate',
  'saveSnapshot',
  'restoreSnapshot',
  'sendConsole',
  'consoleHistory',
  'registers',
  'setRegister',
  'readMemory',
  'writeMemory',
  'setEventFilters',
  'setInstructionBreakpoints',
  'setWatchpoints',
  'setHypercallBreakpoints',
  'setXenBreakpoints',
  'hypercallNames',
  'kernels',
  'symbols',
  'currentHypercall',
  'rings',
  'devices',
  'attachDevice',
  'detachDevice',
  'inspect',
  'control',
  'setHistoryLimits',
  'changeXenstore',
  'statistics',
] as const;
export type TargetMethod = (typeof TARGET_METHODS)[number];

/** Events of `DebugTarget`, by name. */
export const TARGET_EVENTS = ['onStopped', 'onConsole', 'onTrace', 'onEnded', 'onFailed'] as const;
export type TargetEvent = (typeof TARGET_EVENTS)[number];

/** An error as plain data; `id` and `hint` are those of a `UserError`. */
export interface ErrorData {
  readonly id: string | undefined;
  readonly message: string;
  readonly hint: string;
}

/** To the worker. `boot` comes once, and is answered like a call, with id 0. */
export type ToWorker =
  | { readonly kind: 'boot'; readonly options: TargetOptions }
  | { readonly kind: 'call'; readonly id: number; readonly method: TargetMethod; readonly args: readonly unknown[] }
  | { readonly kind: 'file'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'fileError'; readonly id: number; readonly error: ErrorData };

/** From the worker. It reads files through its owner, who alone knows virtual file systems. */
export type FromWorker =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorData }
  | { readonly kind: 'event'; readonly event: TargetEvent; readonly value: unknown }
  | { readonly kind: 'readFile'; readonly id: number; readonly path: string; readonly relativeTo: string | undefined };

/** One end of a channel of structured clones: a port, made real by each host. */
export interface MessagePort<Out, In> {
  post(message: Out): void;
  onMessage(listener: (message: In) => void): void;
}
