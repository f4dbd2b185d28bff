import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { internalError, ProtocolError, unknownRequest } from './errors.ts';
import type { Command, Handler } from './requests.ts';
import { checkArguments } from './required-arguments.ts';

type AnyHandler = (args: unknown) => Promise<unknown>;

/**
 * Framing-free dispatcher: requests in, exactly one response each out, events in between. Handlers are plain async
 * functions that return the body; a thrown `ProtocolError` becomes a failed response, and so does anything else
 * thrown, as a bug of ours. Requests may overlap; ordering between them is the handlers' business.
 */
export class Connection {
  private readonly handlers = new Map<string, AnyHandler>();
  private sequence = 1;

  constructor(private readonly send: (message: Dap.ProtocolMessage) => void) {}

  on<C extends Command>(command: C, handler: Handler<C>): void {
    this.handlers.set(command, handler as AnyHandler);
  }

  /** Never rejects. Resolves when the response has been sent. */
  async handle(message: Dap.ProtocolMessage): Promise<void> {
    if (message.type !== 'request') return;
    const request = message as Dap.Request;
    try {
      const handler = this.handlers.get(request.command);
      if (handler === undefined) throw unknownRequest(request.command);
      const body = await handler(checkArguments(request.command, request.arguments));
      this.respond(request, body === undefined ? { success: true } : { success: true, body });
    } catch (error) {
      this.respond(request, failure(error));
    }
  }

  event(event: string, body?: unknown): void {
    const message = { seq: this.sequence++, type: 'event', event, ...(body === undefined ? {} : { body }) };
    this.send(message);
  }

  private respond(request: Dap.Request, outcome: Pick<Dap.Response, 'success' | 'message' | 'body'>): void {
    const response: Dap.Response = {
      seq: this.sequence++,
      type: 'response',
      request_seq: request.seq,
      command: request.command,
      ...outcome,
    };
    this.send(response);
  }
}

function failure(error: unknown): Pick<Dap.ErrorResponse, 'success' | 'message' | 'body'> {
  const known =
    error instanceof ProtocolError ? error : internalError(error instanceof Error ? error.message : String(error));
  const message: Dap.Message = { id: known.number, format: known.message, showUser: known.showUser };
  return { success: false, message: known.id, body: { error: message } };
}
