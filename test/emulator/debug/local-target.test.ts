import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MachineAddress, VirtualAddress } from '../../../emulator/base/numbers.ts';
import { unpackSymbols } from '../../../emulator/base/symbol-list.ts';
import { xen4Catalogue } from '../../../emulator/debug/hypercall-catalogue.ts';
import { defineDebugInputs } from '../../../emulator/debug/inputs.ts';
import { LocalTarget } from '../../../emulator/debug/local-target.ts';
import type { DebugTarget, DomainEnd, StopEvent } from '../../../emulator/debug/target.ts';
import { nodeScheduler } from '../../../emulator/host/node/scheduler.ts';
import { InputLogWriter, readInputLog } from '../../../emulator/machine/input-log.ts';
import type { ReplayOutcome } from '../../../emulator/machine/input-point.ts';
import { setUpcallMask, setUpcallPending } from '../../../emulator/xen/common/shared-info.ts';
import { domainConfigFromKeys } from '../../../emulator/xen/toolstack/domain-config.ts';
import { readKernelImage } from '../../../emulator/xen/toolstack/image/kernel-image.ts';
import { bootDomains, type Machine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import { buildElf, concatenate, text, u64 } from '../elf/build-elf.ts';
import { createToyMachine, type ToyProcessor } from './toy-processor.ts';

const BASE = 0xffffffff81000000n;
const at = (offset: number): string => `0x${(BASE + BigInt(offset)).toString(16)}`;

const LOOP = 0x02;
const SYSCALL = 0x16;
const STOSB = 0x1d;
const FUNCTION = 0x30;
const CALLBACK = 0x50;

/** Loops over a call, a hypercall and a REP instruction. */
const CODE = new Uint8Array(0x80);
CODE.set([0x90, 0x90]);
CODE.set([0xe8, 0x29, 0, 0, 0], LOOP); //                 02 call 30
CODE.set([0x90, 0x90, 0x90, 0x90, 0x90], 0x07);
CODE.set([0xb8, 29, 0, 0, 0], 0x0c); //                   0c mov eax, sched_op
CODE.set([0xbf, 0, 0, 0, 0], 0x11); //                    11 mov edi, SCHEDOP_yield
CODE.set([0x0f, 0x05], SYSCALL); //                       16 syscall
CODE.set([0xb9, 4, 0, 0, 0], 0x18); //                    18 mov ecx, 4
CODE.set([0xf3, 0xaa], STOSB); //                         1d rep stosb
CODE.set([0xeb, LOOP - 0x21], 0x1f); //                   1f jmp 02
CODE.set([0x55, 0x48, 0x89, 0xe5, 0x90, 0x5d, 0xc3], FUNCTION); // push rbp; mov rbp, rsp; nop; pop rbp; ret
CODE.set([0x0f, 0x0b], 0x40); //                          40 ud2
// An event callback: what it was told to do, then HYPERVISOR_iret over the frame that Xen pushed (public/xen.h).
CODE.set([0xf1, 0x59, 0x41, 0x5b, 0x6a, 0x00, 0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05], CALLBACK);

function symbolTable(names: readonly (readonly [string, bigint, number])[]): {
  table: Uint8Array;
  strings: Uint8Array;
} {
  const entries: Uint8Array[] = [new Uint8Array(24)];
  let strings = '\0';
  for (const [name, value, size] of names) {
    const entry = new Uint8Array(24);
    const view = new DataView(entry.buffer);
    view.setUint32(0, strings.length, true);
    view.setUint8(4, 0x12);
    view.setUint16(6, 1, true);
    view.setBigUint64(8, value, true);
    view.setBigUint64(16, BigInt(size), true);
    entries.push(entry);
    strings += `${name}\0`;
  }
  return { table: concatenate(...entries), strings: new TextEncoder().encode(strings) };
}

function toyKernel(): Uint8Array {
  const { table, strings } = symbolTable([
    ['toy_entry', BASE, 0x30],
    ['toy_function', BASE + BigInt(FUNCTION), 7],
  ]);
  return buildElf({
    entry: 0x1000000,
    segments: [{ paddr: 0x1000000, vaddr: -0x7f000000, bytes: CODE, memorySize: 0x2000 }],
    notes: [
      { type: 6, description: text('toy') },
      { type: 5, description: text('xen-3.0') },
      { type: 3, description: u64(0xffffffff80000000n) },
      { type: 1, description: u64(BASE) },
      { type: 8, description: text('generic') },
    ],
    sections: [
      { name: '.strtab', type: 3, bytes: strings },
      { name: '.symtab', type: 2, bytes: table, link: 1 },
    ],
  });
}

function bootToy(): Promise<Machine> {
  const { config } = domainConfigFromKeys({ kernel: '/toy', name: 'toy', memory: 32 });
  return bootDomains({
    domains: [{ config, image: readKernelImage(toyKernel()), ramdisk: undefined, warnings: [] }],
    createMachine: createToyMachine,
  });
}

let target: DebugTarget;
let machine: Machine;
let ends: DomainEnd[];

beforeEach(async () => {
  machine = await bootToy();
  target = new LocalTarget({
    machine,
    scheduler: nodeScheduler,
    pace: 'free',
    trace: new Set(),
    catalogue: xen4Catalogue(),
    notices: ['toy.cfg:1: a remark'],
    kernels: [{ domain: 1, path: '/toy', folder: undefined }],
  });
  ends = [];
  target.onEnded((end) => ends.push(end));
});

afterEach(() => target.dispose());

/** Starts something and waits for the stop that follows. */
function stopAfter(start: () => Promise<unknown>): Promise<StopEvent> {
  return new Promise((resolve, reject) => {
    const listener = target.onStopped((event) => {
      listener.dispose();
      resolve(event);
    });
    start().catch(reject);
  });
}

const vcpu = async (): Promise<number> => (await target.threads())[0]?.vcpu as number;
const resume = (): Promise<StopEvent> => stopAfter(() => target.resume());
const step = async (kind: 'in' | 'over' | 'out', returnAddress?: string): Promise<StopEvent> => {
  const id = await vcpu();
  return await stopAfter(() => target.step(id, kind, returnAddress));
};
const breakAt = (...offsets: readonly number[]): Promise<void> =>
  target.setInstructionBreakpoints(offsets.map((offset) => ({ id: `at ${offset}`, address: at(offset) })));
const register = async (name: string): Promise<string | undefined> =>
  (await target.registers(await vcpu())).general[name];

describe('running', () => {
  it('stands before the first instruction, and tells what it is', async () => {
    expect(await target.kernels()).toEqual([{ domain: 1, path: '/toy', folder: undefined }]);
    expect(await target.notices()).toEqual(['toy.cfg:1: a remark']);
    expect(await target.threads()).toMatchObject([{ domain: 1, name: 'toy/0', bits: 64 }]);
    expect(await register('rip')).toBe(at(0));
    expect(await target.statistics()).toMatchObject({ instructions: 0, running: false });
    expect(unpackSymbols(await target.symbols())).toEqual([
      { name: 'toy_entry', address: Number(BASE - (1n << 64n)), size: 0x30, kind: 'function' },
      { name: 'toy_function', address: Number(BASE - (1n << 64n)) + FUNCTION, size: 7, kind: 'function' },
    ]);
  });

  it('pauses within 50 ms', async () => {
    // The fastest of a few: the machine under the test may be busy with something else.
    let fastest = Number.POSITIVE_INFINITY;
    let stop: StopEvent | undefined;
    for (let turn = 0; turn < 5; turn++) {
      await target.resume();
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect((await target.statistics()).running).toBe(true);
      const asked = performance.now();
      stop = await stopAfter(() => target.pause());
      fastest = Math.min(fastest, performance.now() - asked);
    }
    expect(fastest).toBeLessThan(50);
    expect(stop).toMatchObject({ reason: 'pause', final: false, breakpoints: [] });
    expect(stop?.instructions).toBeGreaterThan(100);
    expect((await target.statistics()).running).toBe(false);
  });

  it('wakes from its rest when a disk is there, not when its image is still being opened', async () => {
    // SCHEDOP_block in place of SCHEDOP_yield: it sleeps until something comes.
    await target.writeMemory('virtual', at(0x12), Uint8Array.of(1));
    await target.resume();
    const runs = vi.spyOn(machine, 'run');
    const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));
    await settled();
    let before = 0;
    vi.spyOn(machine, 'plugDisk').mockImplementation(async () => {
      await settled();
      before = runs.mock.calls.length;
      return undefined;
    });
    await target.attachDevice(1, 'disk', 'format=raw,vdev=xvdb,access=ro,target=/image');
    await settled();
    expect(before).toBeGreaterThan(0);
    expect(runs.mock.calls.length).toBeGreaterThan(before);
  });

  it('stops at the first instruction when a breakpoint stands there, once', async () => {
    await breakAt(0, 1);
    expect(await resume()).toMatchObject({ reason: 'breakpoint', rip: at(0), breakpoints: ['at 0'], instructions: 0 });
    expect(await resume()).toMatchObject({ reason: 'breakpoint', rip: at(1), instructions: 1 });
  });

  it('stops at each turn of the loop', async () => {
    await breakAt(FUNCTION);
    const first = await resume();
    const second = await resume();
    expect([first.rip, second.rip]).toEqual([at(FUNCTION), at(FUNCTION)]);
    // call, 5 in the function, 5 nop, 2 mov, syscall, mov, 4 times stosb, jmp
    expect(second.instructions - first.instructions).toBe(1 + 5 + 5 + 2 + 1 + 1 + 4 + 1);
  });
});

