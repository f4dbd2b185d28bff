import { UserError } from '../base/user-error.ts';
import type { ErrorData } from './messages.ts';

export function toErrorData(error: unknown): ErrorData {
  if (error instanceof UserError) return { id: error.id, message: error.message, hint: error.hint };
  return { id: undefined, message: error instanceof Error ? error.message : String(error), hint: '' };
}

export function fromErrorData({ id, message, hint }: ErrorData): Error {
  return id === undefined ? new Error(message) : new UserError(id, message, hint);
}
