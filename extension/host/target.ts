import { bootTarget } from '../../emulator/debug/boot-target.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { TargetOptions } from '../../emulator/debug/target-options.ts';
import { memoryDisks } from '../../emulator/host/browser/memory-disk.ts';
import { createBrowserScheduler } from '../../emulator/host/browser/scheduler.ts';
import { createMachine } from '../../emulator/xen/toolstack/create-machine.ts';
import { readFile } from './files.ts';

/** A machine in this very thread, which is a worker already in VS Code for the Web. */
export function createTarget(options: TargetOptions): Promise<DebugTarget> {
  const openDisk = memoryDisks(readFile);
  return bootTarget(options, { readFile, openDisk, scheduler: createBrowserScheduler(), createMachine });
}