describe('stepping', () => {
  it('in: one instruction, into calls', async () => {
    await breakAt(LOOP);
    await resume();
    expect(await step('in')).toMatchObject({ reason: 'step', rip: at(FUNCTION), instructions: 3 });
    expect(await step('in')).toMatchObject({ reason: 'step', rip: at(FUNCTION + 1), instructions: 4 });
  });

  it('over: calls, hypercalls and REP at once', async () => {
    await breakAt(LOOP);
    await resume();
    expect(await step('over')).toMatchObject({ reason: 'step', rip: at(7), instructions: 8 });
    await breakAt(SYSCALL);
    await resume();
    await breakAt();
    expect(await step('over')).toMatchObject({ reason: 'step', rip: at(0x18) });
    expect(await step('over')).toMatchObject({ reason: 'step', rip: at(STOSB) });
    const before = (await target.statistics()).instructions;
    expect(await step('over')).toMatchObject({ reason: 'step', rip: at(0x1f), instructions: before + 4 });
  });

  it('in: a single iteration of REP', async () => {
    await breakAt(STOSB);
    await resume();
    await step('in');
    expect([await register('rip'), await register('rcx')]).toEqual([at(STOSB), '0x3']);
  });

  it('within addresses: on until it leaves them, over or into calls, or returns', async () => {
    const within = (kind: 'in' | 'over', low: number, high: number): Promise<StopEvent> =>
      vcpu().then((id) => stopAfter(() => target.step(id, kind, undefined, [{ low: at(low), high: at(high) }])));
    await breakAt(LOOP);
    await resume();
    expect(await within('over', LOOP, STOSB)).toMatchObject({ reason: 'step', rip: at(STOSB) });
    await resume();
    expect(await within('in', LOOP, STOSB)).toMatchObject({ reason: 'step', rip: at(FUNCTION) });
    // Everything is inside, but the return leaves the frame.
    expect(await within('over', 0, 0x100)).toMatchObject({ reason: 'step', rip: at(7) });
  });

  it('out: to behind the call, with and without a known return address', async () => {
    await breakAt(FUNCTION);
    await resume();
    expect(await step('out')).toMatchObject({ reason: 'step', rip: at(7) });
    await resume();
    expect(await step('out', at(7))).toMatchObject({ reason: 'step', rip: at(7) });
  });

  it('is cut short by a breakpoint, and finishes when asked to', async () => {
    await breakAt(LOOP, FUNCTION + 4);
    await resume();
    expect(await step('over')).toMatchObject({ reason: 'breakpoint', breakpoints: [`at ${FUNCTION + 4}`] });
    expect(await stopAfter(() => target.resume(true))).toMatchObject({ reason: 'step', rip: at(7) });
  });
});

