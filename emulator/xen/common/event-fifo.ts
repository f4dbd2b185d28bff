import type { MachineAddress, Mfn } from '../../base/numbers.ts';
import {
  EVTCHN_FIFO_BUSY,
  EVTCHN_FIFO_CONTROL_BLOCK,
  EVTCHN_FIFO_LINK_BITS,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_MAX_QUEUES,
  EVTCHN_FIFO_PENDING,
  EVTCHN_FIFO_PRIORITY_MIN,
} from '../public/xen-4/event-channel.ts';
import type { Domain } from './domain.ts';
import { markEventsPending, twoLevelIsPending } from './event-2l.ts';
import type { EventChannel } from './event-channel.ts';
import { TYPE_WRITABLE } from './frame-table.ts';
import type { Hypervisor } from './hypervisor.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Vcpu } from './vcpu.ts';

/** The FIFO ABI (common/event_fifo.c): a word per port in guest pages, 16 queues per vCPU linked through the words. */

const WORDS_PER_PAGE = 1024;
const MAX_PAGES = (1 << EVTCHN_FIFO_LINK_BITS) / WORDS_PER_PAGE;
const LINK_MASK = (1 << EVTCHN_FIFO_LINK_BITS) - 1;
const CONTROL_BLOCK = EVTCHN_FIFO_CONTROL_BLOCK[64];

export interface FifoState {
  /** Guest frames with the event words; each holds a writable reference. */
  readonly arrayFrames: Mfn[];
  /** Frame and machine address of each vCPU's control block. */
  readonly controlFrames: (Mfn | undefined)[];
  readonly controlBlocks: (MachineAddress | undefined)[];
  /** Last port of each queue: vCPU * 16 + priority. */
  readonly tails: number[];
}

/** EVTCHNOP_init_control: the first one switches the domain over. */
export function fifoInitControl(
  xen: Hypervisor,
  domain: Domain,
  vcpuIndex: number,
  frame: number,
  offset: number,
): Refusal | undefined {
  if (domain.vcpus[vcpuIndex] === undefined) return refuse('ENOENT', `there is no vCPU ${vcpuIndex}`);
  if (offset % 8 !== 0 || offset > 4096 - CONTROL_BLOCK.size) {
    return refuse('EINVAL', `control block at offset ${offset}: must be a multiple of 8 inside the page`);
  }
  if (domain.eventChannels.fifo?.controlBlocks[vcpuIndex] !== undefined) {
    return refuse('EINVAL', `vCPU ${vcpuIndex} has a control block already`);
  }
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, domain.domid);
  if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
  const first = domain.eventChannels.fifo === undefined;
  domain.eventChannels.fifo ??= { arrayFrames: [], controlFrames: [], controlBlocks: [], tails: [] };
  const { fifo } = domain.eventChannels;
  fifo.controlFrames[vcpuIndex] = frame as Mfn;
  fifo.controlBlocks[vcpuIndex] = (frame * 4096 + offset) as MachineAddress;
  for (let queue = 0; queue < EVTCHN_FIFO_MAX_QUEUES; queue++) {
    fifo.tails[vcpuIndex * EVTCHN_FIFO_MAX_QUEUES + queue] = 0;
    xen.ram.write32(headAddress(fifo, vcpuIndex, queue), 0);
  }
  if (first) {
    domain.eventChannels.ports.forEach((port, number) => {
      if (twoLevelIsPending(xen, domain, number)) port.pending = true;
    });
  }
  return undefined;
}

/** EVTCHNOP_expand_array: one more page of words. Events that waited for theirs are delivered. */
export function fifoExpandArray(xen: Hypervisor, domain: Domain, frame: number): Refusal | undefined {
  const { fifo, ports } = domain.eventChannels;
  if (fifo === undefined) return refuse('EOPNOTSUPP', 'the FIFO ABI is not switched on (init_control)');
  if (fifo.arrayFrames.length >= MAX_PAGES) return refuse('ENOSPC', `the event array has its ${MAX_PAGES} pages`);
  const refusal = xen.references.getWithType(frame, TYPE_WRITABLE, domain.domid);
  if (refusal !== undefined) return refuse('EINVAL', refusal.reason);
  const start = fifo.arrayFrames.length * WORDS_PER_PAGE;
  fifo.arrayFrames.push(frame as Mfn);
  for (let port = start; port < start + WORDS_PER_PAGE; port++) {
    const channel = ports[port];
    if (channel?.pending !== true) continue;
    channel.pending = false;
    fifoSetPending(xen, domain.vcpus[channel.notifyVcpu] as Vcpu, port, channel);
  }
  return undefined;
}

export function fifoSetPriority(
  channel: EventChannel,
  priority: number,
  fifo: FifoState | undefined,
): Refusal | undefined {
  if (fifo === undefined) return refuse('ENOSYS', 'priorities need the FIFO ABI');
  if (priority > EVTCHN_FIFO_PRIORITY_MIN) return refuse('EINVAL', `priority ${priority} is above 15`);
  channel.priority = priority;
  return undefined;
}

