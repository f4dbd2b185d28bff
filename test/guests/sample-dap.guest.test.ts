import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, consoleShows, type DapProcess, startDap } from './dap-process.ts';

const file = (name: string): string => path.resolve('media/sample', name);

/** Number of the first line of a source file that holds a text. */
function lineOf(name: string, text: string): number {
  const index = readFileSync(file(name), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  expect(index, `${name} has "${text}"`).toBeGreaterThanOrEqual(0);
  return index + 1;
}

describe('the sample under a plain DAP client', () => {
  let dap: DapProcess;
  beforeAll(async () => {
    dap = await startDap();
    await request('initialize', { adapterID: 'xen', clientID: 'test' });
    await request('launch', { config: 'media/sample/guest.cfg' });
    await dap.client.event('initialized');
    await breakIn('main.c', lineOf('main.c', 'abi->console_init();'));
    await stopAfter('configurationDone', {});
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, which say what they expect
  const request = (command: string, args?: unknown): Promise<any> => dap.client.request(command, args);
  const stopAfter = (command: string, args: object = { threadId: 1 }) => dap.client.untilStopped(command, args, 30_000);
  const type = (text: string) => stopAfter('xenConsoleInput', { base64: base64(text) });

  async function breakIn(name: string, ...lines: readonly number[]): Promise<void> {
    const breakpoints = lines.map((line) => ({ line }));
    const answer = await request('setBreakpoints', { source: { path: file(name) }, breakpoints });
    expect(answer.breakpoints.every(({ verified }: DebugProtocol.Breakpoint) => verified)).toBe(true);
  }

  async function stack(): Promise<readonly string[]> {
    const { stackFrames } = await request('stackTrace', { threadId: 1 });
    return stackFrames.map(({ name, source, line }: DebugProtocol.StackFrame) => `${name} ${source?.name}:${line}`);
  }

  const names = async (): Promise<readonly string[]> =>
    (await stack()).map((frame) => frame.replace(/ \S+$/, '').replace(/\+0x[0-9a-f]+/, ''));

  async function evaluate(expression: string): Promise<string> {
    const { stackFrames } = await request('stackTrace', { threadId: 1 });
    return (await request('evaluate', { expression, frameId: stackFrames[0].id, context: 'watch' })).result;
  }

  it('stops in main.c, and shows its local variables', async () => {
    const { stackFrames } = await request('stackTrace', { threadId: 1 });
    const { scopes } = await request('scopes', { frameId: stackFrames[0].id });
    const [locals] = scopes.filter(({ name }: DebugProtocol.Scope) => name === 'Locals');
    const { variables } = await request('variables', { variablesReference: locals.variablesReference });
    const found = variables.map(({ name, value }: DebugProtocol.Variable) => `${name} = ${value}`);
    expect(found).toContain('version = 0x40011 (262161)');
    await breakIn('main.c');
  });

  it('stops at a line of an ABI, with the lines of all callers, and shows what it asked Xen for', async () => {
    await breakIn('xen-4.c', lineOf('xen-4.c', 'channel_bind(bind.port'));
    await stopAfter('continue');
    expect(await stack()).toEqual([
      `timer_init xen-4.c:${lineOf('xen-4.c', 'channel_bind(bind.port')}`,
      `time_init time.c:${lineOf('time.c', 'abi->timer_init()')}`,
      `main main.c:${lineOf('main.c', 'time_init();')}`,
      `_start start.S:${lineOf('start.S', 'call main')}`,
    ]);
    expect(await evaluate('bind')).toMatch(/^\{virq = 0, vcpu = 0, port = \d+\}$/);
    expect(await evaluate('abi->name')).toMatch(/"Xen 4"$/);
    expect(await evaluate('start_info->magic')).toBe('"xen-3.0-x86_32p"');
    expect(await evaluate('memory.pages')).toMatch(/16384/);
    await breakIn('xen-4.c');
    await request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'sample>', 30_000);
  });

  it('the call stack under an event goes on with what the event interrupted', async () => {
    await stopAfter('setFunctionBreakpoints', { breakpoints: [{ name: 'timer_event' }] });
    // main waits for input in SCHEDOP_block: the event came on the way out of that hypercall.
    expect(await names()).toEqual([
      ...['timer_event', 'event', 'channels_take', 'take_events', 'upcall', 'upcall_entry_4'],
      ...['block (interrupted)', 'main', '_start'],
    ]);
    await request('setFunctionBreakpoints', { breakpoints: [] });
    await request('continue', { threadId: 1 });
  });

  it('a page fault that the kernel survives: who, where, and the registers it saved', async () => {
    await breakIn('traps.c', lineOf('traps.c', 'taken++'));
    await type('fault\n');
    expect((await names()).slice(0, 4)).toEqual(['trap', 'trap_page_fault_4', 'try_read_here (interrupted)', 'fault']);
    expect(await evaluate('registers->address')).toBe('0x10 (16)');
    expect(await evaluate('registers->eip == (unsigned)&try_read_here')).toMatch(/^(1|true)/);
    await breakIn('traps.c');
    await request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'and the kernel lives', 10_000);
  });

  it('takes disk and interface out while the domain runs, and others in', async () => {
    const image = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-devices-')), 'data.img');
    writeFileSync(image, new Uint8Array(1 << 20).fill(0x41));
    const list = async (): Promise<readonly string[]> =>
      (await request('xenDevices')).devices.map(
        ({ name, state }: { name: string; state: string }) => `${name} ${state}`,
      );
    const both = (disk: string, vbd: number): readonly string[] => [
      `${disk} vbd ${vbd} of domain 1: back end Connected, front end Connected`,
      '0 vif 0 of domain 1: back end Connected, front end Connected',
    ];
    expect(await list()).toEqual(both('xvda', 51712));
    await request('xenDetachDevice', { kind: 'disk', name: 'xvda' });
    await request('xenDetachDevice', { kind: 'vif', name: '0' });
    await expect.poll(list).toEqual([]);
    const disk = { kind: 'disk', specification: `format=raw,vdev=xvdb,access=rw,target=${image}` };
    await request('xenAttachDevice', disk);
    await request('xenAttachDevice', { kind: 'vif', specification: 'bridge=xenbr0' });
    await expect.poll(list).toEqual(both('xvdb', 51728));
    await expect(request('xenAttachDevice', disk)).rejects.toThrow('xvdb of domain 1 already');
    const missing = { kind: 'disk', specification: 'format=raw,vdev=xvdc,access=rw,target=missing.img' };
    await expect(request('xenAttachDevice', missing)).rejects.toThrow('there is no such file');
    await expect(request('xenDetachDevice', { kind: 'disk', name: 'xvda' })).rejects.toThrow('no vbd');
    await request('xenConsoleInput', { base64: base64('info\n') });
    await consoleShows(dap.client, 'disk: 2048 sectors', 10_000);
    await request('xenConsoleInput', { base64: base64('disk\n') });
    await consoleShows(dap.client, `bytes add up to ${0x41 * 4096}`, 10_000);
    await consoleShows(dap.client, 'disk: put back', 10_000);
  });

  it('the call stack of a crash that the guest reports leads to the instruction that faulted', async () => {
    const stop = await type('crash\n');
    expect(stop.text).toContain('the guest reported that it crashed');
    const list = await names();
    const trap = list.indexOf('trap');
    expect(list.slice(trap)).toEqual([
      'trap',
      'trap_page_fault_4',
      'crash (interrupted)',
      'obey',
      'take_key',
      'main',
      '_start',
    ]);
    // What the console says of it: a store to 0xdead000.
    const { stackFrames } = await request('stackTrace', { threadId: 1 });
    const at = stackFrames[trap + 2].instructionPointerReference;
    const { instructions } = await request('disassemble', { memoryReference: at, instructionCount: 1 });
    expect(instructions[0].instruction).toMatch(/^mov .*0xdead000/i);
  });
});
