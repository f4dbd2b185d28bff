import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOOT_MARKER, busyboxInitramfs, debianKernel } from '../support/guests.ts';
import { loadKernel } from '../support/kernel-memory.ts';
import { base64, consoleShows, type DapProcess, startDap } from './dap-process.ts';

const BOOT_TIMEOUT = 240_000;

describe('Debian’s kernel under a plain DAP client over stdio', () => {
  let dap: DapProcess;
  let trapTable: number;
  beforeAll(async () => {
    dap = await startDap();
    await dap.client.request('initialize', { adapterID: 'xen', clientID: 'test' });
    await dap.client.request('launch', {
      kernel: debianKernel(),
      ramdisk: busyboxInitramfs(),
      cmdline: 'console=hvc0',
      memory: 256,
      pace: 'free',
    });
    await dap.client.event('initialized');
    const { breakpoints } = await dap.client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'hypercall:set_trap_table' }, { name: 'start_kernel' }, { name: 'strat_kernel' }],
    });
    trapTable = breakpoints[0].id;
    expect(breakpoints).toMatchObject([
      { verified: true },
      { verified: true },
      { verified: false, message: 'No symbol has this name; did you mean start_kernel?' },
    ]);
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  const frames = async (): Promise<readonly DebugProtocol.StackFrame[]> =>
    (await dap.client.request('stackTrace', { threadId: 1 })).stackFrames;
  const registers = async (scope: string): Promise<ReadonlyMap<string, string>> => {
    const { scopes } = await dap.client.request('scopes', { frameId: (await frames())[0]?.id });
    const found = scopes.find(({ name }: DebugProtocol.Scope) => name === scope);
    const { variables } = await dap.client.request('variables', { variablesReference: found.variablesReference });
    return new Map(variables.map(({ name, value }: DebugProtocol.Variable) => [name, value]));
  };
  const read = async (expression: string, count: number, space = 'virtual'): Promise<Buffer> => {
    const { base64: data } = await dap.client.request('xenReadMemory', { space, address: expression, count });
    return Buffer.from(data, 'base64');
  };

  it('stops at set_trap_table, with the table decoded as it lies in memory', async () => {
    expect(await dap.client.untilStopped('configurationDone', undefined, 60_000)).toMatchObject({
      reason: 'function breakpoint',
      hitBreakpointIds: [trapTable],
    });
    expect((await read('rip', 2)).toString('hex')).toBe('0f05');
    const { scopes } = await dap.client.request('scopes', { frameId: (await frames())[0]?.id });
    expect(scopes[0].name).toBe('Hypercall set_trap_table');
    const call = await dap.client.request('variables', { variablesReference: scopes[0].variablesReference });
    expect(call.variables[0]).toMatchObject({ name: 'number', value: '0' });
    const table = call.variables[1] as DebugProtocol.Variable;
    expect(table.value).toBe((await registers('General Registers')).get('rdi')?.split(' ')[0]);
    const entries = (await dap.client.request('variables', { variablesReference: table.variablesReference })).variables;
    // struct trap_info (public/arch-x86/xen.h): vector, flags, cs (16 bits), address at 8.
    const raw = await read('rdi', 16 * entries.length);
    expect(entries.length).toBeGreaterThan(2);
    for (const [index, entry] of (entries as DebugProtocol.Variable[]).entries()) {
      const fields = (await dap.client.request('variables', { variablesReference: entry.variablesReference }))
        .variables;
      const field = (name: string): string => fields.find((one: DebugProtocol.Variable) => one.name === name).value;
      expect(Number.parseInt(field('vector'), 10)).toBe(raw.readUInt8(16 * index));
      expect(BigInt(field('address'))).toBe(raw.readBigUInt64LE(16 * index + 8));
    }
  });

  it('names the callers, by the kernel’s own tables', async () => {
    const names = (await frames()).map(({ name }) => name.replace(/\+.*/, ''));
    expect(names).toEqual(['xen_hypercall_pv', 'xen_load_idt', 'load_idt', 'xen_start_kernel', 'startup_xen']);
  });

  it('shows the result after a step, which counts as one instruction', async () => {
    const before = await dap.client.request('xenStatistics');
    expect(await dap.client.untilStopped('stepIn', { threadId: 1 })).toMatchObject({ reason: 'step' });
    const after = await dap.client.request('xenStatistics');
    expect(after.instructions).toBe(before.instructions + 1);
    expect((await registers('Hypercall set_trap_table')).get('result')).toBe('0');
    expect((await registers('General Registers')).get('rax')).toBe('0x0');
  });

  it('stops at start_kernel, whose bytes are those of the image', async () => {
    const kernel = loadKernel(debianKernel());
    const found = kernel.symbols.find(({ name }) => name === 'start_kernel');
    const address = BigInt.asUintN(64, BigInt(found?.address as number));
    expect(await dap.client.untilStopped('continue', { threadId: 1 }, 60_000)).toMatchObject({
      reason: 'function breakpoint',
      description: 'Paused on function breakpoint',
    });
    expect((await registers('General Registers')).get('rip')).toBe(`0x${address.toString(16)} <start_kernel>`);
    const later = address + 16n;
    expect(await read(`0x${later.toString(16)}`, 64)).toEqual(Buffer.from(kernel.read(later, 64)));
    const { instructions } = await dap.client.request('disassemble', {
      memoryReference: `0x${address.toString(16)}`,
      instructionOffset: -20,
      instructionCount: 40,
    });
    expect(instructions).toHaveLength(40);
    expect(instructions[20]).toMatchObject({ address: `0x${address.toString(16)}`, symbol: 'start_kernel' });
  });

  it('walks page tables by hand to where the virtual address leads', async () => {
    const control = await registers('Control Registers');
    const rip = BigInt((await registers('General Registers')).get('rip')?.split(' ')[0] as string);
    let table = BigInt(control.get('cr3') as string);
    let page = 0n;
    for (const shift of [39n, 30n, 21n, 12n]) {
      const slot = table + ((rip >> shift) & 511n) * 8n;
      const entry = (await read(`0x${slot.toString(16)}`, 8, 'machine')).readBigUInt64LE();
      page = entry & 0xffffffffff000n;
      table = page;
    }
    const machine = `0x${(page + (rip & 0xfffn)).toString(16)}`;
    expect(await read(machine, 16, 'machine')).toEqual(await read('rip', 16));
  });

  it('boots on to a shell, and types in it', async () => {
    await dap.client.request('setFunctionBreakpoints', { breakpoints: [] });
    await dap.client.request('continue', { threadId: 1 });
    await consoleShows(dap.client, BOOT_MARKER, BOOT_TIMEOUT);
    await dap.client.request('xenConsoleInput', { base64: base64('echo $((6*7)) answers\n') });
    await consoleShows(dap.client, '42 answers', 60_000);
  });

  it('stops in a running system, where the stack can still be read', async () => {
    await dap.client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'do_sys_openat2', hitCondition: '==2' }],
    });
    await dap.client.request('xenConsoleInput', { base64: base64('cat /proc/version\n') });
    const from = dap.client.events.length;
    await dap.client.event('stopped', undefined, from, 60_000);
    const names = (await frames()).map(({ name }) => name.replace(/\+.*/, ''));
    expect(names[0]).toBe('do_sys_openat2');
    expect(names).toContain('do_syscall_64');
    expect(names.every((name) => !name.includes('best effort'))).toBe(true);
    await dap.client.request('setFunctionBreakpoints', { breakpoints: [] });
    await dap.client.request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'Linux version 6.1', 60_000);
  });

  it('stops where a variable of the kernel changes, with both values', async () => {
    const { dataId } = await dap.client.request('dataBreakpointInfo', { name: 'jiffies', asAddress: true, bytes: 8 });
    const from = dap.client.events.length;
    await dap.client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
    const stop = await dap.client.event<DebugProtocol.StoppedEvent>('stopped', undefined, from, 60_000);
    expect(stop.body).toMatchObject({ reason: 'data breakpoint' });
    const [, before, after] = /changed from (0x[0-9a-f]+) to (0x[0-9a-f]+)/.exec(stop.body.text ?? '') ?? [];
    expect(BigInt(after as string)).toBeGreaterThan(BigInt(before as string));
    expect((await read('jiffies', 8)).readBigUInt64LE()).toBe(BigInt(after as string));
    expect((await frames())[0]?.name).toMatch(/^(do_timer|tick_do_update_jiffies64)/);
    await dap.client.request('setDataBreakpoints', { breakpoints: [] });
    await dap.client.request('continue', { threadId: 1 });
  });

  it('ends with exit code 0 when the guest powers itself off', async () => {
    await dap.client.request('xenConsoleInput', { base64: base64('poweroff -f\n') });
    expect((await dap.client.event('exited', undefined, 0, 60_000)).body).toEqual({ exitCode: 0 });
    await dap.client.event('terminated');
  });
});
