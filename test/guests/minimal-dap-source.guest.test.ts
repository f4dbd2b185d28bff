import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readElf } from '../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../emulator/elf/elf-symbols.ts';
import { base64, consoleShows, type DapProcess, startDap } from './dap-process.ts';

const SOURCES = path.resolve('test/guests/minimal');
const file = (name: string): string => path.join(SOURCES, name);

/** Number of the first line of a source file that holds a text. */
function lineOf(name: string, text: string): number {
  const index = readFileSync(file(name), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  expect(index, `${name} has "${text}"`).toBeGreaterThanOrEqual(0);
  return index + 1;
}

/** Addresses by the linker's own table, to check with what debugging information says. */
const symbols = new Map(
  readSymbols(readElf(readFileSync('test/guests/minimal/guest.elf'))).map(({ name, value }) => [
    name,
    BigInt.asUintN(64, BigInt(value)),
  ]),
);
const symbol = (name: string): string => `0x${symbols.get(name)?.toString(16)}`;

describe('a 64-bit domain, debugged by source', () => {
  let dap: DapProcess;
  beforeAll(async () => {
    dap = await startDap();
    await request('initialize', { adapterID: 'xen', clientID: 'test' });
    await request('launch', { config: 'test/guests/minimal/guest.cfg' });
    await dap.client.event('initialized');
  });
  afterAll(async () => {
    expect(await dap.close()).toBe(0);
    expect(dap.errors()).toBe('');
  });

  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, which say what they expect
  const request = (command: string, args?: unknown): Promise<any> => dap.client.request(command, args);
  const stopAfter = (command: string, args: object = { threadId: 1 }) => dap.client.untilStopped(command, args, 30_000);
  const type = (text: string) => stopAfter('xenConsoleInput', { base64: base64(text) });

  async function breakIn(
    name: string,
    ...breakpoints: readonly DebugProtocol.SourceBreakpoint[]
  ): Promise<DebugProtocol.Breakpoint[]> {
    return (await request('setBreakpoints', { source: { path: file(name) }, breakpoints })).breakpoints;
  }

  async function frames(): Promise<readonly DebugProtocol.StackFrame[]> {
    return (await request('stackTrace', { threadId: 1 })).stackFrames;
  }

  /** "print_number console.c:43" for each frame; only names for those without source. */
  async function stack(): Promise<readonly string[]> {
    return (await frames()).map(({ name, line, source }) =>
      source === undefined ? name : `${name} ${source.name}:${line}`,
    );
  }

  async function scope(name: string, level = 0): Promise<number> {
    const frame = (await frames())[level] as DebugProtocol.StackFrame;
    const { scopes } = await request('scopes', { frameId: frame.id });
    const found = scopes.find((candidate: DebugProtocol.Scope) => candidate.name === name);
    expect(found, `scope ${name} among ${scopes.map((each: DebugProtocol.Scope) => each.name)}`).toBeDefined();
    return found.variablesReference;
  }

  async function variables(reference: number): Promise<Record<string, DebugProtocol.Variable>> {
    const list: DebugProtocol.Variable[] = (await request('variables', { variablesReference: reference })).variables;
    return Object.fromEntries(list.map((variable) => [variable.name, variable]));
  }

  async function evaluate(expression: string): Promise<string> {
    const [frame] = await frames();
    return (await request('evaluate', { expression, frameId: frame?.id, context: 'watch' })).result;
  }

  /** Bytes of the guest, read and decoded here. */
  async function memory(reference: string | undefined, count: number): Promise<DataView> {
    const { data } = await request('readMemory', { memoryReference: reference, count });
    const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
    return new DataView(bytes.buffer);
  }

  it('verifies breakpoints by line, moves them to code, and says why one cannot be set', async () => {
    const line = lineOf('time.c', 'timer_port = bind.port');
    const blank = lineOf('time.c', '.virq = VIRQ_TIMER') + 1;
    const [there, moved, beyond] = await breakIn('time.c', { line }, { line: blank }, { line: 1000 });
    expect(there).toMatchObject({ verified: true, line });
    expect(moved).toMatchObject({ verified: true, line: blank + 1 });
    expect(beyond).toMatchObject({ verified: false, message: expect.stringContaining('no code') });
    const elsewhere = await request('setBreakpoints', {
      source: { path: '/elsewhere/other.c' },
      breakpoints: [{ line: 1 }],
    });
    expect(elsewhere.breakpoints[0]).toMatchObject({
      verified: false,
      message: 'The kernel was not built from this file.',
    });
    await breakIn('time.c', { line });
  });

  it('stops at the line, with the source and the lines of all callers', async () => {
    const stop = await stopAfter('configurationDone', {});
    expect(stop).toMatchObject({ reason: 'breakpoint', hitBreakpointIds: [expect.any(Number)] });
    expect(await stack()).toEqual([
      `time_init time.c:${lineOf('time.c', 'timer_port = bind.port')}`,
      `main main.c:${lineOf('main.c', 'time_init();')}`,
      `_start start.S:${lineOf('start.S', 'call main')}`,
    ]);
    expect((await frames())[0]?.source?.path).toBe(file('time.c'));
  });

  it('shows a local structure as the memory has it', async () => {
    const { bind } = await variables(await scope('Locals'));
    expect(bind).toMatchObject({ type: 'struct evtchn_bind_virq' });
    const bytes = await memory(bind?.memoryReference, 12);
    const port = bytes.getUint32(8, true);
    // The console and xenstore took the ports before it (start_info).
    expect(port).toBeGreaterThan(2);
    expect(bind?.value).toBe(`{virq = 0, vcpu = 0, port = ${port}}`);
    const members = await variables(bind?.variablesReference as number);
    expect(Object.entries(members).map(([name, { value }]) => [name, value])).toEqual([
      ['virq', '0'],
      ['vcpu', '0'],
      ['port', String(port)],
    ]);
    expect(await evaluate('bind.port + 1')).toBe(String(port + 1));
    expect(await evaluate('sizeof(struct evtchn_bind_virq)')).toBe('0xc (12)');
    expect(await evaluate('((struct evtchn_bind_virq *)&bind)->port')).toBe(String(port));
  });

  it("shows globals, through pointers and arrays, of this file and of others, as the linker's symbols say", async () => {
    const pointer = (await memory(symbol('start_info'), 8)).getBigUint64(0, true);
    const info = await memory(`0x${pointer.toString(16)}`, 1168);
    const pages = info.getBigUint64(32, true);
    expect(await evaluate('start_info')).toBe(`0x${pointer.toString(16)}`);
    expect(await evaluate('start_info->nr_pages')).toBe(`0x${pages.toString(16)} (${pages})`);
    expect(await evaluate('start_info->magic')).toBe('"xen-3.0-x86_64"');
    expect(await evaluate('*start_info->magic')).toBe("120 'x'");
    expect(await evaluate('&start_info->cmd_line')).toBe(`0x${(pointer + 128n).toString(16)}`);
    // "commands" is static in main.c.
    expect(await evaluate('commands[2].name')).toMatch(/^0x[0-9a-f]+ "refuse"$/);
    expect(await evaluate('commands[1].run')).toBe(`${symbol('fault')} <fault>`);
    expect(await evaluate('ticks')).toContain('ticks');
  });

  it('steps over a line, in by line, and out', async () => {
    await breakIn('time.c');
    await stopAfter('next');
    expect((await stack())[0]).toBe(`time_init time.c:${lineOf('time.c', '1UL << timer_port % 64')}`);
    await stopAfter('next');
    await stopAfter('stepIn');
    // now() has a body without a prologue to speak of; its caller is the line stepped from.
    expect(await stack()).toEqual([
      expect.stringMatching(/^now time\.c:/),
      `time_init time.c:${lineOf('time.c', 'void time_init') + 7}`,
      `main main.c:${lineOf('main.c', 'time_init();')}`,
      expect.stringMatching(/^_start start\.S:/),
    ]);
    await stopAfter('stepOut');
    expect((await stack())[0]).toMatch(/^time_init time\.c:/);
    // Over the hypercall on the rest of the line, which is inlined; no statement is left, so to the caller's next.
    await stopAfter('next');
    expect((await stack())[0]).toBe(`main main.c:${lineOf('main.c', 'u32 port = ')}`);
  });

  it('steps by single instructions when asked', async () => {
    const [before] = await frames();
    await stopAfter('next', { threadId: 1, granularity: 'instruction' });
    const [after] = await frames();
    const distance =
      BigInt(after?.instructionPointerReference as string) - BigInt(before?.instructionPointerReference as string);
    expect(distance).toBeGreaterThan(0n);
    expect(distance).toBeLessThan(16n);
  });

  it('stops where a condition on an argument holds, which the registers of the call confirm', async () => {
    await request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'sample>', 30_000);
    // The System V ABI passes value in RDI and base in ESI: at the function's first instruction they still hold.
    await request('setFunctionBreakpoints', { breakpoints: [{ name: 'print_number', condition: '$esi == 16' }] });
    await type('info\n');
    const rdi = await evaluate('$rdi');
    await request('setFunctionBreakpoints', { breakpoints: [] });
    const line = lineOf('console.c', 'digits[--at] = 0;');
    const [point] = await breakIn('console.c', { line, condition: 'base == 16' });
    expect(point).toMatchObject({ verified: true, line });
    await stopAfter('continue');
    const { value, base } = await variables(await scope('Arguments'));
    expect(base?.value).toBe('0x10 (16)');
    expect(BigInt(value?.value as string)).toBe(BigInt(rdi.split(' ')[0] as string));
    expect((await stack()).slice(0, 3)).toEqual([
      `print_number console.c:${line}`,
      expect.stringMatching(/^info main\.c:/),
      expect.stringMatching(/^obey \(inlined\) main\.c:/),
    ]);
    // gcc inlined obey and kept no place for its argument, which is main's static buffer.
    expect((await variables(await scope('Arguments', 2))).line?.value).toBe('<optimized out>');
    const main = await variables(await scope('Locals', 3));
    expect(main.line).toMatchObject({ type: 'char[80]', value: '"info"' });
  });

  it('expands an array, all of it or a part', async () => {
    const { digits } = await variables(await scope('Locals'));
    expect(digits?.type).toBe('char[24]');
    const bytes = await memory(digits?.memoryReference, 24);
    const elements = await variables(digits?.variablesReference as number);
    expect(Object.keys(elements)).toHaveLength(24);
    for (let at = 0; at < 24; at++) expect(elements[`[${at}]`]?.value).toMatch(new RegExp(`^${bytes.getInt8(at)} '`));
    const part = await request('variables', { variablesReference: digits?.variablesReference, start: 22, count: 2 });
    expect(part.variables.map(({ name }: DebugProtocol.Variable) => name)).toEqual(['[22]', '[23]']);
  });

  it('sets an argument that lives in a register: the guest prints what was set', async () => {
    const reference = await scope('Arguments');
    const { value } = await request('setVariable', {
      variablesReference: reference,
      name: 'value',
      value: '0xc0ffee',
    });
    expect(value).toBe('0xc0ffee (12648430)');
    await breakIn('console.c');
    const from = dap.client.consoleText().length;
    await request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'frames from 0xc0ffee', 10_000);
    await expect.poll(() => dap.client.consoleText().slice(from)).toMatch(/traps\r\nsample> $/);
  });

  it('a log point writes locals to the debug console and does not stop', async () => {
    const from = dap.client.events.length;
    await breakIn('console.c', {
      line: lineOf('console.c', 'digits[--at] = 0;'),
      logMessage: 'prints {value:d} in base {base:d}',
    });
    const before = dap.client.consoleText().length;
    await request('xenConsoleInput', { base64: base64('info\n') });
    await expect.poll(() => dap.client.consoleText().slice(before)).toMatch(/traps\r\nsample> $/);
    // What several hits in a row say comes as one text, and may come after what the console shows.
    const lines = (): readonly string[] =>
      dap.client.events
        .slice(from)
        .filter(({ event }) => event === 'output')
        .flatMap(({ body }) => (body.output as string).split(/(?<=\n)/))
        .filter((line) => line.startsWith('prints '));
    await expect.poll(() => lines().length).toBe(10);
    expect(lines()).toContain('prints 16384 in base 10\n');
    const events = dap.client.events.slice(from);
    expect(events.some(({ event }) => event === 'stopped')).toBe(false);
    await breakIn('console.c');
  });

  it('shows what a page fault interrupted, in a structure behind a pointer', async () => {
    await breakIn('traps.c', { line: lineOf('traps.c', 'taken++') });
    await type('fault\n');
    const { registers, vector } = await variables(await scope('Arguments'));
    expect(vector?.value).toBe('0xe (14)');
    const saved = await memory(registers?.memoryReference, 21 * 8);
    const members = await variables(registers?.variablesReference as number);
    const names = 'r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi error_code rip cs rflags rsp ss';
    expect(Object.keys(members)).toEqual(names.split(' '));
    for (const [at, name] of names.split(' ').entries()) {
      expect(BigInt(members[name]?.value.split(' ')[0] as string)).toBe(saved.getBigUint64(8 * at, true));
    }
    // The load that faulted is the first instruction of read_word, called by fault().
    expect(members.rip?.value).toBe(symbol('read_word'));
    expect(await stack()).toEqual([
      expect.stringMatching(/^trap traps\.c:/),
      expect.stringMatching(/^trap_page_fault.* start\.S:/),
      expect.stringMatching(/^read_word \(interrupted\) start\.S:/),
      expect.stringMatching(/^fault main\.c:/),
      expect.stringMatching(/^obey \(inlined\) main\.c:/),
      expect.stringMatching(/^main main\.c:/),
      expect.stringMatching(/^_start.* start\.S:/),
    ]);
    const set = await request('setExpression', { expression: 'registers->error_code', value: '0xabc' });
    expect(set.value).toBe('0xabc (2748)');
    await breakIn('traps.c');
    await request('continue', { threadId: 1 });
    await consoleShows(dap.client, 'error code 0xabc', 10_000);
    await consoleShows(dap.client, 'the kernel lives', 10_000);
  });

  it('a breakpoint inside what is stepped over stops there', async () => {
    const line = lineOf('main.c', 'commands[i].run();');
    await breakIn('main.c', { line });
    await type('info\n');
    await breakIn('console.c', { line: lineOf('console.c', 'digits[--at] = 0;'), hitCondition: '3' });
    expect(await stopAfter('next')).toMatchObject({ reason: 'breakpoint' });
    expect((await stack())[0]).toMatch(/^print_number console\.c:/);
    await breakIn('console.c');
    await breakIn('main.c');
    await request('continue', { threadId: 1 });
  });

  it('a pause ends a step over a wait, unless the wait is over first', async () => {
    await breakIn('main.c', { line: lineOf('main.c', 'SCHEDOP_block') });
    await dap.client.event<DebugProtocol.StoppedEvent>('stopped', undefined, dap.client.events.length - 1, 10_000);
    await breakIn('main.c');
    const from = dap.client.events.length;
    await request('next', { threadId: 1 });
    await request('pause', { threadId: 1 });
    const { body } = await dap.client.event<DebugProtocol.StoppedEvent>('stopped', undefined, from, 10_000);
    expect(body).toMatchObject({ threadId: 1 });
    expect(['pause', 'step']).toContain(body.reason);
    await request('continue', { threadId: 1 });
  });

  it('watches a variable of the list', async () => {
    await breakIn('traps.c', { line: lineOf('traps.c', 'taken++') });
    await type('fault\n');
    const variablesReference = await scope('Globals');
    const { taken } = await variables(variablesReference);
    const { dataId } = await request('dataBreakpointInfo', { variablesReference, name: 'taken' });
    expect(dataId).toBe(`${symbol('taken')}/8`);
    await request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
    expect(await stopAfter('continue')).toMatchObject({ reason: 'data breakpoint' });
    expect(await evaluate('taken')).toBe(String(Number(taken?.value) + 1));
    await request('setDataBreakpoints', { breakpoints: [] });
    await breakIn('traps.c');
    await request('continue', { threadId: 1 });
  });

  it('completes locals, members and globals', async () => {
    await breakIn('console.c', { line: lineOf('console.c', 'digits[--at] = 0;') });
    await type('info\n');
    const [frame] = await frames();
    const complete = async (text: string): Promise<readonly string[]> => {
      const args = { text, column: text.length + 1, frameId: frame?.id };
      return (await request('completions', args)).targets.map(({ label }: DebugProtocol.CompletionItem) => label);
    };
    expect(await complete('dig')).toContain('digits');
    expect(await complete('ring->in_')).toEqual(['in_cons', 'in_prod']);
    expect(await complete('rin')).toContain('ring');
  });

  it('lists the sources, and the lines that can be broken on', async () => {
    const { sources } = await request('loadedSources');
    expect(sources.map(({ path: each }: DebugProtocol.Source) => each)).toContain(file('console.c'));
    const line = lineOf('console.c', 'digits[--at] = 0;');
    const { breakpoints } = await request('breakpointLocations', {
      source: { path: file('console.c') },
      line: line - 2,
      endLine: line,
    });
    expect(breakpoints).toContainEqual({ line });
    expect(breakpoints).not.toContainEqual({ line: line - 1 });
  });

  it('jumps to another line of the function', async () => {
    const line = lineOf('console.c', 'print(digits + at)');
    const { targets } = await request('gotoTargets', { source: { path: file('console.c') }, line });
    await breakIn('console.c');
    await stopAfter('goto', { threadId: 1, targetId: targets[0].id });
    expect((await stack())[0]).toBe(`print_number console.c:${line}`);
  });

  it('stops at the same lines after a restart', async () => {
    const line = lineOf('time.c', 'timer_port = bind.port');
    await breakIn('time.c', { line });
    await stopAfter('restart', {});
    expect((await stack())[0]).toBe(`time_init time.c:${line}`);
  });
});
