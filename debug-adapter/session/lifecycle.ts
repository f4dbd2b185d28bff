import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/user-error.ts';
import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { DomainOptions, TargetOptions } from '../../emulator/debug/target-options.ts';
import type { XenInitializeArguments, XenLaunchArguments } from '../protocol/custom-requests.ts';
import { alreadyLaunched, attachUnsupported, badLaunchKey, bootFailed, nothingToBoot } from '../protocol/errors.ts';
import type { DomainKeys, LaunchConfiguration } from '../protocol/launch-configuration.ts';
import { rearm } from './breakpoints.ts';
import { COMPLETION_TRIGGERS } from './completions.ts';
import { forwardConsole, forwardTrace } from './console.ts';
import type { SessionContext } from './context.ts';
import { EXCEPTION_FILTERS } from './exception-filters.ts';
import { handleEnd, handleFailure, handleStop, reportTerminated } from './stops.ts';

export function initialize(context: SessionContext, args: XenInitializeArguments): Promise<Dap.Capabilities> {
  context.client = args;
  return Promise.resolve({
    supportsConfigurationDoneRequest: true,
    supportsFunctionBreakpoints: true,
    supportsConditionalBreakpoints: true,
    supportsHitConditionalBreakpoints: true,
    supportsLogPoints: true,
    supportsBreakpointLocationsRequest: true,
    supportsGotoTargetsRequest: true,
    supportsInstructionBreakpoints: true,
    supportsDataBreakpoints: true,
    supportsDataBreakpointBytes: true,
    exceptionBreakpointFilters: [...EXCEPTION_FILTERS],
    supportsExceptionFilterOptions: true,
    supportsExceptionInfoRequest: true,
    supportsEvaluateForHovers: true,
    supportsSetVariable: true,
    supportsSetExpression: true,
    supportsCompletionsRequest: true,
    completionTriggerCharacters: [...COMPLETION_TRIGGERS],
    supportsReadMemoryRequest: true,
    supportsWriteMemoryRequest: true,
    supportsDisassembleRequest: true,
    supportsSteppingGranularity: true,
    supportsModulesRequest: true,
    supportsLoadedSourcesRequest: true,
    supportsDelayedStackTraceLoading: true,
    supportsRestartRequest: true,
    supportsTerminateRequest: true,
    supportTerminateDebuggee: true,
  });
}

export function attach(): Promise<undefined> {
  return Promise.reject(attachUnsupported());
}

/** Builds the machine and asks for the configuration; it runs after `configurationDone`. */
export async function launch(context: SessionContext, args: XenLaunchArguments): Promise<undefined> {
  if (context.hasTarget) throw alreadyLaunched();
  context.configuration = args;
  await boot(context);
  context.send('initialized');
  return undefined;
}

export async function configurationDone(context: SessionContext): Promise<undefined> {
  context.started = true;
  await letGo(context);
  return undefined;
}

/** Reads everything anew, a rebuilt kernel included, and starts over. */
export async function restart(context: SessionContext, args: Dap.RestartArguments | undefined): Promise<undefined> {
  const changed = args?.arguments as XenLaunchArguments | undefined;
  if (changed !== undefined) context.configuration = { ...context.configuration, ...changed };
  await context.releaseTarget();
  await boot(context);
  if (context.configuration?.noDebug !== true) await rearm(context);
  await letGo(context);
  return undefined;
}

export async function terminate(context: SessionContext): Promise<undefined> {
  await context.releaseTarget();
  reportTerminated(context);
  return undefined;
}

export async function disconnect(context: SessionContext): Promise<undefined> {
  await context.releaseTarget();
  return undefined;
}

async function boot(context: SessionContext): Promise<void> {
  const options = targetOptions(context.configuration ?? {});
  const target = await withProgress(context, 'Unpacking the kernel', () => createTarget(context, options));
  context.terminated = false;
  const subscriptions = context.adopt(target);
  const threads = await target.threads();
  const name = threads[0]?.name.replace(/\/\d+$/, '') ?? 'domain';
  context.send('process', { name, startMethod: 'launch', isLocalProcess: false, pointerSize: 64 });
  for (const line of await target.notices()) context.output('important', `${line}\n`);
  const { hypercalls, xenstore } = context.historyLimits;
  if (hypercalls + xenstore > 0) await target.setHistoryLimits(context.historyLimits);
  forwardConsole(context, target, subscriptions);
  forwardTrace(context, target, subscriptions);
  subscriptions.add(target.onStopped((event) => void handleStop(context, target, event)));
  subscriptions.add(target.onFailed((reason) => handleFailure(context, reason)));
  subscriptions.add(target.onEnded((end) => handleEnd(context, end)));
}

