/** npm run build [-- --release]: every bundle into dist/. */
import { chmodSync, existsSync } from 'node:fs';
import { build } from 'esbuild';
import { bundles } from './bundles.ts';

const minify = process.argv.includes('--release');
for (const options of bundles({ out: 'dist', minify })) {
  const { metafile } = await build(options);
  for (const [file, { bytes }] of Object.entries(metafile?.outputs ?? {})) {
    if (!file.endsWith('.map')) console.log(`${file}  ${(bytes / 1024).toFixed(0)} KiB`);
  }
}
const cli = 'dist/cli/xenoscope.mjs';
if (existsSync(cli)) chmodSync(cli, 0o755);
