import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalTarget } from '../../../../emulator/debug/local-target.ts';
import type { StopEvent, XenEventInfo } from '../../../../emulator/debug/target.ts';
import type { Machine } from '../../../../emulator/xen/toolstack/machine-boot.ts';
import { bootSample, countWork, debugged, runTo, stopAfter } from './sample-machine.ts';

let machine: Machine;
let target: LocalTarget;

beforeEach(async () => {
  machine = await bootSample();
  target = debugged(machine);
});
afterEach(() => target.dispose());

const resume = (): Promise<StopEvent> => stopAfter(target, () => target.resume());
const type = (text: string): Promise<void> => target.sendConsole(1, new TextEncoder().encode(text));
const argument = (event: XenEventInfo | undefined, name: string): string | undefined =>
  event?.arguments.find((one) => one.name === name)?.value;
const arm = async (...names: readonly string[]): Promise<void> => {
  const verdicts = await target.setXenBreakpoints(names.map((name) => ({ id: name, name })));
  expect(verdicts.map(({ message }) => message).join('')).toBe('');
};
const atPrompt = async (): Promise<StopEvent> => {
  await arm('console:sample> ');
  const stop = await resume();
  await arm();
  return stop;
};

describe('with nothing armed', () => {
  it('a debugged run decodes the same records, has the same exits, counts and memory as one without a debugger', async () => {
    const counts = countWork(machine);
    const printed = new Promise<void>((resolve) => {
      let text = '';
      target.onConsole(({ bytes }) => {
        text += new TextDecoder().decode(bytes);
        if (text.includes('sample> ')) resolve();
      });
    });
    await target.resume();
    await printed;
    const stop = await stopAfter(target, () => target.pause());
    const other = await bootSample();
    const otherCounts = countWork(other);
    runTo(other, stop.instructions, machine.clock.now());
    // A pause may come before timers that are due at this very moment.
    machine.run(0);
    other.run(0);
    expect(machine.clock.instructions).toBe(other.clock.instructions);
    expect(machine.clock.now()).toBe(other.clock.now());
    expect(counts.exits).toEqual(otherCounts.exits);
    expect(Object.values(counts.exits).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
    expect(counts.blocks()).toEqual(otherCounts.blocks());
    expect(counts.blocks().length).toBeGreaterThan(50);
    expect(machine.memoryHash()).toBe(other.memoryHash());
    other.dispose();
  });
});

describe('the stop', () => {
  it('comes at the same instruction in every run, and leaves the run as it is', async () => {
    await arm('evtchn:*');
    const stops: StopEvent[] = [];
    for (let count = 0; count < 5; count++) stops.push(await resume());
    const { instructions } = stops[4] as StopEvent;
    const other = await bootSample();
    runTo(other, instructions, machine.clock.now());
    expect(machine.memoryHash()).toBe(other.memoryHash());
    expect(stops.map(({ reason }) => reason)).toEqual(Array.from({ length: 5 }, () => 'xen-event'));
    other.dispose();
    const again = debugged(await bootSample());
    await again.setXenBreakpoints([{ id: 'x', name: 'evtchn:*' }]);
    for (const { instructions: count, rip, text } of stops) {
      expect(await stopAfter(again, () => again.resume())).toMatchObject({ instructions: count, rip, text });
    }
    again.dispose();
  });

  it('tells what was sent through the console’s port, by the guest’s own instruction', async () => {
    await arm('evtchn:2.sent');
    const stop = await resume();
    expect(stop).toMatchObject({ breakpoints: [], text: 'event channel 2 of domain 1: sent to domain 0' });
    expect(stop.events).toMatchObject([{ breakpoints: ['evtchn:2.sent'] }]);
    expect(argument(stop.events?.[0], 'port')).toBe('2');
    // Behind the syscall of EVTCHNOP_send.
    expect(await target.currentHypercall(stop.vcpu)).toMatchObject({ name: 'event_channel_op', suboperation: 'send' });
    const before = await target.readMemory('virtual', `0x${(BigInt(stop.rip) - 2n).toString(16)}`, 2);
    expect(Array.from(before)).toEqual([0x0f, 0x05]);
  });

  it('at a page fault is the handler’s first instruction, with the address that the guest finds in CR2', async () => {
    await atPrompt();
    await arm('trap:page_fault');
    await type('fault\n');
    const stop = await resume();
    expect(stop.text).toMatch(/^page_fault \(#PF at 0xffffffff80\w+: read of 0x10, not mapped\)$/);
    expect(argument(stop.events?.[0], 'cr2')).toBe('0x10');
    expect(argument(stop.events?.[0], 'handler')).toBe(stop.rip);
    expect((await target.registers(stop.vcpu)).control.cr2).toBe('0x10');
    // The frame that Xen pushed holds the faulting rip behind rcx, r11 and the error code (public/arch-x86/xen.h).
    const rsp = (await target.registers(stop.vcpu)).general.rsp as string;
    const frame = Buffer.from(await target.readMemory('virtual', rsp, 32));
    expect(`0x${frame.readBigUInt64LE(24).toString(16)}`).toBe(argument(stop.events?.[0], 'at'));
  });

  it('comes for console text, at the instruction that completes it', async () => {
    await atPrompt();
    await arm('console:the kernel lives');
    await type('fault\n');
    const stop = await resume();
    expect(stop.text).toBe('domain 1 printed "the kernel lives"');
    expect(new TextDecoder().decode(await target.consoleHistory(1))).toMatch(/the kernel lives\r?\n?$/);
  });

  it('comes when xenstore changes, by whoever', async () => {
    await arm('xenstore:/local/domain/1/*', 'xenstore:/vm');
    const stopped = resume();
    await target.attachDevice(1, 'vif', 'bridge=xenbr0');
    const stop = await stopped;
    expect(stop.events?.map(({ text }) => text) ?? []).not.toEqual([]);
    for (const { text, breakpoints } of stop.events ?? []) {
      expect(text).toMatch(/^xenstore \/local\/domain\/1\/device.* by domain 0/);
      expect(breakpoints).toEqual(['xenstore:/local/domain/1/*']);
    }
  });

  it('comes at a refused page-table entry, with the reason, and only for what is wanted', async () => {
    await atPrompt();
    await target.setEventFilters(['pte-refused', 'general-protection', 'failsafe']);
    await type('refuse\n');
    const stop = await resume();
    expect(stop).toMatchObject({ reason: 'xen-event', events: [{ breakpoints: ['filter:pte-refused'] }] });
    expect(stop.text).toMatch(
      /^update_va_mapping refused: writable L1 entry 0x[0-9a-f]+: mfn 0x[0-9a-f]+ is in use as l4_page_table/,
    );
  });

  it('of a hypercall filter is before any hypercall', async () => {
    await target.setEventFilters(['hypercall']);
    const stop = await resume();
    expect(stop).toMatchObject({ reason: 'hypercall', breakpoints: ['filter:hypercall'] });
    await target.setEventFilters([]);
    await arm('console:sample>');
    expect(await resume()).toMatchObject({ reason: 'xen-event' });
  });

  it('does not come for what is not armed any more, and a step over a hypercall is one step', async () => {
    await atPrompt();
    await arm('evtchn:2.sent');
    await type('x');
    await resume();
    // Back to before the next send: step over it, with the event attached to the step.
    await target.setHypercallBreakpoints([{ id: 'send', name: 'event_channel_op.send' }]);
    await type('y');
    const at = await resume();
    expect(at).toMatchObject({ reason: 'hypercall', breakpoints: ['send'] });
    const stepped = await stopAfter(target, () => target.step(at.vcpu, 'in'));
    expect(stepped).toMatchObject({ reason: 'step', instructions: at.instructions + 1 });
    expect(stepped.events).toMatchObject([{ breakpoints: ['evtchn:2.sent'] }]);
  });
});
