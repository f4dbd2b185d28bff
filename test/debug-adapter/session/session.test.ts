import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionHost } from '../../../debug-adapter/session/host.ts';
import { XenDebugSession } from '../../../debug-adapter/session/xen-debug-session.ts';
import { UserError } from '../../../emulator/base/user-error.ts';
import type { TargetOptions } from '../../../emulator/debug/target-options.ts';
import { DapClient } from '../../support/dap-client.ts';
import { FakeTarget, STACK, TEXT } from './fake-target.ts';

const text = (offset: number): string => `0x${(TEXT + BigInt(offset)).toString(16)}`;

let targets: FakeTarget[];
let asked: TargetOptions[];
let session: XenDebugSession;
let client: DapClient;
let boot: (options: TargetOptions) => Promise<FakeTarget>;

beforeEach(() => {
  targets = [];
  asked = [];
  boot = async (options) => {
    asked.push(options);
    targets.push(new FakeTarget());
    return targets.at(-1) as FakeTarget;
  };
  const host: SessionHost = {
    readFile: () => Promise.reject(new UserError('file.missing', 'There is no such file.')),
    createTarget: (options) => boot(options),
  };
  session = new XenDebugSession(host);
  // Messages cross as JSON in reality: what is not plain data must not pass here either.
  client = new DapClient((message) => session.handleMessage(JSON.parse(JSON.stringify(message))));
  session.onDidSendMessage((message) => client.receive(JSON.parse(JSON.stringify(message))));
});

afterEach(() => session.dispose());

const target = (): FakeTarget => targets.at(-1) as FakeTarget;

async function launch(more: object = {}, initialize: object = {}): Promise<void> {
  await client.request('initialize', {
    adapterID: 'xen',
    supportsInvalidatedEvent: true,
    supportsMemoryEvent: true,
    ...initialize,
  });
  await client.request('launch', { kernel: 'vmlinux', ...more });
  await client.event('initialized');
}

async function stopAtEntry(more: object = {}): Promise<void> {
  await launch({ stopOnEntry: true, ...more });
  await client.untilStopped('configurationDone');
}

async function topFrame(): Promise<DebugProtocol.StackFrame> {
  return (await client.request('stackTrace', { threadId: 1 })).stackFrames[0];
}

