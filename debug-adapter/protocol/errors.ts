/**
 * A request that cannot be answered, in words for the user. Becomes a failed response: `number` is the DAP message id,
 * `id` the stable name to search for. Made only by the factories below.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly number: number,
    readonly id: string,
    message: string,
    /** Whether the editor shows it in a dialog; otherwise only where the request came from. */
    readonly showUser = false,
  ) {
    super(message);
  }
}

// 1000: the protocol itself.
export const unknownRequest = (command: string): ProtocolError =>
  new ProtocolError(1000, 'protocol.unknown-request', `Xenoscope does not know the request "${command}".`);
export const badArguments = (what: string): ProtocolError =>
  new ProtocolError(1001, 'protocol.bad-arguments', `The request is malformed: ${what}.`);
export const internalError = (message: string): ProtocolError =>
  new ProtocolError(1002, 'protocol.internal', message, true);

// 1100: life of the session.
export const notLaunched = (): ProtocolError =>
  new ProtocolError(1100, 'session.not-launched', 'No domain has been started yet, or it has been terminated.');
export const alreadyLaunched = (): ProtocolError =>
  new ProtocolError(1101, 'session.already-launched', 'This session already runs a domain.');
export const attachUnsupported = (): ProtocolError =>
  new ProtocolError(1102, 'session.attach', 'Xenoscope cannot attach yet; use "request": "launch".', true);
export const nothingToBoot = (): ProtocolError =>
  new ProtocolError(
    1103,
    'session.nothing-to-boot',
    'The launch configuration names neither "config" (an xl.cfg file) nor "kernel" (a Xen PV kernel image).',
    true,
  );
export const badLaunchKey = (key: string, expected: string): ProtocolError =>
  new ProtocolError(1104, 'session.bad-launch-key', `"${key}" in the launch configuration must be ${expected}.`, true);
/** A boot that failed for a reason the user can act on; `id` is that of the error underneath. */
export const bootFailed = (id: string, message: string, hint: string): ProtocolError =>
  new ProtocolError(1105, id, hint === '' ? message : `${message} ${hint}`, true);

// 1200: asking about a machine.
export const machineRunning = (): ProtocolError =>
  new ProtocolError(1200, 'target.running', 'The machine is running; pause it first.');
export const unknownThread = (id: number): ProtocolError =>
  new ProtocolError(1201, 'target.unknown-thread', `There is no vCPU with id ${id}.`);
export const staleFrame = (): ProtocolError =>
  new ProtocolError(1202, 'target.stale-frame', 'The stack frame belongs to an earlier stop.');
export const staleVariables = (): ProtocolError =>
  new ProtocolError(1203, 'target.stale-variables', 'The variables belong to an earlier stop.');
export const notSettable = (name: string): ProtocolError =>
  new ProtocolError(1204, 'target.not-settable', `${name} cannot be set.`);
export const badExpression = (message: string): ProtocolError =>
  new ProtocolError(1205, 'target.bad-expression', message);
export const badMemoryReference = (reference: string): ProtocolError =>
  new ProtocolError(1206, 'target.bad-memory-reference', `"${reference}" is not an address.`);
export const unreadableMemory = (address: string): ProtocolError =>
  new ProtocolError(1207, 'target.unreadable-memory', `Nothing is mapped at ${address}.`);
export const badBase64 = (): ProtocolError =>
  new ProtocolError(1208, 'target.bad-base64', 'The data to write is not base64.');
export const unknownDomain = (domain: number): ProtocolError =>
  new ProtocolError(1209, 'target.unknown-domain', `There is no domain ${domain}.`);
export const noCrash = (): ProtocolError =>
  new ProtocolError(1210, 'target.no-exception', 'The vCPU did not stop for an exception.');
export const nothingThere = (what: string): ProtocolError =>
  new ProtocolError(1212, 'target.nothing-there', `There is no such ${what}.`);
export const xenstoreRefused = (message: string): ProtocolError =>
  new ProtocolError(1213, 'target.xenstore-refused', message);
/** A disk or network interface that could not be plugged in or out; `id` is that of the error underneath. */
export const deviceRefused = (id: string, message: string, hint: string): ProtocolError =>
  new ProtocolError(1211, id, hint === '' ? message : `${message} ${hint}`);
