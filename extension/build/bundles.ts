import { existsSync } from 'node:fs';
import type { BuildOptions } from 'esbuild';
import { VIEW_NAMES } from '../manifest/identifiers.ts';
import { portableIced } from './iced-x86.ts';

/** Where extension/host gets its machine from; tests put a scripted one in its place. */
const TARGET_MODULE = 'extension/host/target.ts';

export interface BundleChoices {
  /** Folder of the results. */
  readonly out: string;
  readonly minify: boolean;
  /** Module to use instead of extension/host/target.ts. */
  readonly target?: string;
}

/** Every bundle of the product: what goes in, what comes out, and for which platform. */
export function bundles({ out, minify, target }: BundleChoices): readonly BuildOptions[] {
  const shared: BuildOptions = {
    bundle: true,
    target: 'es2022',
    // Folds `export const EVTCHNOP_send = 4` into its users, across files.
    minifySyntax: true,
    minify,
    sourcemap: minify ? false : 'linked',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    plugins: [portableIced, ...(target === undefined ? [] : [replace(TARGET_MODULE, target)])],
  };
  const all: readonly BuildOptions[] = [
    {
      ...shared,
      entryPoints: ['extension/host/main-desktop.ts'],
      outfile: `${out}/extension.cjs`,
      platform: 'node',
      format: 'cjs',
      external: ['vscode'],
    },
    {
      ...shared,
      entryPoints: ['extension/host/main-web.ts'],
      outfile: `${out}/extension-web.js`,
      platform: 'browser',
      format: 'cjs',
      external: ['vscode'],
    },
    {
      ...shared,
      entryPoints: ['emulator/worker/node/machine-worker.ts'],
      outfile: `${out}/worker/machine-worker.cjs`,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
    },
    ...['memory', 'rings', ...VIEW_NAMES].map(
      (panel): BuildOptions => ({
        ...shared,
        entryPoints: [`extension/webview/panels/${panel}/main.ts`],
        outfile: `${out}/webview/${panel}.js`,
        platform: 'browser',
        format: 'iife',
      }),
    ),
    {
      ...shared,
      entryPoints: ['debug-adapter/cli/main.ts'],
      outfile: `${out}/cli/xenoscope.mjs`,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      banner: { js: '#!/usr/bin/env node' },
    },
  ];
  return all.filter(({ entryPoints }) => (entryPoints as string[]).every((file) => existsSync(file)));
}

function replace(module: string, substitute: string): NonNullable<BuildOptions['plugins']>[number] {
  const name = module.slice(module.lastIndexOf('/'));
  return {
    name: 'replace-target',
    setup(build) {
      build.onResolve({ filter: /\/target\.ts$/ }, ({ path, importer, resolveDir }) => {
        const isHost = /[\\/]extension[\\/]host[\\/]/.test(importer) && path === `.${name}`;
        return isHost && resolveDir.endsWith('host') ? { path: substitute } : undefined;
      });
    },
  };
}
