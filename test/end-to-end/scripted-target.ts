/**
 * A machine that is only acted: it answers what a machine would, from fixed data. Proves the path from key press to
 * view without an engine; tests of the product itself use the packaged extension and real guests.
 */
import { Emitter } from '../../emulator/base/event.ts';
import { packSymbols } from '../../emulator/base/symbol-list.ts';
import type { DebugTarget, DomainEnd, RingInfo, StopEvent, TraceLine } from '../../emulator/debug/target.ts';

const BASE = 0x1000n;

export async function createTarget(): Promise<DebugTarget> {
  const stopped = new Emitter<StopEvent>();
  let history = '';
  const written = new Emitter<{ readonly domain: number; readonly bytes: Uint8Array }>();
  const traced = new Emitter<TraceLine>();
  const ended = new Emitter<DomainEnd>();
  const failed = new Emitter<string>();
  const memory = Uint8Array.from({ length: 8192 }, (_, index) => index & 255);
  let rip = BASE;
  let instructions = 0;
  const print = (text: string): void => {
    history += text;
    written.fire({ domain: 1, bytes: new TextEncoder().encode(text) });
  };
  const stop = (reason: StopEvent['reason'], text: string): void => {
    const event = { reason, vcpu: 0, breakpoints: [], rip: hex(rip), instructions, text, final: false };
    setTimeout(() => stopped.fire(event), 0);
  };
  const locate = (address: string): number => Number(BigInt(address) - BASE);

  return {
    onStopped: stopped.event,
    onConsole: written.event,
    onTrace: traced.event,
    onEnded: ended.event,
    onFailed: failed.event,
    threads: async () => [{ vcpu: 0, domain: 1, name: 'acted', bits: 64, state: 'running' }],
    resume: async () => {
      setTimeout(() => print('Welcome to the acted guest!\r\n> '), 10);
    },
    pause: async () => stop('pause', 'paused'),
    step: async () => {
      rip += 1n;
      instructions += 1;
      memory[0x10] = (memory[0x10] ?? 0) + 1;
      stop('step', '');
    },
    terminate: async () => undefined,
    saveSnapshot: async () => new Uint8Array(),
    restoreSnapshot: async () => {},
    sendConsole: async (_domain, bytes) => print(new TextDecoder().decode(bytes).replaceAll('\r', '\r\n> ')),
    notices: async () => [],
    kernels: async () => [],
    setWatchpoints: async () => undefined,
    consoleHistory: async () => new TextEncoder().encode(history),
    setEventFilters: async () => undefined,
    registers: async () => ({
      general: { rax: '0x0', rsp: hex(BASE), rbp: '0x0', rip: hex(rip) },
      segment: { cs: '0xe033' },
      control: { cr3: '0x0' },
      flags: { value: '0x202', words: 'IF' },
      vector: {},
    }),
    setRegister: async () => false,
    readMemory: async (_space, address, length) => {
      const at = locate(address);
      return at < 0 || at >= memory.length ? new Uint8Array() : memory.slice(at, at + length);
    },
    writeMemory: async (_space, address, bytes) => {
      memory.set(bytes, locate(address));
      return bytes.length;
    },
    setInstructionBreakpoints: async () => undefined,
    setHypercallBreakpoints: async (points) => points.map(() => ({ verified: true, message: '' })),
    setXenBreakpoints: async (points) => points.map(() => ({ verified: true, message: '' })),
    hypercallNames: async () => [
      { name: 'set_trap_table', number: 0, suboperations: [], documentation: 'Installs exception handlers.' },
      { name: 'sched_op', number: 29, suboperations: ['yield', 'shutdown'], documentation: 'Scheduling.' },
    ],
    symbols: async () => packSymbols([{ name: 'acted_start', address: Number(BASE), size: 64, kind: 'function' }]),
    currentHypercall: async () => undefined,
    rings: async () => [consoleRing],
    devices: async () => [],
    attachDevice: async () => undefined,
    detachDevice: async () => undefined,
    setHistoryLimits: async () => undefined,
    changeXenstore: async () => undefined,
    inspect: async () => undefined as never,
    control: async () => undefined,
    statistics: async () => ({ instructions, virtualSeconds: 0, wallSeconds: 0, running: false }),
    dispose: () => undefined,
  };
}

const consoleRing: RingInfo = {
  name: 'console',
  unit: 'bytes',
  mfn: '0x1234',
  port: 2,
  indices: [
    { name: 'in_cons', value: 0 },
    { name: 'in_prod', value: 0 },
    { name: 'out_cons', value: 27 },
    { name: 'out_prod', value: 30 },
  ],
  directions: [
    {
      name: 'guest → host',
      size: 2048,
      producer: 30,
      consumer: 27,
      pending: '<b>',
      messages: [
        {
          instructions: 1234,
          summary: 'Welcome to the acted guest!',
          fields: [{ name: 'bytes', value: '27', children: [] }],
          state: 'consumed',
        },
      ],
    },
  ],
};

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
