import type { Scheduler } from '../../emulator/base/scheduler.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { ReadFile, TargetOptions } from '../../emulator/debug/target-options.ts';

/** What a session needs from the process it lives in: files, and a place for the machine to run. */
export interface SessionHost {
  /** Timers; absent: messages of log points are not held back, however many there are. */
  readonly scheduler?: Pick<Scheduler, 'now' | 'later'>;
  /** For symbol files. */
  readonly readFile: ReadFile;
  /**
   * Where the client finds a source file: a path or URI that it can open. Named as for `readFile`. Undefined: there is
   * none. Absent: nobody looks, and source files are as debugging information names them.
   */
  readonly locateFile?: (pathOrUri: string, relativeTo: string | undefined) => Promise<string | undefined>;
  /**
   * Reads the images and builds the machine, here or in a worker; it stands before its first instruction. Called again
   * for each restart, and rereads everything. Rejects with a `UserError` when the configuration or an image is at
   * fault.
   */
  createTarget(options: TargetOptions): Promise<DebugTarget>;
}
