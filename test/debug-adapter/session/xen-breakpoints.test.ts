import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { XenDebugSession } from '../../../debug-adapter/session/xen-debug-session.ts';
import { DapClient } from '../../support/dap-client.ts';
import { FakeTarget } from './fake-target.ts';

let machine: FakeTarget;
let session: XenDebugSession;
let client: DapClient;

beforeEach(() => {
  machine = new FakeTarget();
  session = new XenDebugSession({
    readFile: () => Promise.reject(new Error('not here')),
    createTarget: () => Promise.resolve(machine),
  });
  client = new DapClient((message) => session.handleMessage(JSON.parse(JSON.stringify(message))));
  session.onDidSendMessage((message) => client.receive(JSON.parse(JSON.stringify(message))));
});

afterEach(() => session.dispose());

const target = (): FakeTarget => machine;

async function launch(): Promise<void> {
  await client.request('initialize', { adapterID: 'xen' });
  await client.request('launch', { kernel: 'vmlinux' });
  await client.event('initialized');
}

async function topFrame(): Promise<DebugProtocol.StackFrame> {
  return (await client.request('stackTrace', { threadId: 1 })).stackFrames[0];
}

describe('breakpoints on what Xen knows', () => {
  const happened = (breakpoints: readonly string[], values: Readonly<Record<string, string>>) => ({
    ...{ breakpoints, text: `happened with ${Object.values(values).join(' ')}` },
    arguments: Object.entries(values).map(([name, value]) => ({ name, value, children: [] })),
  });
  const stops = () => client.events.filter(({ event }) => event === 'stopped');

  it('are judged by the machine, and a kind that does not exist by us', async () => {
    await launch();
    const { breakpoints } = await client.request('setFunctionBreakpoints', {
      breakpoints: [
        ...['evtchn:3', 'evtchn:9999', 'trap:page_fualt', 'xenstroe:/a', 'weather:1', 'CR3'].map((name) => ({ name })),
        { name: 'grant:8.map', condition: 'user ==' },
      ],
    });
    expect(breakpoints.map(({ verified, message }: DebugProtocol.Breakpoint) => message ?? verified)).toEqual([
      true,
      'Event-channel ports go from 1 to 1023.',
      'There is no trap "page_fualt"; did you mean page_fault?',
      'Nothing that Xen knows is called "xenstroe"; did you mean xenstore?',
      'Nothing that Xen knows is called "weather"; there are hypercall, evtchn, grant, xenstore, trap, cr3, console.',
      true,
      expect.stringContaining('Condition: '),
    ]);
    expect(target().xenPoints.map(({ name }) => name)).toEqual(['evtchn:3', 'evtchn:9999', 'trap:page_fualt', 'CR3']);
  });

  it('stop when condition and hit count say so, and show what happened', async () => {
    await launch();
    const { breakpoints } = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'evtchn:*', condition: 'port == 3', hitCondition: '2' }],
    });
    const id = breakpoints[0].id;
    await client.request('configurationDone');
    for (const port of ['2', '3', '2', '3']) {
      expect(stops()).toEqual([]);
      target().happen(happened([String(id)], { port }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const stop = await client.event<DebugProtocol.StoppedEvent>('stopped');
    expect(stop.body).toMatchObject({
      reason: 'function breakpoint',
      description: 'Paused on Xen breakpoint',
      text: 'happened with 3',
      hitBreakpointIds: [id],
    });
    const frameId = (await topFrame()).id;
    const { scopes } = await client.request('scopes', { frameId });
    expect(scopes[0].name).toBe('Event: happened with 3');
    const { variables } = await client.request('variables', { variablesReference: scopes[0].variablesReference });
    expect(variables).toMatchObject([{ name: 'port', value: '3' }]);
    expect((await client.request('evaluate', { expression: 'port + 1', frameId })).result).toMatch(/^0x4|^4/);
  });

  it('log and go on', async () => {
    await launch();
    const { breakpoints } = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'grant:* log: grant {ref:d} by {user:d}' }],
    });
    await client.request('configurationDone');
    target().happen(happened([String(breakpoints[0].id)], { ref: '8', user: '0' }));
    const output = await client.event<DebugProtocol.OutputEvent>('output', ({ body }) => body.category === 'console');
    expect(output.body.output).toBe('grant 8 by 0\n');
    expect(stops()).toEqual([]);
    expect(target().log.at(-1)).toBe('resume');
  });

  it('as exception filters have conditions, and exceptionInfo', async () => {
    await launch();
    await client.request('setExceptionBreakpoints', {
      filters: [],
      filterOptions: [{ filterId: 'page-fault', condition: 'cr2 < 0x1000' }],
    });
    await client.request('configurationDone');
    target().happen(happened(['filter:page-fault'], { cr2: '0xffff800000000000' }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stops()).toEqual([]);
    target().happen(happened(['filter:page-fault'], { cr2: '0x10' }));
    const stop = await client.event<DebugProtocol.StoppedEvent>('stopped');
    expect(stop.body).toMatchObject({ reason: 'exception', description: 'Paused on guest page faults' });
    expect(await client.request('exceptionInfo', { threadId: 1 })).toMatchObject({
      exceptionId: 'page-fault',
      description: 'happened with 0x10',
    });
  });

  it('a crash stops unless its filter is switched off; then the session ends with it', async () => {
    await launch();
    await client.request('setExceptionBreakpoints', { filters: [] });
    await client.request('configurationDone');
    target().end('crash', 'no handler');
    expect((await client.event<DebugProtocol.ExitedEvent>('exited')).body.exitCode).toBe(4);
    expect(stops()).toEqual([]);
  });
});
