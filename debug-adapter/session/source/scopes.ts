import type { Variable } from '../../dwarf/variables.ts';
import type { SessionContext } from '../context.ts';
import type { FrameHandle, NamedVariable, VariableContainer } from '../stop-data.ts';
import { assign } from './assign.ts';
import { globalsOf, localsOf, readVariable } from './frame-variables.ts';
import type { SourceFrame } from './source-frames.ts';
import { ValueView } from './values.ts';

export interface SourceScope {
  readonly name: 'Locals' | 'Arguments' | 'Globals';
  readonly hint: 'locals' | 'arguments' | 'globals';
  readonly container: VariableContainer;
}

/** What the source of a frame names; empty where there is no debugging information. */
export function sourceScopes(context: SessionContext, handle: FrameHandle): readonly SourceScope[] {
  const { source } = handle;
  if (source === undefined) return [];
  const container = (list: () => readonly Variable[]): VariableContainer => scope(context, handle, source, list);
  const scopes: SourceScope[] = [];
  if (source.instance !== undefined) {
    const ofKind = (kind: Variable['kind']) => () => localsOf(source).filter((variable) => variable.kind === kind);
    scopes.push({ name: 'Locals', hint: 'locals', container: container(ofKind('local')) });
    if (ofKind('parameter')().length > 0) {
      scopes.push({ name: 'Arguments', hint: 'arguments', container: container(ofKind('parameter')) });
    }
  }
  if (globalsOf(source).length > 0) {
    scopes.push({ name: 'Globals', hint: 'globals', container: container(() => globalsOf(source)) });
  }
  return scopes;
}

function scope(
  context: SessionContext,
  handle: FrameHandle,
  source: SourceFrame,
  list: () => readonly Variable[],
): VariableContainer {
  const view = new ValueView(context, (name, old, text) => assign(context, handle, name, old, text));
  return {
    list: async () => {
      const symbols = await context.symbols();
      const found: NamedVariable[] = [];
      for (const [name, variable] of distinct(list())) {
        const value = await readVariable(source, variable, symbols, handle.level === 0);
        found.push(await view.named(name, value, variable.name));
      }
      return found;
    },
    set: async (name, text) => {
      const variable = distinct(list()).get(name);
      const value =
        variable === undefined
          ? undefined
          : await readVariable(source, variable, await context.symbols(), handle.level === 0);
      return await assign(context, handle, name, value, text);
    },
  };
}

/** An inner block's variable hides one of the same name, which is then told by its line. */
function distinct(variables: readonly Variable[]): ReadonlyMap<string, Variable> {
  const found = new Map<string, Variable>();
  for (const variable of variables) {
    const { name, line } = variable;
    found.set(found.has(name) ? `${name} (line ${line ?? '?'})` : name, variable);
  }
  return found;
}
