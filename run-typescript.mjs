/**
 * node run-typescript.mjs FILE [ARGUMENT…] — runs a TypeScript program under Node 20, which does not strip types
 * itself. Bundles into node_modules/.cache, so that packages resolve as usual. Programs use the working directory
 * (npm sets it to the root of the checkout) instead of import.meta.url. In a fresh clone it installs the packages first,
 * so that `npm start` and `npm test` are all that anybody has to type.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node run-typescript.mjs FILE [ARGUMENT…]');
  process.exit(2);
}
if (!existsSync('node_modules/esbuild')) {
  console.log('First use of this checkout: npm ci');
  const { status } = spawnSync('npm ci --no-audit --no-fund', { stdio: 'inherit', shell: true });
  if (status !== 0) process.exit(status ?? 1);
}
const { build } = await import('esbuild');
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
