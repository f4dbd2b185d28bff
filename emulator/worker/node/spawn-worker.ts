import { Worker } from 'node:worker_threads';
import type { WorkerHandle } from '../client.ts';

/** Starts the bundled machine worker. `script`: its absolute path. */
export function spawnWorker(script: string): WorkerHandle {
  const worker = new Worker(script, { name: 'xenoscope machine' });
  return {
    port: {
      post: (message) => worker.postMessage(message),
      onMessage: (listener) => void worker.on('message', listener),
    },
    onFailure(listener) {
      worker.on('error', (error: Error) => listener(error));
      worker.on('exit', (code) => listener(new Error(`The machine's worker ended with exit code ${code}.`)));
    },
    dispose: () => void worker.terminate(),
  };
}