describe('life of a session', () => {
  it('answers an unknown request with a failure that names it', async () => {
    const response = await client.raw('fly');
    expect(response).toMatchObject({
      success: false,
      command: 'fly',
      message: 'protocol.unknown-request',
      body: { error: { id: 1000, format: 'Xenoscope does not know the request "fly".' } },
    });
  });

  it('refuses questions before a launch', async () => {
    await client.request('initialize', { adapterID: 'xen' });
    expect(await client.request('threads')).toEqual({ threads: [] });
    await expect(client.request('stackTrace', { threadId: 1 })).rejects.toThrow('No domain has been started');
    await expect(client.request('attach', {})).rejects.toThrow('cannot attach');
  });

  it.each([
    [{ kernel: undefined }, 'names neither "config"'],
    [{ memory: '256' }, '"memory" in the launch configuration must be a number'],
    [{ pace: 'fast' }, '"pace" in the launch configuration must be "wall" or "free"'],
    [{ trace: ['hypercall'] }, '"trace" in the launch configuration must be a list out of hypercalls, events'],
    [{ disks: 'a.img' }, '"disks" in the launch configuration must be a list'],
    [{ domains: [] }, 'names neither'],
    [{ sourceMap: { '/build': 1 } }, '"sourceMap" in the launch configuration must be an object of paths'],
  ])('explains a wrong configuration %j', async (more, message) => {
    await client.request('initialize', { adapterID: 'xen' });
    await expect(client.request('launch', { kernel: 'vmlinux', ...more })).rejects.toThrow(message);
    expect(targets).toHaveLength(0);
  });

  it('passes inline keys, files and several domains on', async () => {
    await launch({
      ramdisk: 'initrd',
      cmdline: 'console=hvc0',
      memory: 256,
      cwd: '/w',
      pace: 'free',
      trace: ['events'],
    });
    expect(asked[0]).toEqual({
      domains: [
        {
          kind: 'inline', name: undefined, kernel: 'vmlinux', ramdisk: 'initrd', cmdline: 'console=hvc0', memory: 256,
          vcpus: undefined, disks: [], vifs: [], abi: undefined,
        },
      ],
      folder: '/w', pace: 'free', trace: ['events'], seed: undefined,
    }); // biome-ignore format: short
    await expect(client.request('launch', { config: 'a.cfg' })).rejects.toThrow('already runs');
    await client.request('terminate');
    await client.request('launch', { config: 'a.cfg' });
    expect(asked[1]?.domains).toEqual([{ kind: 'file', path: 'a.cfg' }]);
  });

  it('turns a failed boot into a failed launch with id and hint', async () => {
    boot = () => Promise.reject(new UserError('image.truncated', 'The image ends early.', 'Build it again.'));
    await client.request('initialize', { adapterID: 'xen' });
    expect(await client.raw('launch', { kernel: 'vmlinux' })).toMatchObject({
      success: false,
      message: 'image.truncated',
      body: { error: { format: 'The image ends early. Build it again.', showUser: true } },
    });
  });

  it('shows progress to clients that can, also when the boot fails', async () => {
    await launch({}, { supportsProgressReporting: true });
    await client.request('terminate');
    boot = () => Promise.reject(new UserError('image.truncated', 'The image ends early.'));
    await client.raw('launch', { kernel: 'vmlinux' });
    const names = client.events.map(({ event }) => event).filter((name) => name.startsWith('progress'));
    expect(names).toEqual(['progressStart', 'progressEnd', 'progressStart', 'progressEnd']);
  });

  it('runs only after configurationDone', async () => {
    await launch();
    expect(target().running).toBe(false);
    await client.request('configurationDone');
    expect(target().running).toBe(true);
    await client.request('disconnect');
    expect(target().terminated).toBe(true);
  });

  it('stops on entry, before the first instruction', async () => {
    await launch({ stopOnEntry: true });
    const stop = await client.untilStopped('configurationDone');
    expect(stop).toMatchObject({ reason: 'entry', threadId: 1, allThreadsStopped: true });
    expect(target().instructions).toBe(0);
    expect(await topFrame()).toMatchObject({ name: 'start', instructionPointerReference: text(0) });
  });

  it('pauses, refuses questions while running, continues', async () => {
    await launch();
    await client.request('configurationDone');
    await expect(client.request('stackTrace', { threadId: 1 })).rejects.toThrow('The machine is running');
    expect(await client.untilStopped('pause', { threadId: 1 })).toMatchObject({ reason: 'pause' });
    const before = target().instructions;
    expect(await client.request('continue', { threadId: 1 })).toEqual({ allThreadsContinued: true });
    await new Promise((resolve) => setTimeout(resolve, 10));
    await client.untilStopped('pause', { threadId: 1 });
    expect(target().instructions).toBeGreaterThan(before);
  });

  it('ends with exit code 0 after a power-off and 4 after a crash without debugging', async () => {
    await launch();
    await client.request('configurationDone');
    target().end('poweroff', 'the guest asked for it');
    expect((await client.event('exited')).body).toEqual({ exitCode: 0 });
    await client.event('terminated');
    expect(client.events.filter(({ event }) => event === 'stopped')).toEqual([]);
    await client.request('terminate');
    expect(client.events.filter(({ event }) => event === 'terminated')).toHaveLength(1);
    await client.request('launch', { kernel: 'vmlinux', noDebug: true });
    await client.request('configurationDone');
    const from = client.events.length;
    target().end('crash', 'no handler');
    expect((await client.event('exited', undefined, from)).body).toEqual({ exitCode: 4 });
  });

  it('stays at a crash, with the reason in words', async () => {
    await launch();
    await client.request('configurationDone');
    const from = client.events.length;
    target().end('crash', '#PF at 0x28 with no handler');
    const stop = await client.event<DebugProtocol.StoppedEvent>('stopped', undefined, from);
    expect(stop.body).toMatchObject({
      reason: 'exception',
      description: 'Domain crashed',
      text: '#PF at 0x28 with no handler',
    });
    expect(await client.request('exceptionInfo', { threadId: 1 })).toMatchObject({
      exceptionId: 'domain-crash',
      description: '#PF at 0x28 with no handler',
    });
    expect(client.events.some(({ event }) => event === 'terminated')).toBe(false);
    expect(await topFrame()).toBeDefined();
    await client.request('continue', { threadId: 1 });
    await client.event('terminated');
  });

  it('reports a failure of Xenoscope itself as such', async () => {
    await launch();
    await client.request('configurationDone');
    target().fail('AssertionError: Xenoscope bug: x');
    expect((await client.event('exited')).body).toEqual({ exitCode: 1 });
    await client.event('terminated');
    const words = client.events.find(({ event, body }) => event === 'output' && body.category === 'stderr');
    expect(words?.body.output).toContain('this is a bug in it, not in your kernel');
  });

  it('restarts with a fresh machine and the same breakpoints', async () => {
    await launch({ stopOnEntry: true });
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:sched_op' }] });
    await client.untilStopped('configurationDone');
    const stop = await client.untilStopped('restart');
    expect(stop.reason).toBe('entry');
    expect(targets).toHaveLength(2);
    expect(targets[0]?.terminated).toBe(true);
    expect(await client.untilStopped('continue', { threadId: 1 })).toMatchObject({
      description: 'Paused on hypercall',
    });
  });
});