/** A machine that has just been built starts, or reports that it stands at its entry. */
async function letGo(context: SessionContext): Promise<void> {
  const target = context.target;
  const { stopOnEntry, noDebug } = context.configuration ?? {};
  if (stopOnEntry !== true || noDebug === true) return await target.resume();
  const [first] = await target.threads();
  const vcpu = first?.vcpu ?? 0;
  const { rip } = (await target.registers(vcpu)).general;
  await handleStop(context, target, {
    reason: 'entry',
    vcpu,
    breakpoints: [],
    rip: rip ?? '0x0',
    instructions: 0,
    text: 'before the first instruction',
    final: false,
  });
}

let nextProgress = 1;

/** For clients that show progress: a kernel of 60 MB takes seconds to unpack. */
async function withProgress<T>(context: SessionContext, title: string, work: () => Promise<T>): Promise<T> {
  if (context.client.supportsProgressReporting !== true) return await work();
  const progressId = `xenoscope-${nextProgress++}`;
  context.send('progressStart', { progressId, title });
  try {
    return await work();
  } finally {
    context.send('progressEnd', { progressId });
  }
}

async function createTarget(context: SessionContext, options: TargetOptions): Promise<DebugTarget> {
  try {
    return await context.host.createTarget(options);
  } catch (error) {
    if (error instanceof UserError) throw bootFailed(error.id, error.message, error.hint);
    throw error;
  }
}

const TRACE_CATEGORIES: readonly string[] = ['hypercalls', 'events', 'grants', 'exceptions', 'xenstore', 'control'];

/** The launch configuration as options of the machine. Throws `ProtocolError` on values that make no sense. */
export function targetOptions(configuration: LaunchConfiguration): TargetOptions {
  const { config, domains, cwd, pace, trace, seed, sourceMap } = configuration;
  requireKind('cwd', cwd, 'string');
  if (pace !== undefined && pace !== 'wall' && pace !== 'free') throw badLaunchKey('pace', '"wall" or "free"');
  if (trace !== undefined && (!isTextList(trace) || trace.some((name) => !TRACE_CATEGORIES.includes(name)))) {
    throw badLaunchKey('trace', `a list out of ${TRACE_CATEGORIES.join(', ')}`);
  }
  requireKind('seed', seed, 'number');
  if (sourceMap !== undefined && !isTextMap(sourceMap)) throw badLaunchKey('sourceMap', 'an object of paths');
  requireKind('config', config, 'string');
  if (domains !== undefined && !Array.isArray(domains)) throw badLaunchKey('domains', 'a list');
  const list = domains ?? [config ?? configuration];
  if (list.length === 0) throw nothingToBoot();
  return {
    domains: list.map((entry) => (typeof entry === 'string' ? { kind: 'file', path: entry } : inlineDomain(entry))),
    folder: cwd,
    pace: pace ?? 'wall',
    trace: trace ?? [],
    seed,
  };
}

function inlineDomain(keys: DomainKeys): DomainOptions {
  const { name, kernel, ramdisk, cmdline, memory, vcpus, disks, vifs, abi } = keys;
  for (const [key, value] of Object.entries({ name, kernel, ramdisk, cmdline })) requireKind(key, value, 'string');
  for (const [key, value] of Object.entries({ memory, vcpus })) requireKind(key, value, 'number');
  for (const [key, value] of Object.entries({ disks, vifs })) {
    if (value !== undefined && !isTextList(value)) throw badLaunchKey(key, 'a list of xl specifications');
  }
  if (abi !== undefined && !['1.2', '2.0', '4'].includes(abi)) throw badLaunchKey('abi', '"1.2", "2.0" or "4"');
  if (kernel === undefined || kernel === '') throw nothingToBoot();
  return {
    kind: 'inline',
    name,
    kernel,
    ramdisk: ramdisk === '' ? undefined : ramdisk,
    cmdline: cmdline ?? '',
    memory,
    vcpus,
    disks: disks ?? [],
    vifs: vifs ?? [],
    abi,
  };
}

function requireKind(key: string, value: unknown, kind: 'string' | 'number'): void {
  if (value !== undefined && typeof value !== kind) throw badLaunchKey(key, kind === 'string' ? 'text' : 'a number');
}

const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');
const isTextMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string');
