import type { SessionContext } from './context.ts';

/** After a write by the debugger: tells clients that can do it to ask again. */
export function invalidate(context: SessionContext, areas: readonly ('variables' | 'stacks' | 'all')[]): void {
  context.stop?.forgetValues();
  if (context.client.supportsInvalidatedEvent === true) context.send('invalidated', { areas });
}

/** Bytes at a memory reference changed. */
export function memoryChanged(context: SessionContext, memoryReference: string, offset: number, count: number): void {
  if (context.client.supportsMemoryEvent === true) context.send('memory', { memoryReference, offset, count });
}