describe('malformed requests', () => {
  const commands = [
    'initialize', 'launch', 'attach', 'configurationDone', 'threads', 'continue', 'pause', 'next', 'stepIn', 'stepOut',
    'setBreakpoints', 'breakpointLocations', 'gotoTargets', 'goto', 'setFunctionBreakpoints',
    'setInstructionBreakpoints', 'setExceptionBreakpoints', 'stackTrace', 'scopes', 'variables', 'setVariable', 'exceptionInfo', 'evaluate', 'setExpression', 'completions', 'readMemory',
    'writeMemory', 'disassemble', 'modules', 'loadedSources', 'xenConsoleInput', 'xenConsoleHistory', 'xenDomains',
    'xenRings', 'xenNames', 'xenReadMemory', 'xenWriteMemory', 'xenStatistics', 'xenDevices',
    'xenAttachDevice', 'xenDetachDevice', 'xenControlCommands', 'xenControl',
  ]; // biome-ignore format: words
  const junk: readonly unknown[] = [
    undefined, null, 7, 'x', [], {}, { threadId: 'one' }, { threadId: -5, frameId: 1e9, variablesReference: -1 },
    { breakpoints: [null], filters: [3], expression: 5 }, { breakpoints: [{}], filters: [], filterOptions: [{}] },
    { source: { path: 7 }, line: 1, breakpoints: [{ line: 1 }], targetId: 1, threadId: 1 },
    { memoryReference: '0x', count: -1, instructionCount: 1.5, data: '!', base64: '!' },
    { expression: '((((', text: '', column: -9, context: 'repl', name: '', value: '' },
    { memoryReference: '0x10', count: 4, instructionCount: 4, offset: 1.5, instructionOffset: 0.5, data: 'AA' },
    { memoryReference: '0xffffffffffffffff', count: 100, instructionCount: 50, instructionOffset: -60, offset: 1e15, data: '' },
    { space: 'virtual', address: '*', count: 4, base64: 'AA' },
  ]; // biome-ignore format: words

  it('each get exactly one answer, and none is taken for a bug of ours', async () => {
    await stopAtEntry();
    for (const command of commands) {
      for (const args of junk) {
        const response = await client.raw(command, args);
        expect(response.message ?? '', `${command} ${JSON.stringify(args)}`).not.toBe('protocol.internal');
        if (!target().terminated && target().running) await client.untilStopped('pause', { threadId: 1 });
      }
    }
  });
});

