import { UserError } from '../../emulator/base/user-error.ts';
import type {
  XenAttachDeviceArguments,
  XenControlArguments,
  XenControlCommandsBody,
  XenDetachDeviceArguments,
  XenDevicesArguments,
  XenDevicesBody,
} from '../protocol/custom-requests.ts';
import { badArguments, deviceRefused } from '../protocol/errors.ts';
import type { SessionContext } from './context.ts';

export async function list(context: SessionContext, args: XenDevicesArguments | undefined): Promise<XenDevicesBody> {
  const domain = await context.domain(args?.domain);
  return { domain, devices: await context.target.devices(domain) };
}

export async function attach(context: SessionContext, args: XenAttachDeviceArguments): Promise<undefined> {
  const { kind, specification } = args;
  checkKind(kind);
  const domain = await context.domain(args.domain);
  await inWords(() => context.target.attachDevice(domain, kind, specification));
  return undefined;
}

export async function detach(context: SessionContext, args: XenDetachDeviceArguments): Promise<undefined> {
  const { kind, name, force } = args;
  checkKind(kind);
  const domain = await context.domain(args.domain);
  await inWords(() => context.target.detachDevice(domain, kind, name, force === true));
  return undefined;
}

export async function controlCommands(context: SessionContext): Promise<XenControlCommandsBody> {
  return { commands: await context.target.inspect('control-commands', undefined) };
}

export async function control(context: SessionContext, args: XenControlArguments): Promise<undefined> {
  if (typeof args.command !== 'string') throw badArguments('command must be a string, as "shutdown" or "mem-set 100"');
  const domain = await context.domain(args.domain);
  await inWords(() => context.target.control(domain, args.command));
  return undefined;
}

function checkKind(kind: string): void {
  if (kind !== 'disk' && kind !== 'vif') throw badArguments('kind must be "disk" or "vif"');
}

async function inWords(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError) throw deviceRefused(error.id, error.message, error.hint);
    throw error;
  }
}
