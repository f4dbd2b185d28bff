import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../../manifest/identifiers.ts';
import { type FoundImage, findImages, recognize } from './find-images.ts';
import { resolvePaths } from './resolve-paths.ts';

/** Registers what F5 asks: for launch.json, for the list of what could be run, and for the last word on a launch. */
export function registerConfigurationProviders(): vscode.Disposable {
  const initial: vscode.DebugConfigurationProvider = {
    provideDebugConfigurations: offerImages,
    resolveDebugConfiguration: resolve,
  };
  const dynamic: vscode.DebugConfigurationProvider = { provideDebugConfigurations: offerImages };
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, initial, Initial),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, dynamic, Dynamic),
  );
}

/** Command "Boot with Xenoscope" on a file of the explorer, or on one that the user picks. */
export async function bootFile(uri: vscode.Uri | undefined): Promise<void> {
  const chosen = uri ?? (await vscode.window.showOpenDialog({ title: 'Boot which kernel or xl.cfg?' }))?.[0];
  if (chosen === undefined) return;
  const name = chosen.path.slice(chosen.path.lastIndexOf('/') + 1);
  const kind = (await recognize(chosen, name)) ?? (name.endsWith('.cfg') ? 'config' : 'elf');
  const folder = vscode.workspace.getWorkspaceFolder(chosen);
  await vscode.debug.startDebugging(folder, configurationFor({ uri: chosen, kind, path: name }, chosen.toString()));
}

async function offerImages(
  folder: vscode.WorkspaceFolder | undefined,
  token?: vscode.CancellationToken,
): Promise<vscode.DebugConfiguration[]> {
  if (folder === undefined) return [];
  const images = await findImages(folder, token);
  return images.map((image) => configurationFor(image, `\${workspaceFolder}/${image.path}`));
}

function configurationFor(image: FoundImage, path: string): vscode.DebugConfiguration {
  const start = { type: DEBUG_TYPE, request: 'launch', name: `Boot ${image.path}` };
  if (image.kind === 'config') return { ...start, config: path };
  // A Linux console is silent without a command line that names it; other kernels do not mind.
  return image.kind === 'bzImage'
    ? { ...start, kernel: path, cmdline: 'console=hvc0 earlyprintk=xen', memory: 256 }
    : { ...start, kernel: path, memory: 256 };
}

async function resolve(
  folder: vscode.WorkspaceFolder | undefined,
  configuration: vscode.DebugConfiguration,
): Promise<vscode.DebugConfiguration | undefined> {
  const isEmpty = configuration.type === undefined && configuration.request === undefined;
  const chosen = isEmpty ? await chooseImage(folder) : configuration;
  if (chosen === undefined) return undefined;
  const root = folder ?? vscode.workspace.workspaceFolders?.[0];
  if (root === undefined) return chosen;
  const resolved = resolvePaths(chosen, (relative) => vscode.Uri.joinPath(root.uri, relative).toString());
  // The console has a terminal of its own, so its text need not appear in the debug console as well.
  const ours = { cwd: chosen.cwd ?? root.uri.toString(), consoleOutput: chosen.consoleOutput ?? false };
  return { ...resolved, ...identityOf(chosen), ...ours };
}

function identityOf({ type, request, name }: vscode.DebugConfiguration): vscode.DebugConfiguration {
  return { type, request, name };
}

/** F5 without a launch.json. */
async function chooseImage(folder: vscode.WorkspaceFolder | undefined): Promise<vscode.DebugConfiguration | undefined> {
  const offers = await offerImages(folder ?? vscode.workspace.workspaceFolders?.[0]);
  const [only] = offers;
  if (only === undefined) return explainNothingFound();
  if (offers.length === 1) return only;
  const items = offers.map((offer) => ({ label: offer.name, description: offer.config ?? offer.kernel, offer }));
  const picked = await vscode.window.showQuickPick(items, { title: 'Boot which domain?', matchOnDescription: true });
  return picked?.offer;
}

async function explainNothingFound(): Promise<undefined> {
  const where =
    vscode.workspace.workspaceFolders === undefined ? 'No folder is open' : 'This folder holds no Xen kernel';
  const message =
    `${where}: Xenoscope looks for ELF files with Xen notes or a __xen_guest section, for bzImages, and for xl.cfg ` +
    'files. Put one here, name one as "kernel" in launch.json, or look at the sample first.';
  const openSample = 'Open the Sample';
  const answer = await vscode.window.showInformationMessage(message, openSample, 'Choose a Kernel…');
  if (answer === openSample) await vscode.commands.executeCommand('xenoscope.openSample');
  else if (answer !== undefined) await vscode.commands.executeCommand('xenoscope.bootFile');
  return undefined;
}
