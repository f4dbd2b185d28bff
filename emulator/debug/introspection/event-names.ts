import { childrenOf } from '../../xen/backends/xenstore/tree.ts';
import { channel } from '../../xen/common/event-channel.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import { TRAP_NAMES } from '../xen-events/trap-names.ts';
import { channelState } from './event-channels.ts';

/** A name that a breakpoint may have, and what it stands for. */
export interface EventName {
  readonly name: string;
  readonly documentation: string;
}

const MAX_NAMES = 400;

/** Names that need no machine. */
export function staticEventNames(): readonly EventName[] {
  return [
    { name: 'cr3', documentation: 'A guest chooses another page-table root.' },
    { name: 'evtchn:*', documentation: 'Any event channel becomes pending or is notified.' },
    { name: 'grant:*', documentation: 'Any grant is mapped, copied, used or let go of.' },
    { name: 'xenstore:/*', documentation: 'Anything in xenstore changes.' },
    { name: 'console:', documentation: 'A guest prints this text.' },
    { name: 'trap:*', documentation: 'Any exception is handed to a guest.' },
    ...TRAP_NAMES.filter(({ impossible }) => impossible === undefined).map(({ name, vector, mnemonic }) => ({
      name: `trap:${name}`,
      documentation: `${mnemonic}, vector ${vector}: stops at the guest’s handler.`,
    })),
  ];
}

/** What there is now and starts with `prefix`: open ports, grants in use, nodes of xenstore. */
export function eventNames(machine: Machine, { prefix }: { readonly prefix: string }): readonly EventName[] {
  const names = [...staticEventNames()];
  for (const { domain } of machine.domains) {
    const { domid, name } = domain;
    for (let port = 1; port < domain.eventChannels.ports.length; port++) {
      const found = channel(domain, port);
      if (found === undefined) continue;
      names.push({ name: `evtchn:${port}`, documentation: `${name}: ${channelState(domain, found)}` });
    }
    for (const [ref, { domid: user }] of domain.grantTable.active) {
      names.push({ name: `grant:${ref}`, documentation: `${name} (domain ${domid}): in use by domain ${user}` });
    }
  }
  if (prefix.startsWith('xenstore:/')) names.push(...storeNames(machine, prefix.slice('xenstore:'.length)));
  return names.filter(({ name }) => name.startsWith(prefix)).slice(0, MAX_NAMES);
}

/** Children of the last whole part of what was typed, and all that lies below them. */
function storeNames({ store }: Machine, typed: string): readonly EventName[] {
  const parent = typed.slice(0, typed.lastIndexOf('/')) || '/';
  const prefix = parent === '/' ? '/' : `${parent}/`;
  return childrenOf(store.root, parent).flatMap(({ name, value, children }) => {
    const path = `xenstore:${prefix}${name}`;
    const own = { name: path, documentation: `= "${value}"` };
    return children === 0 ? [own] : [own, { name: `${path}/*`, documentation: `and all below it` }];
  });
}