describe('breakpoints', () => {
  it('stops at hypercalls, symbols and addresses, and says which breakpoint it was', async () => {
    await launch();
    const { breakpoints } = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'hypercall:sched_op' }, { name: 'twice' }, { name: '*start+7' }],
    });
    expect(breakpoints).toMatchObject([
      { verified: true },
      { verified: true, message: '2 functions have this name; all are broken on.', instructionReference: text(5) },
      { verified: true, instructionReference: text(7) },
    ]);
    const [call, twice, sum] = breakpoints.map(({ id }: DebugProtocol.Breakpoint) => id);
    expect(await client.untilStopped('configurationDone')).toMatchObject({
      reason: 'function breakpoint',
      hitBreakpointIds: [twice, call],
    });
    expect(await client.untilStopped('continue', { threadId: 1 })).toMatchObject({ hitBreakpointIds: [sum] });
    expect(await client.untilStopped('continue', { threadId: 1 })).toMatchObject({ hitBreakpointIds: [twice] });
  });

  it('leaves what it cannot find unverified, with a reason', async () => {
    await launch();
    const { breakpoints } = await client.request('setFunctionBreakpoints', {
      breakpoints: [
        { name: 'hypercall:shed_op' },
        { name: 'strat' },
        { name: 'sched_op' },
        { name: '*0xzz' },
        { name: 'start', condition: '1 +' },
        { name: 'start', hitCondition: 'often' },
        { name: 'hypercall:' },
      ],
    });
    expect(breakpoints.map(({ verified }: DebugProtocol.Breakpoint) => verified)).toEqual(Array(7).fill(false));
    expect(breakpoints.map(({ message }: DebugProtocol.Breakpoint) => message)).toEqual([
      'There is no hypercall "shed_op"; did you mean sched_op?',
      'No symbol has this name; did you mean start?',
      'No symbol has this name; for the hypercall write hypercall:sched_op.',
      '"0xzz" is not a number.',
      'Condition: Expected a number, a register or a name at the end.',
      '"often" is not a hit count; write 5, ==5, >=5, >5, <5, <=5 or %5.',
      'Name a hypercall, such as hypercall:mmu_update.',
    ]);
    const source = await client.request('setBreakpoints', { source: { path: 'a.c' }, breakpoints: [{ line: 3 }] });
    expect(source.breakpoints).toMatchObject([{ verified: false, line: 3 }]);
  });

  it('looks at conditions and hit counts without a visible stop', async () => {
    await launch();
    const { breakpoints } = await client.request('setInstructionBreakpoints', {
      breakpoints: [
        { instructionReference: text(0), offset: 7, condition: 'rdi == 0x1234', hitCondition: '==3' },
        { instructionReference: text(8), condition: 'rdi == 1' },
      ],
    });
    const stop = await client.untilStopped('configurationDone');
    expect(stop).toMatchObject({ reason: 'instruction breakpoint', hitBreakpointIds: [breakpoints[0].id] });
    expect(target().instructions).toBe(2 + 4 * 2);
    expect(client.events.filter(({ event }) => event === 'stopped')).toHaveLength(1);
    // A breakpoint set again as it was keeps its id and its count.
    const again = await client.request('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: text(7), condition: 'rdi == 0x1234', hitCondition: '==3' }],
    });
    expect(again.breakpoints[0].id).toBe(breakpoints[0].id);
  });

  it('logs and goes on', async () => {
    await launch();
    await client.request('setFunctionBreakpoints', {
      breakpoints: [
        { name: 'hypercall:sched_op log: cmd={cmd:d} arg={arg} {nothing}' },
        { name: 'twice', hitCondition: '==6' },
      ],
    });
    await client.untilStopped('configurationDone');
    const lines = client.events.filter(({ event, body }) => event === 'output' && body.category === 'console');
    expect(lines).toHaveLength(3);
    expect(lines[0]?.body.output).toBe(
      'cmd=1 (block) arg=0x1234 <"nothing" is neither a register nor a symbol nor an argument of the current hypercall.>\n',
    );
  });

  it('stops at a condition that cannot be evaluated, and says why', async () => {
    await launch();
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'start', condition: '*(u64*)0 == 1' }] });
    await client.untilStopped('configurationDone');
    const words = client.events.filter(({ event }) => event === 'output').map(({ body }) => body.output);
    expect(words).toEqual(['Condition "*(u64*)0 == 1": Nothing is mapped at 0x0.\n']);
  });

  it('pauses at once when a condition that is always false is being looked at', async () => {
    await launch();
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'start', condition: '0' }] });
    await client.request('configurationDone');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = Date.now();
    await client.untilStopped('pause', { threadId: 1 });
    expect(Date.now() - before).toBeLessThan(1000);
  });

  it('watches memory by address and by expression', async () => {
    await stopAtEntry();
    const info = (args: object) => client.request('dataBreakpointInfo', args);
    expect(await info({ name: '*(u32*)(rsp + 4)' })).toMatchObject({ dataId: `0x${(STACK + 0xf04n).toString(16)}/4` });
    expect(await info({ name: text(0x100), asAddress: true, bytes: 3 })).toEqual({
      dataId: `${text(0x100)}/3`,
      description: `3 bytes at ${text(0x100)} <banner>`,
      accessTypes: ['read', 'write', 'readWrite'],
      canPersist: true,
    });
    expect(await info({ name: 'nonsense' })).toMatchObject({ dataId: null });
    expect(await info({ name: 'rsp', bytes: 100_000 })).toMatchObject({ dataId: null });
    expect(await info({ name: 'rax', variablesReference: 5 })).toMatchObject({ dataId: null });
    const { breakpoints } = await client.request('setDataBreakpoints', {
      breakpoints: [{ dataId: `${text(0x100)}/3`, accessType: 'readWrite' }, { dataId: 'x' }],
    });
    expect(breakpoints).toMatchObject([{ verified: true }, { verified: false, message: '"x" cannot be watched.' }]);
    expect(target().watchpoints).toMatchObject([{ address: text(0x100), length: 3, access: 'readWrite' }]);
    const from = client.events.length;
    await client.request('continue', { threadId: 1 });
    target().touch();
    const stop = await client.event<DebugProtocol.StoppedEvent>('stopped', undefined, from);
    expect(stop.body).toMatchObject({ reason: 'data breakpoint', hitBreakpointIds: [breakpoints[0].id] });
  });

  it('hands filters on and knows unknown ones', async () => {
    await launch();
    const body = await client.request('setExceptionBreakpoints', {
      filters: ['shutdown', 'weather'],
      filterOptions: [{ filterId: 'hypercall-error', condition: 'result == -22' }],
    });
    expect(body.breakpoints).toEqual([
      { verified: true },
      { verified: false, message: 'There is no exception filter "weather".' },
      { verified: true },
    ]);
    expect(target().filters).toEqual(['shutdown', 'hypercall-error']);
    await client.request('configurationDone');
    target().end('poweroff', 'asked for');
    expect((await client.event<DebugProtocol.StoppedEvent>('stopped')).body).toMatchObject({
      description: 'Domain shut down',
    });
  });
});

