import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

/** Builds the file-system extension that shows a served folder in the web workbench. The folder it lies in. */
export async function assembleFileSystem(): Promise<string> {
  const folder = path.resolve('node_modules/.cache/xenoscope-file-system');
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: ['extension/workbench/file-system/extension.ts'],
    outfile: path.join(folder, 'extension.js'),
    bundle: true,
    platform: 'browser',
    format: 'cjs',
    external: ['vscode'],
    logLevel: 'warning',
  });
  copyFileSync('extension/workbench/file-system/package.json', path.join(folder, 'package.json'));
  return folder;
}