describe('hypercalls', () => {
  it('stop before they run, with decoded arguments; the result shows after a step', async () => {
    const verdicts = await target.setHypercallBreakpoints([
      { id: 'yield', name: 'sched_op.yield' },
      { id: 'typo', name: 'shed_op' },
      { id: 'other', name: 'mmu_update' },
    ]);
    expect(verdicts.map(({ verified }) => verified)).toEqual([true, false, true]);
    expect(await resume()).toMatchObject({ reason: 'hypercall', rip: at(SYSCALL), breakpoints: ['yield'] });
    const id = await vcpu();
    expect(await target.currentHypercall(id)).toMatchObject({
      name: 'sched_op',
      number: 29,
      suboperation: 'yield',
      arguments: [{ name: 'cmd', value: 'SCHEDOP_yield (0)' }, { name: 'arg' }],
      result: undefined,
    });
    expect(await step('in')).toMatchObject({ reason: 'step', rip: at(0x18) });
    expect(await target.currentHypercall(id)).toMatchObject({
      name: 'sched_op',
      result: { value: '0', errno: undefined },
    });
    await step('in');
    expect(await target.currentHypercall(id)).toBeUndefined();
    expect(await resume()).toMatchObject({ reason: 'hypercall', rip: at(SYSCALL) });
  });

  it('stop once where a breakpoint stands on the instruction too', async () => {
    await target.setHypercallBreakpoints([{ id: 'call', name: '*' }]);
    await breakAt(SYSCALL);
    const first = await resume();
    expect(first).toMatchObject({ reason: 'hypercall', breakpoints: [`at ${SYSCALL}`, 'call'] });
    const second = await resume();
    expect(second.instructions - first.instructions).toBe(20);
  });

  it('that are refused stop when asked to, with the reason', async () => {
    await target.setEventFilters(['hypercall-error']);
    await breakAt(0x11);
    await resume();
    await target.setRegister(await vcpu(), 'rax', '0x26'); // hypercall 38 does not exist
    await breakAt();
    const stop = await resume();
    expect(stop).toMatchObject({ reason: 'hypercall-error', rip: at(0x18) });
    expect(stop.text).toContain('returned ENOSYS');
    expect(await target.currentHypercall(await vcpu())).toMatchObject({ number: 38, result: { errno: 'ENOSYS' } });
    expect(await register('rax')).toBe('0xffffffffffffffda');
  });
});

