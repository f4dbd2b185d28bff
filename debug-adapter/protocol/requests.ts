import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { XenInitializeArguments, XenLaunchArguments, XenRequests } from './custom-requests.ts';

interface Request<Arguments, Body> {
  readonly arguments: Arguments;
  readonly body: Body;
}

/** Every request the adapter answers, with the types of arguments and body. */
export interface Requests extends XenRequests {
  readonly initialize: Request<XenInitializeArguments, Dap.Capabilities>;
  readonly launch: Request<XenLaunchArguments, undefined>;
  readonly attach: Request<Dap.AttachRequestArguments, undefined>;
  readonly configurationDone: Request<undefined, undefined>;
  readonly restart: Request<Dap.RestartArguments | undefined, undefined>;
  readonly terminate: Request<Dap.TerminateArguments | undefined, undefined>;
  readonly disconnect: Request<Dap.DisconnectArguments | undefined, undefined>;

  readonly setBreakpoints: Request<Dap.SetBreakpointsArguments, Dap.SetBreakpointsResponse['body']>;
  readonly breakpointLocations: Request<
    Dap.BreakpointLocationsArguments,
    NonNullable<Dap.BreakpointLocationsResponse['body']>
  >;
  readonly gotoTargets: Request<Dap.GotoTargetsArguments, Dap.GotoTargetsResponse['body']>;
  readonly goto: Request<Dap.GotoArguments, undefined>;
  readonly setFunctionBreakpoints: Request<
    Dap.SetFunctionBreakpointsArguments,
    Dap.SetFunctionBreakpointsResponse['body']
  >;
  readonly setInstructionBreakpoints: Request<
    Dap.SetInstructionBreakpointsArguments,
    Dap.SetInstructionBreakpointsResponse['body']
  >;
  readonly setExceptionBreakpoints: Request<
    Dap.SetExceptionBreakpointsArguments,
    Dap.SetExceptionBreakpointsResponse['body']
  >;

  readonly dataBreakpointInfo: Request<Dap.DataBreakpointInfoArguments, Dap.DataBreakpointInfoResponse['body']>;
  readonly setDataBreakpoints: Request<Dap.SetDataBreakpointsArguments, Dap.SetDataBreakpointsResponse['body']>;

  readonly threads: Request<undefined, Dap.ThreadsResponse['body']>;
  readonly continue: Request<Dap.ContinueArguments, Dap.ContinueResponse['body']>;
  readonly pause: Request<Dap.PauseArguments, undefined>;
  readonly next: Request<Dap.NextArguments, undefined>;
  readonly stepIn: Request<Dap.StepInArguments, undefined>;
  readonly stepOut: Request<Dap.StepOutArguments, undefined>;

  readonly stackTrace: Request<Dap.StackTraceArguments, Dap.StackTraceResponse['body']>;
  readonly scopes: Request<Dap.ScopesArguments, Dap.ScopesResponse['body']>;
  readonly variables: Request<Dap.VariablesArguments, Dap.VariablesResponse['body']>;
  readonly setVariable: Request<Dap.SetVariableArguments, Dap.SetVariableResponse['body']>;
  readonly exceptionInfo: Request<Dap.ExceptionInfoArguments, Dap.ExceptionInfoResponse['body']>;
  readonly evaluate: Request<Dap.EvaluateArguments, Dap.EvaluateResponse['body']>;
  readonly setExpression: Request<Dap.SetExpressionArguments, Dap.SetExpressionResponse['body']>;
  readonly completions: Request<Dap.CompletionsArguments, Dap.CompletionsResponse['body']>;
  readonly readMemory: Request<Dap.ReadMemoryArguments, NonNullable<Dap.ReadMemoryResponse['body']>>;
  readonly writeMemory: Request<Dap.WriteMemoryArguments, NonNullable<Dap.WriteMemoryResponse['body']>>;
  readonly disassemble: Request<Dap.DisassembleArguments, NonNullable<Dap.DisassembleResponse['body']>>;
  readonly modules: Request<Dap.ModulesArguments, Dap.ModulesResponse['body']>;
  readonly loadedSources: Request<Dap.LoadedSourcesArguments | undefined, Dap.LoadedSourcesResponse['body']>;
}

export type Command = keyof Requests;
export type Handler<C extends Command> = (args: Requests[C]['arguments']) => Promise<Requests[C]['body']>;
