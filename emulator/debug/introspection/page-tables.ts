import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import type { Domain } from '../../xen/common/domain.ts';
import { hex, hex64 } from '../../xen/common/refusal.ts';
import { DOMAIN_ENTRIES_PER_L2_PAGETABLE } from '../../xen/public/xen-2.0/xen.ts';
import { isGuestL4Slot } from '../../xen/pv/mm-validate.ts';
import {
  entryFrame,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_GNTTAB_HIGH,
  PAGE_GUEST_KERNEL_HIGH,
  PAGE_PCD,
  PAGE_PRESENT,
  PAGE_PSE,
  PAGE_PWT,
  PAGE_RW,
  PAGE_USER,
} from '../../xen/pv/page-table-entry.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import {
  address,
  addressIn,
  type EntryShape,
  entryOf,
  findDomain,
  findVcpu,
  frameFacts,
  mappingsOf,
  shapeOf,
  toVirtual,
} from './frames.ts';

/** Page tables as the processor walks them, and addresses in all three spaces. */

/** An L3 table of a 32-bit guest. */
const PAE_ENTRIES = 4;
const PAGE = 4096;

export interface TableArguments {
  readonly domain: number;
  readonly vcpu?: number | undefined;
  /** Which root, where no table is named: the kernel's, or that of user mode. */
  readonly view?: 'kernel' | 'user' | undefined;
  /** A table, its level, and the first address it covers; absent: the root. */
  readonly table?: string | undefined;
  readonly level?: number | undefined;
  readonly base?: string | undefined;
}

/** The entries of one table that are not 0. Undefined: no such domain, vCPU or root. */
export function pageTable(machine: Machine, args: TableArguments) {
  const { hypervisor } = machine;
  const { ram } = hypervisor;
  const domain = findDomain(machine, args.domain);
  const vcpu = domain === undefined ? undefined : findVcpu(domain, args.vcpu);
  if (domain === undefined || vcpu === undefined) return undefined;
  const shape = shapeOf(domain);
  const root = args.view === 'user' ? vcpu.userRoot : vcpu.kernelRoot;
  const table = args.table === undefined ? root : Number(args.table);
  if (table === undefined || !ram.hasFrame(table)) return undefined;
  const level = args.level ?? shape.root;
  const base = Number(BigInt.asUintN(48, BigInt(args.base ?? 0)));
  const entries = [];
  const count = level === 3 && shape.root === 3 ? PAE_ENTRIES : shape.entries;
  for (let index = 0; index < count; index++) {
    const [low, high] = entryOf(ram, table as Mfn, index, shape);
    if ((low | high) === 0) continue;
    const present = (low & PAGE_PRESENT) !== 0;
    const mfn = entryFrame(low, high);
    entries.push({
      index,
      virtual: address(addressIn(base, level, index, shape)),
      entry: entryText(low, high, shape),
      flags: entryWords(level, low, high),
      present,
      xen: isXenSlot(level, index, shape),
      isTable: present && level > 1 && (low & PAGE_PSE) === 0,
      mfn: hex(mfn),
      frame: present ? frameFacts(hypervisor, mfn) : undefined,
      at: hex(table * PAGE + index * shape.bytes),
    });
  }
  return {
    ...{ domain: domain.domid, vcpu: vcpu.index, width: domain.width as number, level, table: hex(table) },
    ...{ base: address(base), frame: frameFacts(hypervisor, table), hasUserRoot: vcpu.userRoot !== undefined, entries },
  };
}

function entryText(low: number, high: number, { bytes }: EntryShape): string {
  return bytes === 8 ? hex64(low, high) : hex(low >>> 0);
}

/** Whether the slot of a root is Xen's own. */
function isXenSlot(level: number, index: number, { root }: EntryShape): boolean {
  if (level !== root) return false;
  return (root === 4 && !isGuestL4Slot(index)) || (root === 2 && index >= DOMAIN_ENTRIES_PER_L2_PAGETABLE);
}