describe('an event that comes first', () => {
  /** As if something had happened while the machine stood still. */
  function raiseEvent(): () => number {
    const { hypervisor } = machine;
    const [booted] = machine.domains;
    const guest = booted?.domain.vcpus[0];
    if (booted === undefined || guest === undefined) throw new Error('a toy domain has a vCPU');
    let handled = 0;
    guest.eventCallback.address = Number(BASE + BigInt(CALLBACK) - (1n << 64n)) as VirtualAddress;
    setUpcallMask(hypervisor.ram, guest, false);
    setUpcallPending(hypervisor.ram, guest);
    const { connections } = booted;
    if (connections.kind !== 'xenbus') throw new Error('a domain of Xen 4');
    hypervisor.notifyGuest(booted.domain, connections.consolePort);
    (hypervisor.processor as ToyProcessor).onMark = () => {
      handled++;
      hypervisor.ram.write8(guest.vcpuInfo as MachineAddress, 0);
    };
    return () => handled;
  }

  it('does not make a breakpoint stop twice for the same instruction', async () => {
    await breakAt(FUNCTION);
    const first = await resume();
    const handled = raiseEvent();
    const second = await resume();
    expect(handled()).toBe(1);
    expect(second).toMatchObject({ reason: 'breakpoint', rip: at(FUNCTION) });
    // One turn of the loop is 20 instructions, the callback 9.
    expect(second.instructions - first.instructions).toBe(20 + 9);
  });

  it('nor a hypercall', async () => {
    await target.setHypercallBreakpoints([{ id: 'call', name: 'sched_op' }]);
    const first = await resume();
    const handled = raiseEvent();
    const second = await resume();
    expect(handled()).toBe(1);
    expect(second.instructions - first.instructions).toBe(20 + 9);
  });

  it('is run through by a step over, and stepped into by a step in', async () => {
    await breakAt(LOOP);
    await resume();
    raiseEvent();
    expect(await step('over')).toMatchObject({ reason: 'step', rip: at(7) });
    raiseEvent();
    expect(await step('in')).toMatchObject({ reason: 'step', rip: at(CALLBACK + 1) });
  });
});

