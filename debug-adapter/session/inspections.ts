import { UserError } from '../../emulator/base/user-error.ts';
import type { InspectionName, Inspections } from '../../emulator/debug/introspection/inspections.ts';
import { badArguments, deviceRefused, nothingThere } from '../protocol/errors.ts';
import type {
  XenCheckEntryArguments,
  XenCheckEntryBody,
  XenDomainArguments,
  XenDomainStateBody,
  XenEventChannelsBody,
  XenFrameArguments,
  XenFrameBody,
  XenGrantsBody,
  XenPageTableArguments,
  XenPageTableBody,
  XenTranslateArguments,
  XenTranslateBody,
} from '../protocol/view-data.ts';
import type { SessionContext } from './context.ts';
import { checkedSpace, evaluateAddress } from './memory.ts';

/** Requests of the views: each is one look into the machine, for the first domain unless another is named. */

export async function pageTable(
  context: SessionContext,
  args: XenPageTableArguments | undefined,
): Promise<XenPageTableBody> {
  checkNumbers({ table: args?.table, base: args?.base });
  const domain = await context.domain(args?.domain);
  return await look(context, 'page-table', { ...args, domain }, 'page table');
}

export async function frame(context: SessionContext, args: XenFrameArguments): Promise<XenFrameBody> {
  checkNumbers({ mfn: args.mfn });
  const domain = await context.domain(args.domain);
  return await look(context, 'frame', { ...args, domain }, 'vCPU');
}

export async function translate(context: SessionContext, args: XenTranslateArguments): Promise<XenTranslateBody> {
  const domain = await context.domain(args.domain);
  const address = `0x${(await evaluateAddress(context, args.address, args.frameId)).toString(16)}`;
  const { vcpu } = args;
  return await look(context, 'translate', { domain, vcpu, space: checkedSpace(args.space), address }, 'vCPU');
}

export async function checkEntry(context: SessionContext, args: XenCheckEntryArguments): Promise<XenCheckEntryBody> {
  checkNumbers({ table: args.table, entry: args.entry });
  if (!Number.isInteger(args.index) || args.index < 0 || args.index > 511)
    throw badArguments('"index" is from 0 to 511');
  const domain = await context.domain(args.domain);
  return await look(context, 'check-entry', { ...args, domain }, 'page table');
}

export async function eventChannels(
  context: SessionContext,
  args: XenDomainArguments | undefined,
): Promise<XenEventChannelsBody> {
  return await look(context, 'event-channels', { domain: await context.domain(args?.domain) }, 'domain');
}

export async function grants(context: SessionContext, args: XenDomainArguments | undefined): Promise<XenGrantsBody> {
  return await look(context, 'grants', { domain: await context.domain(args?.domain) }, 'domain');
}

export async function domainState(
  context: SessionContext,
  args: XenDomainArguments | undefined,
): Promise<XenDomainStateBody> {
  return await look(context, 'domain-state', { domain: await context.domain(args?.domain) }, 'domain');
}

export async function look<Name extends InspectionName>(
  context: SessionContext,
  name: Name,
  args: Inspections[Name]['arguments'],
  what: string,
): Promise<NonNullable<Inspections[Name]['result']>> {
  const found = await inspect(context, name, args);
  if (found === undefined || found === null) throw nothingThere(what);
  return found as NonNullable<Inspections[Name]['result']>;
}

async function inspect<Name extends InspectionName>(
  context: SessionContext,
  name: Name,
  args: Inspections[Name]['arguments'],
): Promise<Inspections[Name]['result']> {
  try {
    return await context.target.inspect(name, args);
  } catch (error) {
    if (error instanceof UserError) throw deviceRefused(error.id, error.message, error.hint);
    throw error;
  }
}

function checkNumbers(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && !/^0x[0-9a-f]{1,16}$/i.test(value)) {
      throw badArguments(`"${name}" must be a hexadecimal number with 0x`);
    }
  }
}