/** Flags of an entry in words, most telling first. */
export function entryWords(level: number, low: number, high: number): readonly string[] {
  const words: string[] = [];
  const add = (isSet: boolean, word: string): void => {
    if (isSet) words.push(word);
  };
  if ((low & PAGE_PRESENT) === 0) return ['not present'];
  words.push((low & PAGE_RW) !== 0 ? 'writable' : 'read-only');
  add((low & PAGE_USER) !== 0, 'user');
  add((high & PAGE_GUEST_KERNEL_HIGH) !== 0, 'guest kernel');
  add(high < 0, 'no execute');
  add((low & PAGE_ACCESSED) !== 0, 'accessed');
  add((low & PAGE_DIRTY) !== 0, 'dirty');
  add((low & PAGE_GLOBAL) !== 0, 'global');
  add((low & PAGE_PSE) !== 0, level === 1 ? 'PAT' : 'large page');
  add((low & PAGE_PWT) !== 0, 'write-through');
  add((low & PAGE_PCD) !== 0, 'cache disabled');
  add((high & PAGE_GNTTAB_HIGH) !== 0, 'grant');
  const available = (low >>> 9) & 7;
  add(available !== 0, `available bits ${available}`);
  return words;
}

export interface TranslateArguments {
  readonly domain: number;
  readonly vcpu?: number | undefined;
  readonly space: 'virtual' | 'pseudo-physical' | 'machine';
  /** Hexadecimal. */
  readonly address: string;
}

/** An address in all three spaces, the walk that leads to it, and its frame. Undefined: no such domain or vCPU. */
export function translate(machine: Machine, args: TranslateArguments) {
  const domain = findDomain(machine, args.domain);
  const vcpu = domain === undefined ? undefined : findVcpu(domain, args.vcpu);
  if (domain === undefined || vcpu === undefined) return undefined;
  const { hypervisor } = machine;
  const { ram } = hypervisor;
  const offset = Number(BigInt(args.address) & 0xfffn);
  const number = Number(BigInt(args.address) >> 12n);
  let at: number | undefined;
  let problem: string | undefined;
  const isVirtual = args.space === 'virtual';
  const walked =
    isVirtual && vcpu.hardwareRoot !== undefined ? walk(machine, args.address, vcpu.hardwareRoot, domain) : undefined;
  if (isVirtual) {
    at = walked?.machine;
    if (at === undefined) problem = walked === undefined ? 'the vCPU has no page tables' : stoppedAt(walked.levels);
  } else if (args.space === 'machine') {
    if (ram.hasFrame(number)) at = number * PAGE + offset;
    else problem = `mfn ${hex(number)} is no RAM`;
  } else {
    const mfn = domain.mfnOf(number);
    if (mfn === undefined) problem = `domain ${domain.domid} has no page at pfn ${hex(number)}`;
    else at = mfn * PAGE + offset;
  }
  const mfn = at === undefined ? undefined : Math.floor(at / PAGE);
  const facts = mfn === undefined ? undefined : frameFacts(hypervisor, mfn);
  const mappings = mfn === undefined ? [] : mappingsOf(hypervisor, vcpu, mfn).filter(({ level }) => level === 1);
  const addresses = mappings.flatMap(({ virtual }) => (virtual === undefined ? [] : [plus(virtual, offset)]));
  const first = isVirtual ? args.address : addresses[0];
  const levels =
    walked?.levels ??
    (first === undefined || vcpu.hardwareRoot === undefined
      ? []
      : walk(machine, first, vcpu.hardwareRoot, domain).levels);
  return {
    ...{ space: args.space as string, address: args.address, problem },
    virtual: isVirtual ? [args.address, ...addresses.filter((other) => other !== args.address)] : addresses,
    pseudoPhysical: facts?.pfn === undefined ? undefined : plus(facts.pfn, 0, offset),
    machine: at === undefined ? undefined : hex(at),
    walk: levels,
    frame: facts,
    mappings: mappings.slice(0, 64),
  };
}

function plus(text: string, offset: number, low?: number): string {
  const value = low === undefined ? BigInt(text) + BigInt(offset) : BigInt(text) * 4096n + BigInt(low);
  return `0x${value.toString(16)}`;
}

function walk({ hypervisor }: Machine, text: string, root: Mfn, domain: Domain) {
  const shape = shapeOf(domain);
  const { levels, machine } = hypervisor.processor.walk(toVirtual(text), root, domain.paging);
  return {
    machine: machine as MachineAddress | undefined,
    levels: levels.map(({ level, mfn, index, low, high }) => ({
      ...{ level, table: hex(mfn), index, entry: entryText(low, high, shape), flags: entryWords(level, low, high) },
      at: hex(mfn * PAGE + index * shape.bytes),
      mfn: hex(entryFrame(low, high)),
    })),
  };
}

function stoppedAt(
  levels: readonly { readonly level: number; readonly index: number; readonly entry: string }[],
): string {
  const last = levels.at(-1);
  return last === undefined
    ? 'the address is not canonical'
    : `the walk ends at the L${last.level} entry ${last.index}, which is ${last.entry}`;
}
