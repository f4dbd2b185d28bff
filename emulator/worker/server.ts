import type { OpenDisk } from '../base/disk-store.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { bootTarget } from '../debug/boot-target.ts';
import type { DebugTarget } from '../debug/target.ts';
import type { TargetOptions } from '../debug/target-options.ts';
import type { CreateMachine } from '../xen/toolstack/machine-boot.ts';
import { fromErrorData, toErrorData } from './error-data.ts';
import { type FromWorker, type MessagePort, TARGET_EVENTS, type ToWorker } from './messages.ts';

export interface WorkerPorts {
  readonly port: MessagePort<FromWorker, ToWorker>;
  readonly scheduler: Scheduler;
  readonly createMachine: CreateMachine;
  /** Disks are opened in the worker itself: they are read and written synchronously. */
  readonly openDisk: OpenDisk;
}

interface PendingFile {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

/** Runs a machine behind a message port: the worker's whole life. */
export function serveMachine({ port, scheduler, createMachine, openDisk }: WorkerPorts): void {
  const files = new Map<number, PendingFile>();
  let nextFile = 1;
  let target: DebugTarget | undefined;

  const readFile = (path: string, relativeTo: string | undefined): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const id = nextFile++;
      files.set(id, { resolve, reject });
      port.post({ kind: 'readFile', id, path, relativeTo });
    });

  const boot = async (options: TargetOptions): Promise<undefined> => {
    const booted = await bootTarget(options, { readFile, scheduler, createMachine, openDisk });
    for (const event of TARGET_EVENTS) booted[event]((value: unknown) => port.post({ kind: 'event', event, value }));
    target = booted;
    return undefined;
  };

  const answer = async (id: number, work: () => Promise<unknown>): Promise<void> => {
    try {
      port.post({ kind: 'result', id, value: await work() });
    } catch (error) {
      port.post({ kind: 'error', id, error: toErrorData(error) });
    }
  };

  port.onMessage((message) => {
    switch (message.kind) {
      case 'boot':
        void answer(0, () => boot(message.options));
        return;
      case 'call': {
        const { id, method, args } = message;
        void answer(id, async () => {
          if (target === undefined) throw new Error('the machine has not been booted');
          return await (target as unknown as Methods)[method]?.call(target, ...args);
        });
        return;
      }
      case 'file':
        files.get(message.id)?.resolve(message.bytes);
        files.delete(message.id);
        return;
      case 'fileError':
        files.get(message.id)?.reject(fromErrorData(message.error));
        files.delete(message.id);
        return;
    }
  });
}
