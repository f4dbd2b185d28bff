import { UserError } from '../base/user-error.ts';

export function restoredWhileRunning(): UserError {
  return new UserError('snapshot.running', 'The machine is running, and cannot be put back now.', 'Pause it first.');
}
