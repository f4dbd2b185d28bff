import type { MachineAddress } from '../../base/numbers.ts';
import { formatAddress } from '../../base/numbers.ts';
import type { Domain } from '../../xen/common/domain.ts';
import type { Hypervisor } from '../../xen/common/hypervisor.ts';
import { hex, hex64 } from '../../xen/common/refusal.ts';
import type { Callback, Vcpu } from '../../xen/common/vcpu.ts';
import { decodeFields } from '../../xen/hypercall/decode.ts';
import { type StructDefinition, StructView } from '../../xen/public/struct.ts';
import { SHARED_INFO, SHARED_INFO_32, START_INFO, VCPU_INFO, VCPU_INFO_32 } from '../../xen/public/xen-4/xen.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import type { ArgumentInfo } from '../target.ts';
import { trapTitle } from '../xen-events/trap-names.ts';
import { findDomain, frameFacts } from './frames.ts';

/** What Xen knows of a domain and its vCPUs, as trees of names and values. */

const RUNSTATES = ['running', 'runnable', 'blocked', 'offline'];
const ENTRIES_PER_FRAME = 512;
/** Descriptors and refusals that are listed. */
const MAX_LISTED = 256;

interface Section {
  readonly title: string;
  /** Machine address of a structure in memory. */
  readonly at: string | undefined;
  readonly fields: readonly ArgumentInfo[];
}

/** Undefined: no such domain. */
export function domainState(machine: Machine, args: { readonly domain: number }) {
  const domain = findDomain(machine, args.domain);
  if (domain === undefined) return undefined;
  const { hypervisor } = machine;
  const booted = machine.domains.find((one) => one.domain === domain);
  // Structures of older Xens have other layouts.
  const known = domain.abiVersion === '4';
  const start = booted?.layout.startInfo;
  const startPfn = known ? (typeof start === 'number' ? start : start?.pfn) : undefined;
  const startMfn = startPfn === undefined ? undefined : domain.mfnOf(startPfn);
  const sections: Section[] = [
    { title: 'Domain', at: undefined, fields: domainFields(hypervisor, domain) },
    ...(startMfn === undefined ? [] : [structSection(hypervisor, domain, 'start_info', START_INFO, startMfn * 4096)]),
    ...(known ? [sharedInfo(hypervisor, domain)] : []),
    { title: 'Latest refusals', at: undefined, fields: refusals(domain) },
  ];
  const vcpus = domain.vcpus.map((vcpu) => ({ vcpu: vcpu.index, sections: vcpuSections(hypervisor, vcpu) }));
  return { domain: domain.domid as number, name: domain.name, sections, vcpus };
}

function domainFields(xen: Hypervisor, domain: Domain): readonly ArgumentInfo[] {
  const { shutdown } = domain;
  return [
    field('domid', domain.domid),
    field('name', domain.name),
    field('ABI', domain.abi),
    field('state', domain.state),
    ...(shutdown === undefined ? [] : [field('shutdown', `${shutdown.kind} (${shutdown.code}): ${shutdown.reason}`)]),
    field('pages', `${domain.totalPages} of at most ${domain.maxPages}`),
    field('vm_assist', `0x${domain.assists.toString(16)}${domain.m2pStrict ? ', m2p_strict' : ''}`),
    field('vCPUs', domain.vcpus.length),
    field('shared_info frame', hex(domain.sharedInfoMfn)),
    field('virtual time', `${(xen.clock.now() / 1e9).toFixed(9)} s`),
    field('instructions', xen.clock.instructions),
  ];
}

/** Bitmaps of 64 words are in the event channels' view; here are the rest of the page and the vCPUs' parts. */
function sharedInfo(xen: Hypervisor, domain: Domain): Section {
  const struct = domain.width === 64 ? SHARED_INFO : SHARED_INFO_32;
  const section = structSection(xen, domain, 'shared_info', struct, domain.sharedInfoMfn * 4096);
  const fields = section.fields.map((one) =>
    one.name === 'vcpu_info' ? { ...one, children: one.children.slice(0, domain.vcpus.length) } : one,
  );
  return { ...section, fields };
}

