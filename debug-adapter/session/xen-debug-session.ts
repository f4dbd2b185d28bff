import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Disposable } from '../../emulator/base/disposable.ts';
import { Emitter } from '../../emulator/base/event.ts';
import { Connection } from '../protocol/connection.ts';
import * as breakpoints from './breakpoints.ts';
import { completions } from './completions.ts';
import * as consoles from './console.ts';
import { SessionContext } from './context.ts';
import * as dataBreakpoints from './data-breakpoints.ts';
import * as devices from './devices.ts';
import { disassemble } from './disassembly.ts';
import * as evaluation from './evaluate.ts';
import * as execution from './execution.ts';
import * as histories from './histories.ts';
import type { SessionHost } from './host.ts';
import * as inspections from './inspections.ts';
import * as lifecycle from './lifecycle.ts';
import * as memory from './memory.ts';
import { goTo, gotoTargets } from './source/goto.ts';
import * as lineBreakpoints from './source/line-breakpoints.ts';
import { loadedSources } from './source/loaded-sources.ts';
import * as stack from './stack.ts';
import * as variables from './variables.ts';
import * as views from './views.ts';

/**
 * A debug session: DAP messages in and out, over any transport. Has the shape of `vscode.DebugAdapter`, so that it can
 * be used inline; `main.ts` puts it on stdio and TCP.
 *
 * It does not extend `DebugSession` of @vscode/debugadapter, because that pulls Node's net, fs, path and events into
 * the browser bundle; the message shapes are those of @vscode/debugprotocol all the same.
 *
 * NOT IMPLEMENTED: attach, cancel; symbols and source of any but the first domain's kernel and of the files under
 * "symbols"; running one vCPU of several (`singleThread`).
 */
export class XenDebugSession implements Disposable {
  private readonly messages = new Emitter<DebugProtocol.ProtocolMessage>();
  private readonly context: SessionContext;
  private readonly connection: Connection;

  /** Responses and events for the client. */
  readonly onDidSendMessage = this.messages.event;

  constructor(host: SessionHost) {
    this.connection = new Connection((message) => this.messages.fire(message));
    this.context = new SessionContext(host, (event, body) => this.connection.event(event, body));
    this.register(this.context);
  }

  /** A request of the client. */
  handleMessage(message: DebugProtocol.ProtocolMessage): void {
    void this.connection.handle(message);
  }

  dispose(): void {
    this.context.dispose();
    this.messages.dispose();
  }

  private register(context: SessionContext): void {
    const on = this.connection.on.bind(this.connection);

    on('initialize', (args) => lifecycle.initialize(context, args));
    on('launch', (args) => lifecycle.launch(context, args));
    on('attach', () => lifecycle.attach());
    on('configurationDone', () => lifecycle.configurationDone(context));
    on('restart', (args) => lifecycle.restart(context, args));
    on('terminate', () => lifecycle.terminate(context));
    on('disconnect', () => lifecycle.disconnect(context));

    on('setBreakpoints', (args) => lineBreakpoints.setBreakpoints(context, args));
    on('breakpointLocations', (args) => lineBreakpoints.breakpointLocations(context, args));
    on('setFunctionBreakpoints', (args) => breakpoints.setFunctionBreakpoints(context, args));
    on('setInstructionBreakpoints', (args) => breakpoints.setInstructionBreakpoints(context, args));
    on('dataBreakpointInfo', (args) => dataBreakpoints.dataBreakpointInfo(context, args));
    on('setDataBreakpoints', (args) => dataBreakpoints.setDataBreakpoints(context, args));
    on('setExceptionBreakpoints', (args) => breakpoints.setExceptionBreakpoints(context, args));

    on('threads', () => execution.threads(context));
    on('continue', () => execution.resume(context));
    on('pause', () => execution.pause(context));
    on('next', (args) => execution.step(context, args, 'over'));
    on('stepIn', (args) => execution.step(context, args, 'in'));
    on('stepOut', (args) => execution.step(context, args, 'out'));
    on('gotoTargets', (args) => gotoTargets(context, args));
    on('goto', (args) => goTo(context, args));

    on('stackTrace', (args) => stack.stackTrace(context, args));
    on('scopes', (args) => variables.scopes(context, args));
    on('variables', (args) => variables.variables(context, args));
    on('setVariable', (args) => variables.setVariable(context, args));
    on('exceptionInfo', (args) => execution.exceptionInfo(context, args));

    on('evaluate', (args) => evaluation.evaluate(context, args));
    on('setExpression', (args) => evaluation.setExpression(context, args));
    on('completions', (args) => completions(context, args));
    on('readMemory', (args) => memory.readMemory(context, args));
    on('writeMemory', (args) => memory.writeMemory(context, args));
    on('disassemble', (args) => disassemble(context, args));
    on('modules', () => views.modules(context));
    on('loadedSources', () => loadedSources(context));

    on('xenConsoleInput', (args) => consoles.consoleInput(context, args));
    on('xenConsoleHistory', (args) => consoles.consoleHistory(context, args));
    on('xenDomains', () => views.domains(context));
    on('xenRings', (args) => views.rings(context, args));
    on('xenDevices', (args) => devices.list(context, args));
    on('xenAttachDevice', (args) => devices.attach(context, args));
    on('xenDetachDevice', (args) => devices.detach(context, args));
    on('xenControlCommands', () => devices.controlCommands(context));
    on('xenControl', (args) => devices.control(context, args));
    on('xenNames', (args) => views.names(context, args));
    on('xenReadMemory', (args) => memory.xenReadMemory(context, args));
    on('xenWriteMemory', (args) => memory.xenWriteMemory(context, args));
    on('xenPageTable', (args) => inspections.pageTable(context, args));
    on('xenFrame', (args) => inspections.frame(context, args));
    on('xenTranslate', (args) => inspections.translate(context, args));
    on('xenCheckEntry', (args) => inspections.checkEntry(context, args));
    on('xenEventChannels', (args) => inspections.eventChannels(context, args));
    on('xenGrants', (args) => inspections.grants(context, args));
    on('xenDomainState', (args) => inspections.domainState(context, args));
    on('xenHypercallHistory', (args) => histories.hypercallHistory(context, args));
    on('xenXenstoreHistory', (args) => histories.xenstoreHistory(context, args));
    on('xenPlace', (args) => histories.place(context, args));
    on('xenXenstoreNode', (args) => histories.xenstoreNode(context, args));
    on('xenXenstoreConnections', () => histories.xenstoreConnections(context));
    on('xenXenstoreWrite', (args) => histories.xenstoreWrite(context, args));
    on('xenStatistics', () => views.statistics(context));
  }
}