describe('looking', () => {
  it('shows decoded arguments at a hypercall, and the result after a step', async () => {
    await launch();
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:29' }] });
    await client.untilStopped('configurationDone');
    const scopes = (await client.request('scopes', { frameId: (await topFrame()).id })).scopes;
    expect(scopes.map(({ name }: DebugProtocol.Scope) => name)).toEqual([
      'Hypercall sched_op.block',
      'General Registers',
      'Segment Registers',
      'Control Registers',
      'Flags',
      'Vector Registers',
    ]);
    const list = (await client.request('variables', { variablesReference: scopes[0].variablesReference })).variables;
    expect(list).toMatchObject([
      { name: 'number', value: '29' },
      { name: 'cmd', value: '1 (block)', evaluateName: 'cmd' },
      { name: 'arg', value: '0x1234', memoryReference: '0x1234', evaluateName: 'arg' },
    ]);
    const inner = (await client.request('variables', { variablesReference: list[2].variablesReference })).variables;
    expect(inner).toMatchObject([{ name: 'reason', value: '7', evaluateName: 'arg.reason' }]);
    expect((await client.request('evaluate', { expression: 'arg.reason + 1' })).result).toBe('8');
    expect(await client.untilStopped('stepIn', { threadId: 1 })).toMatchObject({ reason: 'step' });
    const after = (await client.request('scopes', { frameId: (await topFrame()).id })).scopes[0];
    const values = (await client.request('variables', { variablesReference: after.variablesReference })).variables;
    expect(values.slice(-2)).toMatchObject([
      { name: 'result', value: '-22 (EINVAL)' },
      { name: 'reason', value: 'no such port' },
    ]);
    await expect(client.request('variables', { variablesReference: scopes[0].variablesReference })).rejects.toThrow(
      'earlier stop',
    );
  });

  it('shows and sets registers and their parts', async () => {
    await stopAtEntry();
    const { scopes } = await client.request('scopes', { frameId: (await topFrame()).id });
    const general = scopes[0].variablesReference;
    const { variables } = await client.request('variables', { variablesReference: general });
    expect(variables[0]).toMatchObject({ name: 'rip', value: `${text(0)} <start>`, evaluateName: '$rip' });
    const set = (name: string, value: string) =>
      client.request('setVariable', { variablesReference: general, name, value });
    expect(await set('rdi', 'start + 1')).toEqual({ value: text(1) });
    expect(target().values.get('rdi')).toBe(TEXT + 1n);
    await client.request('setExpression', { expression: '$ah', value: "'A'" });
    expect(target().values.get('rax')).toBe(0x4100n);
    await client.request('setExpression', { expression: 'edi', value: '-1' });
    expect(target().values.get('rdi')).toBe(0xffffffffn);
    await expect(set('rdi', 'nonsense')).rejects.toThrow('"nonsense" is neither');
    await expect(set('r99', '1')).rejects.toThrow('r99 cannot be set');
    expect(client.events.filter(({ event }) => event === 'invalidated').length).toBeGreaterThanOrEqual(3);
  });

  it('evaluates in the console with commands', async () => {
    await stopAtEntry();
    const repl = async (expression: string): Promise<string> =>
      (await client.request('evaluate', { expression, context: 'repl' })).result;
    expect(await repl('$rdi')).toBe('0x1234 (4660)');
    expect(await repl('&start')).toBe(`${text(0)} <start>`);
    expect(await repl('*(u32*)start')).toBe('0x1db8 (7608)');
    expect(await repl('x/2xw start')).toBe(`${text(0)}:\t0x00001db8\t0x90050f00`);
    expect(await repl('x/2i start')).toBe(`${text(0)} <start>:\tmov eax, 0x1d\n${text(5)} <twice>:\tsyscall`);
    expect(await repl('symbol start + 3')).toBe('start+0x3');
    expect(await repl('counters')).toBe('0 instructions, 0.000000 s of virtual time');
    expect(await repl('rings')).toBe('console: mfn 0x10, port 2, in_cons 3');
    expect(await repl('registers')).toContain('PF ZF IF');
    await expect(repl('x/q 1')).rejects.toThrow('There is no format "q"');
    await expect(repl('bogus')).rejects.toThrow('"bogus" is neither');
    expect(await client.request('evaluate', { expression: '*(u16*)(rsp+2)' })).toMatchObject({
      memoryReference: `0x${(STACK + 0xf02n).toString(16)}`,
      type: 'u16',
    });
  });

  it('completes registers and symbols', async () => {
    await stopAtEntry();
    const labels = async (line: string): Promise<string[]> =>
      (await client.request('completions', { text: line, column: line.length + 1 })).targets.map(
        ({ label }: DebugProtocol.CompletionItem) => label,
      );
    expect(await labels('1 + $rd')).toEqual(['$rdi']);
    expect(await labels('sta')).toEqual(['start']);
    expect(await labels('coun')).toEqual(['counters']);
  });

  it('reads and writes memory, tells of holes, refuses writes to them', async () => {
    await stopAtEntry();
    const read = await client.request('readMemory', { memoryReference: text(0), count: 5 });
    expect(read).toEqual({ address: text(0), data: Buffer.from([0xb8, 0x1d, 0, 0, 0]).toString('base64') });
    expect(await client.request('readMemory', { memoryReference: text(0), offset: 4094, count: 10 })).toMatchObject({
      data: Buffer.from([0xcc, 0xcc]).toString('base64'),
      unreadableBytes: 8,
    });
    expect(await client.request('readMemory', { memoryReference: text(-16), count: 32 })).toEqual({
      address: text(-16),
      unreadableBytes: 16,
    });
    const from = client.events.length;
    const data = Buffer.from([1, 2, 3]).toString('base64');
    expect(await client.request('writeMemory', { memoryReference: text(0x100), data })).toEqual({
      offset: 0,
      bytesWritten: 3,
    });
    expect((await client.event('memory', undefined, from)).body).toEqual({
      memoryReference: text(0x100),
      offset: 0,
      count: 3,
    });
    await expect(client.request('writeMemory', { memoryReference: text(4095), data })).rejects.toThrow(
      `Nothing is mapped at ${text(4096)}`,
    );
    await expect(client.request('writeMemory', { memoryReference: text(0), data: '*' })).rejects.toThrow('not base64');
    await expect(client.request('readMemory', { memoryReference: 'rsp', count: 1 })).rejects.toThrow(
      '"rsp" is not an address',
    );
    const own = await client.request('xenReadMemory', { space: 'virtual', address: 'start + 0x100', count: 3 });
    expect(own).toEqual({ address: text(0x100), base64: data, unreadable: 0 });
    await expect(client.request('xenReadMemory', { space: 'lunar', address: '0', count: 1 })).rejects.toThrow(
      '"lunar"',
    );
  });
});

