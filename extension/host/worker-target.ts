import path from 'node:path';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { TargetOptions } from '../../emulator/debug/target-options.ts';
import { bootInWorker } from '../../emulator/worker/client.ts';
import { spawnWorker } from '../../emulator/worker/node/spawn-worker.ts';
import { readFile } from './files.ts';

/** A machine in a thread of its own, so that the other extensions of the desktop's host do not wait for it. */
export function createWorkerTarget(extensionPath: string, options: TargetOptions): Promise<DebugTarget> {
  const script = path.join(extensionPath, 'dist', 'worker', 'machine-worker.cjs');
  return bootInWorker(spawnWorker(script), options, readFile);
}