describe('the end', () => {
  it('of a crash stands at the faulting instruction with a reason in words', async () => {
    await target.setRegister(await vcpu(), 'rip', at(0x40));
    const stop = await resume();
    expect(stop).toMatchObject({ reason: 'crash', rip: at(0x40), final: true });
    expect(stop.text).toMatch(/^toy: .*#UD/);
    expect(ends).toMatchObject([{ domain: 1, kind: 'crash', last: true }]);
    expect(await target.threads()).toMatchObject([{ state: 'crashed' }]);
    expect(await register('rip')).toBe(at(0x40));
    expect(await target.readMemory('virtual', at(0x40), 2)).toEqual(Uint8Array.of(0x0f, 0x0b));
  });
});

describe('a snapshot', () => {
  it('puts a stopped machine back: its registers, memory, counters', async () => {
    const id = await vcpu();
    await stopAfter(() => target.step(id, 'in'));
    const file = await target.saveSnapshot();
    const before = [await target.registers(id), (await target.statistics()).instructions];
    await target.setRegister(id, 'r15', '0x7');
    expect(await target.writeMemory('virtual', at(0x70), new Uint8Array([1, 2, 3]))).toBe(3);
    for (let steps = 0; steps < 5; steps++) await stopAfter(() => target.step(id, 'in'));
    expect((await target.statistics()).instructions).toBe((before[1] as number) + 5);

    const stop = await stopAfter(() => target.restoreSnapshot(file));
    expect(stop).toMatchObject({ reason: 'pause', text: 'restored from a snapshot', instructions: before[1] });
    expect([await target.registers(id), (await target.statistics()).instructions]).toEqual(before);
    expect(await target.readMemory('virtual', at(0x70), 3)).toEqual(new Uint8Array(3));
    expect(Buffer.compare(await target.saveSnapshot(), file)).toBe(0);
  });

  it('is refused while the machine runs, and when it is none', async () => {
    const file = await target.saveSnapshot();
    await target.resume();
    await expect(target.restoreSnapshot(file)).rejects.toThrow(/running/);
    await stopAfter(() => target.pause());
    await expect(target.restoreSnapshot(new Uint8Array(100))).rejects.toThrow(/no snapshot/);
  });
});

describe('a recording', () => {
  it('holds what the debugger changed, and replays without it', async () => {
    const pieces: Uint8Array[] = [];
    const head = { identity: 'toy', instructions: 0, time: 0, hash: '', disks: [] };
    machine.input.record(new InputLogWriter({ append: (bytes) => void pieces.push(bytes) }, head));
    const id = await vcpu();
    await stopAfter(() => target.step(id, 'in'));
    expect(await target.setRegister(id, 'r15', '0xfedcba9876543210')).toBe(true);
    expect(await target.setRegister(id, 'r16', '0x0')).toBe(false);
    expect(await target.writeMemory('virtual', at(0x70), new Uint8Array([1, 2, 3]))).toBe(3);
    for (let steps = 0; steps < 3; steps++) await stopAfter(() => target.step(id, 'over'));
    machine.input.finishRecording();

    const log = readInputLog(new Uint8Array(concatenate(...pieces)));
    expect(log.entries.map(({ kind }) => kind)).toEqual(['register', 'register', 'memory', 'end']);
    const again = await bootToy();
    defineDebugInputs(again);
    let outcome: ReplayOutcome | undefined;
    again.input.replay(log, (how) => {
      outcome = how;
    });
    while (outcome === undefined) again.run(1);
    expect(outcome).toEqual({ kind: 'finished', complete: true });
    expect(log.entries.at(-1)?.data).toBe(machine.memoryHash());
    again.dispose();
  });
});

describe('registers and memory', () => {
  it('reads and sets registers, and refuses what makes no sense', async () => {
    const id = await vcpu();
    expect(await target.setRegister(id, 'r15', '0xffffffffffffffff')).toBe(true);
    expect(await target.setRegister(id, 'rflags', '0x0')).toBe(true);
    expect(await target.setRegister(id, 'rip', '0x800000000000')).toBe(false);
    expect(await target.setRegister(id, 'cr3', '0x0')).toBe(false);
    expect(await target.setRegister(id, 'xmm3', '0x112233445566778899aabbccddeeff00')).toBe(true);
    const registers = await target.registers(id);
    expect(registers.general.r15).toBe('0xffffffffffffffff');
    expect(registers.vector.xmm3).toBe('0x112233445566778899aabbccddeeff00');
    expect(registers.control.mode).toBe('kernel');
    expect(registers.control.upcall_mask).toBe('0x1');
  });

  it('sees the same byte through all three spaces', async () => {
    const code = CODE.slice(LOOP, LOOP + 8);
    expect(await target.readMemory('virtual', at(LOOP), 8)).toEqual(code);
    expect(await target.readMemory('pseudo-physical', `0x${(0x1000000 + LOOP).toString(16)}`, 8)).toEqual(code);
    // The top-level table is where CR3 says; following it by hand leads to the same bytes.
    const { cr3 } = (await target.registers(await vcpu())).control;
    let table = BigInt(cr3 as string);
    for (const shift of [39n, 30n, 21n, 12n]) {
      const index = (BigInt.asUintN(64, BASE) >> shift) & 511n;
      const entry = await target.readMemory('machine', `0x${(table + index * 8n).toString(16)}`, 8);
      table = new DataView(entry.buffer, entry.byteOffset).getBigUint64(0, true) & 0xffffffffff000n;
    }
    expect(await target.readMemory('machine', `0x${(table + BigInt(LOOP)).toString(16)}`, 8)).toEqual(code);
  });

  it('writes, stops at holes, and leaves page tables alone', async () => {
    expect(await target.writeMemory('virtual', at(0x70), Uint8Array.of(1, 2, 3))).toBe(3);
    expect(await target.readMemory('virtual', at(0x70), 4)).toEqual(Uint8Array.of(1, 2, 3, 0));
    expect(await target.readMemory('virtual', '0x10', 4)).toHaveLength(0);
    expect(await target.readMemory('virtual', '0x900000000000', 4)).toHaveLength(0);
    expect(await target.writeMemory('virtual', '0x10', Uint8Array.of(1))).toBe(0);
    const { cr3 } = (await target.registers(await vcpu())).control;
    const before = await target.readMemory('machine', cr3 as string, 8);
    expect(await target.writeMemory('machine', cr3 as string, new Uint8Array(8))).toBe(0);
    expect(await target.readMemory('machine', cr3 as string, 8)).toEqual(before);
    expect(await target.readMemory('machine', '0x0', 8)).toHaveLength(0);
  });

  it('shows both rings, empty as yet', async () => {
    const rings = await target.rings(1);
    expect(rings.map(({ name }) => name)).toEqual(['console', 'xenstore']);
    expect(rings[0]?.directions.map(({ size, pending }) => [size, pending])).toEqual([
      [2048, ''],
      [1024, ''],
    ]);
    expect(await target.rings(7)).toEqual([]);
  });
});
