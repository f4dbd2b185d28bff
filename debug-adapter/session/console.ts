import type { DisposableStore } from '../../emulator/base/disposable.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import { decodeBase64, encodeBase64 } from '../protocol/base64.ts';
import type {
  XenConsoleHistoryArguments,
  XenConsoleHistoryBody,
  XenConsoleInputArguments,
} from '../protocol/custom-requests.ts';
import { badBase64 } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';

/** Console bytes as `xenConsole` events and, for clients that show no console of their own, as text on stdout. */
export function forwardConsole(context: SessionContext, target: DebugTarget, subscriptions: DisposableStore): void {
  const asOutput = wantsOutput(context);
  const decoders = new Map<number, TextDecoder>();
  const textOf = (domain: number, bytes: Uint8Array): string => {
    let decoder = decoders.get(domain);
    if (decoder === undefined) {
      decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      decoders.set(domain, decoder);
    }
    return decoder.decode(bytes, { stream: true });
  };
  subscriptions.add(
    target.onConsole(({ domain, bytes }) => {
      context.sendXen('xenConsole', { domain, base64: encodeBase64(bytes) });
      if (asOutput) context.output('stdout', textOf(domain, bytes));
    }),
  );
}

/** Trace lines as `xenTrace` events and, for the same clients, as text of the debug console. */
export function forwardTrace(context: SessionContext, target: DebugTarget, subscriptions: DisposableStore): void {
  const asOutput = wantsOutput(context);
  subscriptions.add(
    target.onTrace((line) => {
      context.sendXen('xenTrace', { ...line });
      if (asOutput) context.output('console', `[${line.virtualSeconds.toFixed(9)}] ${line.text}\n`);
    }),
  );
}

const wantsOutput = ({ configuration, client }: SessionContext): boolean =>
  configuration?.consoleOutput ?? client.supportsXenConsole !== true;

export async function consoleInput(context: SessionContext, args: XenConsoleInputArguments): Promise<undefined> {
  const bytes = decodeBase64(args.base64);
  if (bytes === undefined) throw badBase64();
  await context.target.sendConsole(await context.domain(args.domain), bytes);
  return undefined;
}

export async function consoleHistory(
  context: SessionContext,
  args: XenConsoleHistoryArguments | undefined,
): Promise<XenConsoleHistoryBody> {
  const domain = await context.domain(args?.domain);
  return { domain, base64: encodeBase64(await context.target.consoleHistory(domain)) };
}
