/** Entry point of a Node worker that holds one machine. Bundled on its own; started by spawn-worker.ts. */
import { parentPort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { openDisk } from '../../host/node/file-disk.ts';
import { nodeScheduler } from '../../host/node/scheduler.ts';
import { createMachine } from '../../xen/toolstack/create-machine.ts';
import { serveMachine } from '../server.ts';

const port = parentPort;
assert(port !== null, 'this file runs in a worker');
serveMachine({
  port: {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
  },
  scheduler: nodeScheduler,
  createMachine,
  openDisk,
});
