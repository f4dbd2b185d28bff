/** The built debug adapter as an editor starts it: a process of its own, DAP on its standard streams. */
import { spawn } from 'node:child_process';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { encodeMessage, MessageReader } from '../../debug-adapter/protocol/framing.ts';
import { DapClient } from '../support/dap-client.ts';
import { xenoscope } from './xenoscope.ts';

export interface DapProcess {
  readonly client: DapClient;
  /** Whatever it said on standard error. */
  errors(): string;
  /** Disconnects; the exit status. */
  close(): Promise<number | null>;
}

export async function startDap(): Promise<DapProcess> {
  const child = spawn(process.execPath, [await xenoscope(), 'dap'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const reader = new MessageReader();
  const client = new DapClient((message) => void child.stdin.write(encodeMessage(message)));
  child.stdout.on('data', (piece: Buffer) => {
    for (const message of reader.push(piece)) client.receive(message as DebugProtocol.ProtocolMessage);
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return {
    client,
    errors: () => errors,
    close: async () => {
      await client.request('disconnect');
      return await ended;
    },
  };
}

/** Waits until the console has shown a text. */
export async function consoleShows(client: DapClient, text: string, timeout: number): Promise<void> {
  const until = performance.now() + timeout;
  while (!client.consoleText().includes(text)) {
    if (performance.now() > until) throw new Error(`no "${text}" in ${timeout} ms; console:\n${client.consoleText()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
