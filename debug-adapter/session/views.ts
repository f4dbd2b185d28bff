import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type {
  XenDomainsBody,
  XenNamesArguments,
  XenNamesBody,
  XenRingsArguments,
  XenRingsBody,
  XenStatisticsBody,
} from '../protocol/custom-requests.ts';
import type { SessionContext } from './context.ts';

const DEFAULT_NAMES = 100;

/** The kernel image of each domain. */
export async function modules(context: SessionContext): Promise<Dap.ModulesResponse['body']> {
  const list = await domains(context);
  const symbols = await context.symbols();
  const found = list.domains.map(({ domain, name }) => ({
    id: domain,
    name,
    symbolStatus: symbols.count === 0 ? 'No symbols' : `${symbols.count} symbols`,
  }));
  return { modules: found, totalModules: found.length };
}

export async function domains(context: SessionContext): Promise<XenDomainsBody> {
  const found = new Map<number, { domain: number; name: string; vcpus: number[] }>();
  for (const { domain, name, vcpu } of await context.target.threads()) {
    const entry = found.get(domain) ?? { domain, name: name.replace(/\/.*$/, ''), vcpus: [] };
    entry.vcpus.push(vcpu);
    found.set(domain, entry);
  }
  return { domains: [...found.values()] };
}

export async function rings(context: SessionContext, args: XenRingsArguments | undefined): Promise<XenRingsBody> {
  const domain = await context.domain(args?.domain);
  return { domain, rings: await context.target.rings(domain) };
}

export async function names(context: SessionContext, args: XenNamesArguments | undefined): Promise<XenNamesBody> {
  const hypercalls = await context.target.hypercallNames();
  const prefix = args?.prefix ?? '';
  const { events: wanted } = args ?? {};
  const events = wanted === undefined ? [] : await context.target.inspect('event-names', { prefix: wanted });
  if (prefix === '') return { hypercalls, events, symbols: [] };
  const symbols = (await context.symbols()).search(prefix, args?.limit ?? DEFAULT_NAMES);
  return {
    hypercalls,
    events,
    symbols: symbols.map(({ name, address, kind }) => ({ name, address: `0x${address.toString(16)}`, kind })),
  };
}

export async function statistics(context: SessionContext): Promise<XenStatisticsBody> {
  return await context.target.statistics();
}