export function fifoSetPending(xen: Hypervisor, vcpu: Vcpu, port: number, channel: EventChannel): void {
  const fifo = vcpu.domain.eventChannels.fifo as FifoState;
  const address = wordAddress(fifo, port);
  if (address === undefined) {
    channel.pending = true;
    return;
  }
  const word = xen.ram.read32(address);
  xen.ram.write32(address, word | (1 << EVTCHN_FIFO_PENDING));
  const blocked = (word & ((1 << EVTCHN_FIFO_MASKED) | (1 << EVTCHN_FIFO_LINKED))) !== 0;
  if (!blocked && fifo.controlBlocks[vcpu.index] !== undefined) link(xen, fifo, vcpu, port, channel, address);
  if ((word & (1 << EVTCHN_FIFO_PENDING)) === 0) xen.wakePollers(vcpu.domain, port);
}

function link(
  xen: Hypervisor,
  fifo: FifoState,
  vcpu: Vcpu,
  port: number,
  channel: EventChannel,
  address: MachineAddress,
): void {
  const oldQueue = channel.lastVcpu * EVTCHN_FIFO_MAX_QUEUES + channel.lastPriority;
  // A port that was the last of its old queue, and is not linked any more, left that queue empty.
  if (fifo.tails[oldQueue] === port) fifo.tails[oldQueue] = 0;
  channel.lastVcpu = vcpu.index;
  channel.lastPriority = channel.priority;
  const queue = vcpu.index * EVTCHN_FIFO_MAX_QUEUES + channel.priority;
  const tail = fifo.tails[queue] as number;
  xen.ram.write32(address, xen.ram.read32(address) | (1 << EVTCHN_FIFO_LINKED));
  const linked = tail !== 0 && linkToTail(xen, wordAddress(fifo, tail) as MachineAddress, port);
  if (!linked) xen.ram.write32(headAddress(fifo, vcpu.index, channel.priority), port);
  fifo.tails[queue] = port;
  if (linked) return;
  const readyAddress = fifo.controlBlocks[vcpu.index] as MachineAddress;
  const ready = xen.ram.read32(readyAddress);
  if ((ready & (1 << channel.priority)) !== 0) return;
  xen.ram.write32(readyAddress, ready | (1 << channel.priority));
  markEventsPending(xen, vcpu);
}

/** Appends to a queue unless the guest has taken its last element off, in which case the queue is empty. */
function linkToTail(xen: Hypervisor, tail: MachineAddress, port: number): boolean {
  const word = xen.ram.read32(tail);
  if ((word & (1 << EVTCHN_FIFO_LINKED)) === 0) return false;
  xen.ram.write32(tail, (word & ~(LINK_MASK | (1 << EVTCHN_FIFO_BUSY))) | port);
  return true;
}

export function fifoUnmask(xen: Hypervisor, vcpu: Vcpu, port: number, channel: EventChannel): void {
  const address = wordAddress(vcpu.domain.eventChannels.fifo as FifoState, port);
  if (address === undefined) return;
  const word = xen.ram.read32(address) & ~(1 << EVTCHN_FIFO_MASKED);
  xen.ram.write32(address, word);
  if ((word & (1 << EVTCHN_FIFO_PENDING)) !== 0) fifoSetPending(xen, vcpu, port, channel);
}

export function fifoClear(xen: Hypervisor, domain: Domain, port: number): void {
  const address = wordAddress(domain.eventChannels.fifo as FifoState, port);
  if (address !== undefined) xen.ram.write32(address, xen.ram.read32(address) & ~(1 << EVTCHN_FIFO_PENDING));
}

export function fifoIsPending(xen: Hypervisor, domain: Domain, port: number): boolean {
  const address = wordAddress(domain.eventChannels.fifo as FifoState, port);
  return address !== undefined && (xen.ram.read32(address) & (1 << EVTCHN_FIFO_PENDING)) !== 0;
}

export function fifoIsMasked(xen: Hypervisor, domain: Domain, port: number): boolean {
  const address = wordAddress(domain.eventChannels.fifo as FifoState, port);
  return address === undefined || (xen.ram.read32(address) & (1 << EVTCHN_FIFO_MASKED)) !== 0;
}

/** Still on a queue: the port must not be given to somebody else. */
export function fifoIsBusy(xen: Hypervisor, domain: Domain, port: number): boolean {
  const { fifo } = domain.eventChannels;
  const address = fifo === undefined ? undefined : wordAddress(fifo, port);
  return address !== undefined && (xen.ram.read32(address) & (1 << EVTCHN_FIFO_LINKED)) !== 0;
}

/** Back to the two-level ABI; the pages are the guest's own again. */
export function fifoReset(xen: Hypervisor, domain: Domain): void {
  const { fifo } = domain.eventChannels;
  if (fifo === undefined) return;
  for (const mfn of fifo.arrayFrames) xen.references.putWithType(mfn);
  for (const mfn of fifo.controlFrames) if (mfn !== undefined) xen.references.putWithType(mfn);
  domain.eventChannels.fifo = undefined;
}

/** Where the word of a port lies; undefined while the guest has given no page for it. */
export function wordAddress(fifo: FifoState, port: number): MachineAddress | undefined {
  const frame = fifo.arrayFrames[Math.floor(port / WORDS_PER_PAGE)];
  return frame === undefined ? undefined : ((frame * 4096 + (port % WORDS_PER_PAGE) * 4) as MachineAddress);
}

function headAddress(fifo: FifoState, vcpu: number, queue: number): MachineAddress {
  return ((fifo.controlBlocks[vcpu] as number) + CONTROL_BLOCK.offset.head + queue * 4) as MachineAddress;
}
