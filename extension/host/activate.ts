import * as vscode from 'vscode';
import type {
  XenConsoleEventBody,
  XenDomainEndedEventBody,
  XenTraceEventBody,
} from '../../debug-adapter/protocol/custom-requests.ts';
import { commands, DEBUG_TYPE, views as viewIds } from '../manifest/identifiers.ts';
import { addBreakpoint } from './breakpoints/add-breakpoint.ts';
import { bootFile, registerConfigurationProviders } from './configuration/provider.ts';
import { Terminals } from './console/terminals.ts';
import { attachDevice, controlDomain, detachDevice } from './devices.ts';
import { expressionOf, MemoryPanel } from './panels/memory.ts';
import { RingsView } from './panels/rings.ts';
import { ViewPanels } from './panels/view-panels.ts';
import { openSample } from './sample.ts';
import { activeXenSession, SessionTracker } from './session-tracker.ts';

/** Makes the debug adapter of one session; the desktop and the web host differ only in this. */
export type CreateAdapter = (session: vscode.DebugSession) => vscode.DebugAdapterDescriptor;

/** Composition of everything, the same in both hosts. */
export function activate(context: vscode.ExtensionContext, createAdapter: CreateAdapter): void {
  const own = <T extends vscode.Disposable>(item: T): T => {
    context.subscriptions.push(item);
    return item;
  };
  const terminals = own(new Terminals());
  const tracker = own(new SessionTracker());
  const rings = own(new RingsView(context.extensionUri, tracker));

  own(registerConfigurationProviders());
  own(
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, {
      createDebugAdapterDescriptor: (session) => {
        terminals.open(session);
        return createAdapter(session);
      },
    }),
  );
  own(vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => receive(terminals, event)));
  own(vscode.debug.onDidTerminateDebugSession((session) => terminals.close(session)));
  own(vscode.window.registerWebviewViewProvider(viewIds.rings, rings));

  const openMemory = (expression: string): void => {
    own(new MemoryPanel(context.extensionUri, tracker, { expression, space: 'virtual' }));
  };
  const command = (id: string, run: (argument: unknown) => unknown): void => {
    own(vscode.commands.registerCommand(id, run));
  };
  command(commands.addBreakpoint, () => addBreakpoint());
  command(commands.bootFile, (uri) => bootFile(uri instanceof vscode.Uri ? uri : undefined));
  command(commands.openMemory, () => openMemory('rsp'));
  command(commands.openMemoryOfVariable, (row) => openMemory(expressionOf(row) ?? 'rsp'));
  const views = own(
    new ViewPanels(context.extensionUri, tracker, (location) => {
      own(new MemoryPanel(context.extensionUri, tracker, location, vscode.ViewColumn.One));
    }),
  );
  command(commands.openView, () => views.pick());
  command(commands.openPageTables, () => views.open('page-tables'));
  command(commands.openGrants, () => views.open('grants'));
  command(commands.openEventChannels, () => views.open('event-channels'));
  command(commands.openHypercalls, () => views.open('hypercalls'));
  command(commands.openDomainState, () => views.open('domain'));
  command(commands.openXenstore, () => views.open('xenstore'));
  command(commands.attachDevice, () => attachDevice());
  command(commands.detachDevice, () => detachDevice());
  command(commands.controlDomain, () => controlDomain());
  command(commands.openSample, () => openSample(context));
  command(commands.showConsole, () => {
    const session = activeXenSession();
    if (session !== undefined) terminals.focus(session);
  });
}

function receive(terminals: Terminals, { session, event, body }: vscode.DebugSessionCustomEvent): void {
  if (session.type !== DEBUG_TYPE) return;
  if (event === 'xenConsole') terminals.write(session, body as XenConsoleEventBody);
  else if (event === 'xenDomainEnded') terminals.domainEnded(session, body as XenDomainEndedEventBody);
  else if (event === 'xenTrace') vscode.debug.activeDebugConsole.appendLine((body as XenTraceEventBody).text);
}
