import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { baseName } from '../../dwarf/paths.ts';
import type { SessionContext } from '../context.ts';

/** DAP `loadedSources`: the files that the kernel was built from and the client can open. */
export async function loadedSources(context: SessionContext): Promise<Dap.LoadedSourcesResponse['body']> {
  if (!context.hasTarget) return { sources: [] };
  const found = new Map<string, Dap.Source>();
  for (const { info } of (await context.modules()).list) {
    for (const file of info.files) {
      const source = await sourceOf(context, file);
      if (source?.path !== undefined) found.set(source.path, source);
    }
  }
  return { sources: [...found.values()] };
}

/** A file as the client can open it; undefined: it is nowhere. */
export async function sourceOf(context: SessionContext, file: string): Promise<Dap.Source | undefined> {
  const path = await (await context.sources()).clientPath(file);
  return path === undefined ? undefined : { name: baseName(file), path };
}