describe('console and views', () => {
  it('forwards console bytes as events and, for plain clients, as text', async () => {
    await launch();
    target().write('gr');
    target().write('üß');
    expect(client.consoleText()).toBe('grüß');
    expect(client.events.filter(({ event, body }) => event === 'output' && body.category === 'stdout')).toHaveLength(2);
    await client.request('xenConsoleInput', { base64: Buffer.from('help\n').toString('base64') });
    expect(client.consoleText()).toBe('grüßHELP\n');
    const history = await client.request('xenConsoleHistory', { domain: 1 });
    expect(Buffer.from(history.base64, 'base64').toString()).toBe('grüßHELP\n');
    await expect(client.request('xenConsoleHistory', { domain: 5 })).rejects.toThrow('There is no domain 5');
  });

  it('keeps output events from clients that show xenConsole', async () => {
    await launch({}, { supportsXenConsole: true });
    target().write('x');
    expect(client.events.filter(({ event }) => event === 'output')).toHaveLength(0);
    expect(client.consoleText()).toBe('x');
  });

  it('plugs devices in and out, and says why not', async () => {
    await launch();
    const list = async (): Promise<unknown> => (await client.request('xenDevices')).devices;
    expect(await list()).toEqual([]);
    await client.request('xenAttachDevice', { kind: 'vif', specification: 'bridge=xenbr0' });
    expect(await list()).toMatchObject([{ kind: 'vif', name: '0', specification: 'bridge=xenbr0' }]);
    await client.request('xenDetachDevice', { kind: 'vif', name: '0' });
    expect(await list()).toEqual([]);
    await expect(client.request('xenDetachDevice', { kind: 'vif', name: '0' })).rejects.toThrow('There is no vif 0.');
    await expect(client.request('xenAttachDevice', { kind: 'disk', specification: '' })).rejects.toThrow('no device');
    await expect(client.request('xenAttachDevice', { kind: 'tape', specification: 'a=b' })).rejects.toThrow(
      'kind must',
    );
  });

  it('asks things of a domain, and says why not', async () => {
    await launch();
    const commands = [{ name: 'mem-set', argument: 'MB', help: 'memory' }];
    target().inspections.set('control-commands', commands);
    expect(await client.request('xenControlCommands')).toEqual({ commands });
    await client.request('xenControl', { command: 'mem-set 100' });
    expect(target().controlled).toEqual(['mem-set 100']);
    await expect(client.request('xenControl', { command: 'explode' })).rejects.toThrow('There is no such.');
    await expect(client.request('xenControl', { command: 7 })).rejects.toThrow('command must be a string');
  });

  it('answers the views', async () => {
    await launch();
    expect(await client.request('xenDomains')).toEqual({ domains: [{ domain: 1, name: 'fake', vcpus: [0] }] });
    expect((await client.request('xenRings', { domain: 1 })).rings).toHaveLength(1);
    const names = await client.request('xenNames', { prefix: 'st' });
    expect(names.hypercalls[0].name).toBe('sched_op');
    expect(names.symbols).toEqual([{ name: 'start', address: text(0), kind: 'function' }]);
    expect(await client.request('xenStatistics')).toMatchObject({ instructions: 0, running: false });
    expect((await client.request('modules', {})).modules).toMatchObject([{ id: 1, symbolStatus: '4 symbols' }]);
    target().traceLine('a line');
    expect((await client.event('xenTrace')).body).toMatchObject({ category: 'notice', text: 'a line' });
  });
});
