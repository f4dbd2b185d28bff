import type { Domain } from '../../xen/common/domain.ts';
import {
  type GrantTable,
  grantEntryAddress,
  grantEntryFrame,
  readGrantHeader,
  readGrantStatus,
} from '../../xen/common/grant-table.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import { hex } from '../../xen/common/refusal.ts';
import {
  GNTMAP_DEVICE_MAP,
  GNTMAP_HOST_MAP,
  GNTMAP_READONLY,
  GTF_ACCEPT_TRANSFER,
  GTF_INVALID,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_READONLY,
  GTF_SUB_PAGE,
  GTF_TRANSITIVE,
  GTF_TYPE_MASK,
  GTF_WRITING,
} from '../../xen/public/xen-4/grant-table.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import { findDomain, frameFacts } from './frames.ts';

const TYPES: Readonly<Record<number, string>> = {
  [GTF_INVALID]: 'invalid',
  [GTF_PERMIT_ACCESS]: 'permit access',
  [GTF_ACCEPT_TRANSFER]: 'accept transfer',
  [GTF_TRANSITIVE]: 'transitive',
};

/** What a domain grants, and what it has mapped of others. Undefined: no such domain. */
export function grants(machine: Machine, args: { readonly domain: number }) {
  const domain = findDomain(machine, args.domain);
  if (domain === undefined) return undefined;
  const { hypervisor } = machine;
  const table = domain.grantTable;
  const entries = [];
  for (let ref = 0; ref < table.entries; ref++) {
    const { flags, domid } = readGrantHeader(hypervisor, table, ref);
    const active = table.active.get(ref);
    if ((flags & GTF_TYPE_MASK) === GTF_INVALID && active === undefined) continue;
    const status = readGrantStatus(hypervisor, table, ref);
    const mfn = grantEntryFrame(hypervisor, table, ref);
    entries.push({
      ref,
      type: TYPES[flags & GTF_TYPE_MASK] ?? 'invalid',
      flags: flagWords(table, flags, status),
      domain: domid,
      mfn: hex(mfn),
      frame: frameFacts(hypervisor, mfn),
      readers: active?.readers ?? 0,
      writers: active?.writers ?? 0,
      /** A use keeps the frame that the entry named when it began. */
      activeMfn: active === undefined || active.mfn === mfn ? undefined : hex(active.mfn),
      mappedBy: mappers(hypervisor, domain, ref),
      at: hex(grantEntryAddress(table, ref)),
    });
  }
  const mappings = table.mappings.flatMap((mapping, handle) =>
    mapping === undefined
      ? []
      : [
          {
            ...{ handle, domain: mapping.granter as number, ref: mapping.ref, mfn: hex(mapping.mfn) },
            flags: mappingWords(mapping.flags),
            orphan: mapping.orphan,
          },
        ],
  );
  return {
    ...{ domain: domain.domid as number, version: table.version as number, frames: table.frames.length },
    ...{ maxFrames: table.maxFrames, size: table.entries, entries, mappings },
  };
}

function flagWords({ version }: GrantTable, flags: number, status: number): readonly string[] {
  const words: string[] = [];
  if ((flags & GTF_READONLY) !== 0) words.push('read-only');
  if ((status & GTF_READING) !== 0) words.push('being read');
  if ((status & GTF_WRITING) !== 0) words.push('being written');
  if (version === 2 && (flags & GTF_SUB_PAGE) !== 0) words.push('sub-page');
  return words;
}

function mappingWords(flags: number): readonly string[] {
  const words = [(flags & GNTMAP_READONLY) !== 0 ? 'read-only' : 'writable'];
  if ((flags & GNTMAP_HOST_MAP) !== 0) words.push('in page tables');
  if ((flags & GNTMAP_DEVICE_MAP) !== 0) words.push('for devices');
  return words;
}

/** Domains that have mapped the grant, with their handles. Back ends of the host have none. */
function mappers(xen: Hypervisor, granter: Domain, ref: number) {
  const found: { readonly domain: number; readonly handle: number }[] = [];
  for (const { domid, grantTable } of xen.domains.values()) {
    grantTable.mappings.forEach((mapping, handle) => {
      if (mapping?.granter === granter.domid && mapping.ref === ref) found.push({ domain: domid, handle });
    });
  }
  return found;
}