function structSection(
  { ram }: Hypervisor,
  domain: Domain,
  title: string,
  struct: StructDefinition<string>,
  at: number,
): Section {
  const bytes = ram.u8.slice(
    ram.offsetOf(at as MachineAddress),
    ram.offsetOf(at as MachineAddress) + struct[domain.width].size,
  );
  return { title, at: hex(at), fields: decodeFields(new StructView(struct, domain.width, bytes), domain.width) };
}

function refusals(domain: Domain): readonly ArgumentInfo[] {
  return [...domain.refusals].reverse().map(({ what, errno, reason, times, instructions }) => ({
    name: what,
    value: `-${errno}: ${reason}`,
    children: [field('times in a row', times), field('instructions', instructions)],
  }));
}

function vcpuSections(xen: Hypervisor, vcpu: Vcpu): readonly Section[] {
  const { domain } = vcpu;
  const struct = domain.width === 64 ? VCPU_INFO : VCPU_INFO_32;
  return [
    { title: 'State', at: undefined, fields: stateFields(xen, vcpu) },
    ...(domain.abiVersion === '4' ? [structSection(xen, domain, 'vcpu_info', struct, vcpu.vcpuInfo)] : []),
    { title: 'Runstate', at: undefined, fields: runstateFields(xen, vcpu) },
    { title: 'Timers', at: undefined, fields: timerFields(vcpu) },
    { title: 'Callbacks', at: undefined, fields: callbackFields(vcpu) },
    { title: 'Trap table', at: undefined, fields: trapFields(vcpu) },
    { title: 'GDT', at: undefined, fields: descriptorFields(xen, vcpu.gdtFrames, vcpu.gdtEntries) },
    { title: 'LDT', at: undefined, fields: ldtFields(xen, vcpu) },
    { title: 'Debug registers', at: undefined, fields: debugFields(vcpu) },
  ];
}

function stateFields(xen: Hypervisor, vcpu: Vcpu): readonly ArgumentInfo[] {
  const frame = (mfn: number | undefined): string => {
    if (mfn === undefined) return 'none';
    const facts = frameFacts(xen, mfn);
    return facts === undefined
      ? hex(mfn)
      : `${hex(mfn)} (${facts.type} ×${facts.typeCount}${facts.pinned ? ', pinned' : ''})`;
  };
  return [
    field('state', vcpu.state),
    field('mode', vcpu.kernelMode ? 'kernel' : 'user'),
    field('kernel root', frame(vcpu.kernelRoot)),
    field('user root', frame(vcpu.userRoot)),
    ...(vcpu.compatL4 === undefined ? [] : [field('Xen’s L4', frame(vcpu.compatL4))]),
    field('kernel stack', `${hex(vcpu.kernelSs)}:${formatAddress(vcpu.kernelSp)}`),
    field('IOPL', vcpu.iopl >> 12),
    field('I/O bitmap', `${formatAddress(vcpu.ioBitmap)}, ${vcpu.ioBitmapPorts} ports`),
    ...(vcpu.polling === undefined ? [] : [field('polls ports', vcpu.polling.join(', ') || 'none')]),
    field('vcpu_info', `${hex(vcpu.vcpuInfo)}${vcpu.vcpuInfoRelocated ? ', registered by the guest' : ''}`),
    field('runstate area', formatAddress(vcpu.runstateArea)),
    field('time area', formatAddress(vcpu.timeArea)),
  ];
}

function runstateFields(xen: Hypervisor, vcpu: Vcpu): readonly ArgumentInfo[] {
  const now = xen.clock.now();
  return [
    field('state', RUNSTATES[vcpu.runstate] ?? vcpu.runstate),
    field('since', `${vcpu.runstateSince} ns`),
    ...RUNSTATES.map((name, state) => {
      const running = state === vcpu.runstate ? now - vcpu.runstateSince : 0;
      return field(name, `${(vcpu.runstateTimes[state] as number) + running} ns`);
    }),
  ];
}

function timerFields(vcpu: Vcpu): readonly ArgumentInfo[] {
  const deadline = (time: number): string => (Number.isFinite(time) ? `${time} ns` : 'not set');
  return [
    field('singleshot', deadline(vcpu.singleshotTimer)),
    field('periodic', deadline(vcpu.periodicTimer)),
    field('period', vcpu.periodicPeriod === 0 ? 'none' : `${vcpu.periodicPeriod} ns`),
    field('poll timeout', deadline(vcpu.pollTimeout)),
  ];
}

