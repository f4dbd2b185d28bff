/** `xenoscope run --gdb PORT`: the domains under a gdb on this machine, their console on this terminal. */
import { createServer, type Server, type Socket } from 'node:net';
import { DisposableStore } from '../../emulator/base/disposable.ts';
import { UserError } from '../../emulator/base/user-error.ts';
import { bootTarget, type TargetPorts } from '../../emulator/debug/boot-target.ts';
import type { DebugTarget, DomainEnd } from '../../emulator/debug/target.ts';
import { GdbSession } from '../gdb-remote/gdb-session.ts';
import { type RunOptions, usage } from './arguments.ts';
import { EXIT_CRASH, EXIT_OK, EXIT_TIMEOUT } from './report.ts';
import type { Terminal } from './terminal.ts';

export interface GdbHost {
  readonly ports: TargetPorts;
  readonly terminal: Terminal;
}

/** Options that drive a run by themselves, which gdb does here. */
const OWN_DRIVERS = ['until', 'console', 'pcap', 'record', 'replay', 'restore'] as const;

/** Answers the exit status. @throws UserError for bad files or a port that is taken */
export async function runUnderGdb(options: RunOptions, port: number, { ports, terminal }: GdbHost): Promise<number> {
  const driver = OWN_DRIVERS.find((name) => options[name] !== undefined);
  if (driver !== undefined || options.script.length > 0 || options.snapshots.length > 0 || options.json)
    throw usage(
      `--gdb goes with --timeout, --seed and --trace, not with --${driver ?? 'input, --snapshot-at or --json'}`,
    );
  const target = await bootTarget(
    {
      domains: options.files.map((path) => ({ kind: 'file', path })),
      folder: undefined,
      pace: terminal.interactive ? 'wall' : 'free',
      trace: [...options.trace],
      seed: options.seed,
    },
    ports,
  );
  const disposables = new DisposableStore();
  disposables.add(target);
  try {
    await connectConsole(target, terminal, disposables);
    return await serve(target, port, options, terminal, disposables);
  } finally {
    disposables.dispose();
  }
}

async function connectConsole(target: DebugTarget, terminal: Terminal, disposables: DisposableStore): Promise<void> {
  const [first] = await target.threads();
  for (const notice of await target.notices()) terminal.log(`xenoscope: ${notice}`);
  disposables.add(target.onConsole(({ bytes }) => terminal.write(bytes)));
  disposables.add(target.onTrace(({ text }) => terminal.log(text)));
  const type = (bytes: Uint8Array): void => void target.sendConsole(first?.domain ?? 0, bytes);
  disposables.add(terminal.listen(type, () => process.exit(EXIT_OK)));
}

/** Until gdb kills the machine, or it has ended and no gdb looks at it any more. */
async function serve(
  target: DebugTarget,
  port: number,
  options: RunOptions,
  terminal: Terminal,
  disposables: DisposableStore,
): Promise<number> {
  let client: Socket | undefined;
  let end: DomainEnd | undefined;
  return await new Promise((resolve, reject) => {
    const finishIfOver = (): void => {
      if (end?.last !== true || client !== undefined) return;
      terminal.log(`xenoscope: domain ${end.domain}: ${end.reason}`);
      resolve(end.kind === 'crash' ? EXIT_CRASH : EXIT_OK);
    };
    disposables.add(
      target.onEnded((event) => {
        end = event;
        finishIfOver();
      }),
    );
    disposables.add(target.onFailed((reason) => reject(new Error(reason))));
    const server = createServer((socket) => {
      if (client !== undefined) {
        terminal.log('xenoscope: another gdb is connected already');
        socket.destroy();
        return;
      }
      client = socket;
      attach(target, socket, terminal).then((how) => {
        client = undefined;
        if (how === 'killed') resolve(EXIT_OK);
        else finishIfOver();
      }, reject);
    });
    disposables.add({
      dispose: () => {
        client?.destroy();
        server.close();
      },
    });
    listen(server, port, terminal).catch(reject);
    if (options.timeout !== undefined) {
      const timer = setTimeout(() => resolve(EXIT_TIMEOUT), options.timeout * 1000);
      disposables.add({ dispose: () => clearTimeout(timer) });
    }
  });
}

/** Serves one gdb; a connection that is cut lets the machine go on. */
async function attach(target: DebugTarget, socket: Socket, terminal: Terminal): Promise<'detached' | 'killed'> {
  socket.setNoDelay(true);
  const session = new GdbSession(
    target,
    (bytes) => void socket.write(bytes),
    (line) => terminal.log(`xenoscope: ${line}`),
  );
  const over = new Promise<'detached' | 'killed'>((resolve) => {
    session.onEnded(resolve);
    socket.on('error', () => {});
    socket.on('close', () => resolve('detached'));
  });
  await session.start();
  socket.on('data', (bytes: Buffer) => session.receive(bytes));
  const how = await over;
  session.dispose();
  socket.end();
  return how;
}

function listen(server: Server, port: number, terminal: Terminal): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
      reject(new UserError('gdb.port', `Cannot listen for gdb on port ${port}: ${why}.`, 'Name another port.'));
    });
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const at = typeof address === 'object' && address !== null ? address.port : port;
      terminal.log(`xenoscope: waiting for gdb: gdb KERNEL -ex 'target remote 127.0.0.1:${at}'`);
      resolve();
    });
  });
}
