import { UserError } from '../../emulator/base/user-error.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { TargetOptions } from '../../emulator/debug/target-options.ts';

/** Builds the machine that a session debugs. */
export async function createTarget(_options: TargetOptions): Promise<DebugTarget> {
  throw new UserError('target.missing', 'This build of Xenoscope contains no machine.', 'Use a newer build.');
}
