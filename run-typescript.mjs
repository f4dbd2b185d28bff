/**
 * node run-typescript.mjs FILE [ARGUMENT…] — runs a TypeScript program under Node 20, which does not strip types
 * itself. Bundles into node_modules/.cache, so that packages resolve as usual. Programs use the working directory
 * (npm sets it to the root of the checkout) instead of import.meta.url.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node run-typescript.mjs FILE [ARGUMENT…]');
  process.exit(2);
}
const folder = path.resolve('node_modules/.cache/run-typescript');
mkdirSync(folder, { recursive: true });
const outfile = path.join(folder, `${file.replaceAll(/[^\w.-]/g, '_')}.${process.pid}.mjs`);
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.argv = [process.argv[0], path.resolve(file), ...rest];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(outfile).href);