function callbackFields(vcpu: Vcpu): readonly ArgumentInfo[] {
  const show = (name: string, { address, cs, maskEvents }: Callback): ArgumentInfo =>
    field(
      name,
      address === 0
        ? 'none'
        : `${cs === 0 ? '' : `${hex(cs)}:`}${formatAddress(address)}${maskEvents ? ', masks events' : ''}`,
    );
  return [
    show('event', vcpu.eventCallback),
    show('failsafe', vcpu.failsafeCallback),
    show('syscall', vcpu.syscallCallback),
    show('syscall32', vcpu.syscall32Callback),
    show('sysenter', vcpu.sysenterCallback),
    show('nmi', vcpu.nmiCallback),
  ];
}

function trapFields(vcpu: Vcpu): readonly ArgumentInfo[] {
  return vcpu.traps.flatMap(({ address, cs, dpl, maskEvents }, vector) =>
    address === 0
      ? []
      : [
          field(
            `${vector} ${trapTitle(vector)}`,
            `${hex(cs)}:${formatAddress(address)}, DPL ${dpl}${maskEvents ? ', masks events' : ''}`,
          ),
        ],
  );
}

/** Those that are not 0. */
function descriptorFields({ ram }: Hypervisor, frames: readonly number[], entries: number): readonly ArgumentInfo[] {
  const found: ArgumentInfo[] = [];
  for (let entry = 0; entry < entries && found.length < MAX_LISTED; entry++) {
    const mfn = frames[Math.floor(entry / ENTRIES_PER_FRAME)];
    if (mfn === undefined) continue;
    const at = (ram.offset(mfn as Parameters<typeof ram.offset>[0]) >>> 2) + (entry % ENTRIES_PER_FRAME) * 2;
    const low = ram.i32[at] as number;
    const high = ram.i32[at + 1] as number;
    if ((low | high) !== 0) found.push(field(hex(entry * 8), describeDescriptor(low, high)));
  }
  return found;
}

function ldtFields(xen: Hypervisor, vcpu: Vcpu): readonly ArgumentInfo[] {
  if (vcpu.ldtEntries === 0) return [];
  const frames = Array.from(vcpu.ldtFrames, ([page, mfn]) => `page ${page}: ${hex(mfn)}`);
  const ordered: number[] = [];
  for (const [page, mfn] of vcpu.ldtFrames) ordered[page] = mfn;
  return [
    field('base', formatAddress(vcpu.ldtBase)),
    field('entries', vcpu.ldtEntries),
    field('in use', frames.join(', ') || 'no page'),
    ...descriptorFields(xen, ordered, vcpu.ldtEntries),
  ];
}

/** "code, DPL 3, 64-bit, base 0x0, limit 0xfffff" (SDM vol. 3, 3.4.5). */
function describeDescriptor(low: number, high: number): string {
  const value = hex64(low, high);
  if ((high & (1 << 15)) === 0) return `${value} not present`;
  const dpl = (high >>> 13) & 3;
  const base = (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
  const limit = (low & 0xffff) | (high & 0xf0000);
  if ((high & (1 << 12)) === 0) return `${value} system, type ${(high >>> 8) & 15}, DPL ${dpl}`;
  const kind = (high & (1 << 11)) === 0 ? 'data' : 'code';
  const bits = (high & (1 << 21)) !== 0 ? '64-bit' : (high & (1 << 22)) !== 0 ? '32-bit' : '16-bit';
  const unit = (high & (1 << 23)) !== 0 ? ' pages' : '';
  return `${value} ${kind}, DPL ${dpl}, ${bits}, base ${hex(base >>> 0)}, limit ${hex(limit)}${unit}`;
}

function debugFields(vcpu: Vcpu): readonly ArgumentInfo[] {
  return [0, 1, 2, 3, 6, 7].map((index) => field(`DR${index}`, formatAddress(vcpu.debugRegisters[index] as number)));
}

const field = (name: string, value: string | number): ArgumentInfo => ({ name, value: String(value), children: [] });
