import { describe, expect, test } from 'vitest';
import type { MachineAddress, Port } from '../../../../emulator/base/numbers.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { channel } from '../../../../emulator/xen/common/event-channel.ts';
import { grantEntryAddress } from '../../../../emulator/xen/common/grant-table.ts';
import { sharedInfoAddress, testBit } from '../../../../emulator/xen/common/shared-info.ts';
import type { Vcpu } from '../../../../emulator/xen/common/vcpu.ts';
import { installKernelRoot } from '../../../../emulator/xen/pv/mm.ts';
import { PFN_L4, PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';
import { findViolations } from './invariants.ts';

/** Several domains on one machine: whose turn it is, what they may do to each other, what is left when one goes. */

const SCRATCH = va(PFN_SCRATCH);
const SET_CALLBACKS = 4;
const SCHED_OP = 29;
const GRANT_TABLE_OP = 20;
const EVENT_CHANNEL_OP = 32;
const ALLOC_UNBOUND = 6;
const BIND_INTERDOMAIN = 0;
const CLOSE = 3;
const SEND = 4;
const STATUS = 5;
const BLOCK = 1;
const SELF = 0x7ff0;
const [EINVAL, ESRCH] = [22, 3];
const QUANTUM = 200_000;
const UNBOUND = 1;
const INTERDOMAIN = 2;

class Several {
  readonly machine = new TestMachine().start();
  readonly first = this.machine.domain;
  readonly second = this.machine.newDomain('second');

  /** Lets the domain run, and no other, so that the next hypercall is its own. */
  as(domain: Domain): this {
    const { xen } = this.machine;
    for (const other of xen.domains.values()) if (other !== domain) xen.pause(other);
    xen.unpause(domain);
    xen.run(1);
    expect(xen.current?.domain).toBe(domain);
    return this;
  }

  everybody(): void {
    for (const domain of this.machine.xen.domains.values()) this.machine.xen.unpause(domain);
  }

  /** event_channel_op with a structure of 32-bit words; its result, and the words afterwards. */
  event(operation: number, ...words: readonly number[]): { result: number; words: number[] } {
    this.machine.poke(SCRATCH, ...words);
    const result = this.machine.hypercall(EVENT_CHANNEL_OP, operation, SCRATCH);
    return { result, words: words.map((_, index) => this.machine.peek32(SCRATCH + index * 4)) };
  }

  /** The first domain offers a port, the second binds it. */
  bound(): { near: Port; far: Port } {
    const near = this.as(this.first).event(ALLOC_UNBOUND, SELF | (this.second.domid << 16), 0).words[1] as Port;
    const far = this.as(this.second).event(BIND_INTERDOMAIN, this.first.domid, near, 0).words[2] as Port;
    return { near, far };
  }

  pending(domain: Domain, port: number): boolean {
    return testBit(this.machine.ram, sharedInfoAddress(domain, 'evtchn_pending'), port);
  }

  expectSound(): void {
    expect(findViolations(this.machine.xen)).toEqual([]);
  }
}

describe('turns', () => {
  test('domains get the same time, whatever the number of their vCPUs', () => {
    const machine = new TestMachine(64, 3);
    for (const vcpu of machine.domain.vcpus.slice(1)) {
      installKernelRoot(machine.xen, vcpu, machine.mfn(PFN_L4));
      vcpu.kernelMode = true;
      vcpu.offline = false;
    }
    const second = machine.newDomain('second');
    const turns: string[] = [];
    while (machine.clock.now() < 12 * QUANTUM) {
      machine.xen.run(QUANTUM / 10);
      const { current } = machine.xen;
      const name = `${current?.domain === second ? 'b' : 'a'}${current?.index}`;
      if (turns.at(-1) !== name) turns.push(name);
    }
    expect(turns.slice(0, 8)).toEqual(['a0', 'b0', 'a1', 'b0', 'a2', 'b0', 'a0', 'b0']);
  });

  test('a domain that sleeps leaves its time to the others, and has its turn when it wakes', () => {
    const several = new Several();
    const { machine, first, second } = several;
    const { near, far } = several.bound();
    const handler = va(20);
    expect(machine.hypercall(SET_CALLBACKS, handler, handler, handler)).toBe(0);
    // A bound port is pending at once; this guest has seen it.
    machine.ram.write32(sharedInfoAddress(second, 'evtchn_pending'), 0);
    const { vcpuInfo } = second.vcpus[0] as Vcpu;
    machine.ram.write32(vcpuInfo as MachineAddress, 0x100);
    machine.ram.write32((vcpuInfo + 8) as MachineAddress, 0);
    machine.hypercall(SCHED_OP, BLOCK);
    several.everybody();
    machine.xen.run(3 * QUANTUM);
    expect(second.vcpus[0]?.blocked).toBe(true);
    expect(machine.xen.current?.domain).toBe(first);
    expect(several.event(SEND, near).result).toBe(0);
    expect(several.pending(second, far)).toBe(true);
    machine.xen.run(1);
    expect(machine.xen.current?.domain.name).toBe('second');
    expect(machine.processor.rip).toBe(handler);
  });
});

describe('event channels between domains', () => {
  test('an offer, a bind, events both ways', () => {
    const several = new Several();
    const { near, far } = several.bound();
    expect(channel(several.first, near)).toMatchObject({ state: INTERDOMAIN, remoteDomid: 2, remotePort: far });
    // The far end may have sent before anybody listened.
    expect(several.pending(several.second, far)).toBe(true);
    expect(several.event(SEND, far).result).toBe(0);
    expect(several.pending(several.first, near)).toBe(true);
    several.as(several.first);
    expect(several.event(STATUS, SELF, near, 0, 0, 0, 0).words.slice(2, 6)).toEqual([INTERDOMAIN, 0, 2, far]);
    several.expectSound();
  });

  test('an offer is for one domain alone', () => {
    const several = new Several();
    const third = several.machine.newDomain('third');
    const near = several.as(several.first).event(ALLOC_UNBOUND, SELF | (2 << 16), 0).words[1] as Port;
    several.as(third);
    expect(several.event(BIND_INTERDOMAIN, 1, near, 0).result).toBe(-EINVAL);
    expect(several.event(BIND_INTERDOMAIN, 9, near, 0).result).toBe(-ESRCH);
    several.as(several.second);
    expect(several.event(BIND_INTERDOMAIN, 1, near + 1, 0).result).toBe(-EINVAL);
    expect(several.event(BIND_INTERDOMAIN, 1, near, 0).result).toBe(0);
    expect(several.event(BIND_INTERDOMAIN, 1, near, 0).result).toBe(-EINVAL);
  });

  test('nobody allocates a port in another domain', () => {
    const several = new Several();
    expect(several.as(several.second).event(ALLOC_UNBOUND, 1 | (2 << 16), 0).result).toBe(-1);
  });

  test('one end closes: the other is an offer again', () => {
    const several = new Several();
    const { near, far } = several.bound();
    several.as(several.first);
    expect(several.event(CLOSE, near).result).toBe(0);
    expect(channel(several.second, far)).toMatchObject({ state: UNBOUND, remoteDomid: 1 });
    several.as(several.second);
    expect(several.event(SEND, far).result).toBe(0);
    several.as(several.first);
    expect(several.event(BIND_INTERDOMAIN, 2, far, 0).result).toBe(0);
  });

  test('a domain that is destroyed leaves offers that nobody can take, not even its successor', () => {
    const several = new Several();
    const { far } = several.bound();
    const { machine, first, second } = several;
    machine.xen.destroy(first);
    expect(channel(second, far)).toMatchObject({ state: UNBOUND, remoteDomid: 1 });
    several.as(second);
    expect(several.event(SEND, far).result).toBe(0);
    expect(several.event(STATUS, SELF, far, 0, 0, 0, 0).words.slice(2, 5)).toEqual([UNBOUND, 0, 1]);
    const successor = machine.newDomain('successor');
    expect(successor.domid).toBe(3);
    several.as(successor);
    expect(several.event(BIND_INTERDOMAIN, 2, far, 0).result).toBe(-EINVAL);
    several.expectSound();
  });

  test('an offer to a domain that is gone', () => {
    const several = new Several();
    several.machine.xen.destroy(several.second);
    several.as(several.first);
    // evtchn_alloc_unbound does not look whether the other end exists.
    expect(several.event(ALLOC_UNBOUND, SELF | (2 << 16), 0).result).toBe(0);
    expect(several.event(BIND_INTERDOMAIN, 2, 1, 0).result).toBe(-ESRCH);
  });
});

describe('a domain goes while others run', () => {
  test('its frames are free again, but for those that another maps', () => {
    const several = new Several();
    const { machine, first, second } = several;
    const { xen, ram } = machine;
    const before = xen.frames.freeFrames;
    const granted = machine.mfn(20, second);
    ram.write64(grantEntryAddress(second.grantTable, 9), 1 | (first.domid << 16), granted);
    several.as(first);
    const place = va(40);
    machine.poke(SCRATCH, place | 0, -1, 2, 9, second.domid, 0, 0, 0);
    expect(machine.hypercall(GRANT_TABLE_OP, 0, SCRATCH, 1)).toBe(0);
    expect(machine.peek32(SCRATCH + 16) >>> 16).toBe(0);
    xen.destroy(second);
    // All pages but the mapped one, and shared info and grant table.
    expect(xen.frames.freeFrames).toBe(before + machine.pages - 1 + 2);
    machine.poke(place, 0x55);
    expect(machine.peek32(place)).toBe(0x55);
    const handle = machine.peek32(SCRATCH + 20);
    machine.poke(SCRATCH, place | 0, -1, 0, 0, handle, 0);
    expect(machine.hypercall(GRANT_TABLE_OP, 1, SCRATCH, 1)).toBe(0);
    expect(xen.frames.freeFrames).toBe(before + machine.pages + 2);
    several.expectSound();
  });

  test('it is built anew ten times over: nothing is lost', () => {
    const several = new Several();
    const { machine } = several;
    const { xen } = machine;
    let domain = several.second;
    const free = xen.frames.freeFrames;
    for (let round = 0; round < 10; round++) {
      several.everybody();
      xen.run(3 * QUANTUM);
      xen.destroy(domain);
      xen.run(QUANTUM);
      expect(xen.current?.domain).toBe(several.first);
      domain = machine.newDomain('second');
      expect(domain.domid).toBe(3 + round);
      expect(xen.frames.freeFrames).toBe(free);
      several.expectSound();
    }
  });

  test('even if it is the one that just ran', () => {
    const several = new Several();
    const { xen } = several.as(several.second).machine;
    xen.destroy(several.second);
    several.everybody();
    expect(xen.run(10)).toMatchObject({ kind: 'budget' });
    expect(xen.current?.domain).toBe(several.first);
    xen.destroy(several.first);
    expect(xen.run(10)).toEqual({ kind: 'idle', deadline: undefined });
    several.expectSound();
  });

  test('a domain that crashes stays to be looked at; the others go on', () => {
    const several = new Several();
    const { xen } = several.machine;
    several.everybody();
    xen.crash(several.second, 'for the test');
    expect(xen.run(1)).toMatchObject({ kind: 'ended', domain: { name: 'second' } });
    expect(xen.run(5 * QUANTUM)).toMatchObject({ kind: 'budget' });
    expect(xen.current?.domain).toBe(several.first);
    expect(xen.domains.get(several.second.domid)?.shutdown).toMatchObject({ kind: 'crash', reason: 'for the test' });
  });
});
