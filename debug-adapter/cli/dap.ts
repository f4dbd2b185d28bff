/** `xenoscope dap`: the debug adapter on stdin and stdout, or for one client after another on a TCP port. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { encodeMessage, FramingError, MessageReader } from '../protocol/framing.ts';
import type { SessionHost } from '../session/host.ts';
import { XenDebugSession } from '../session/xen-debug-session.ts';

export interface DapStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** For what goes wrong with the transport itself; never stdout, which carries the protocol. */
  readonly log: (line: string) => void;
}

/** Serves one session until the client has disconnected or the stream has ended. Resolves with the exit status. */
export function serveStreams(host: SessionHost, { input, output, log }: DapStreams): Promise<number> {
  return new Promise((resolve) => {
    const session = new XenDebugSession(host);
    const reader = new MessageReader();
    let status = 0;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      session.dispose();
      // Whatever has been answered still goes out.
      output.end(() => resolve(status));
      output.once('error', () => resolve(status));
    };
    session.onDidSendMessage((message) => {
      if (over) return;
      output.write(encodeMessage(message));
      if (isDisconnected(message)) finish();
    });
    input.on('data', (piece: Uint8Array) => {
      try {
        for (const message of reader.push(piece)) session.handleMessage(message as DebugProtocol.ProtocolMessage);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        log(`xenoscope dap: ${error.message}; is the other side a debugger?`);
        status = 2;
        finish();
      }
    });
    input.on('end', finish);
    input.on('close', finish);
    input.on('error', finish);
    output.on('error', finish);
  });
}

/** Listens on this machine only. Each connection is a session of its own. `port` 0 takes a free one. */
export function serveTcp(host: SessionHost, port: number, log: (line: string) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.setNoDelay(true);
      void serveStreams(host, { input: socket, output: socket, log });
    });
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address = server.address();
      if (address !== null && typeof address === 'object') log(`xenoscope dap: listening on 127.0.0.1:${address.port}`);
      resolve(server);
    });
  });
}

function isDisconnected(message: DebugProtocol.ProtocolMessage): boolean {
  return message.type === 'response' && (message as DebugProtocol.Response).command === 'disconnect';
}
