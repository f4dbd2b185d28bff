/** npm run package: dist/xenoscope-VERSION.vsix from a release build. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const MAXIMUM_BYTES = 10_000_000;

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * The project has no public address that relative links and pictures of README.md could start from, so the packaged
 * copy does without.
 */
function writeReadme(file: string): void {
  const text = readFileSync('README.md', 'utf8')
    .replaceAll(/^!\[[^\]]*\]\([^)]*\)\n\n?/gm, '')
    .replaceAll(/\[([^\]]*)\]\((?!https?:)[^)]*\)/g, '$1');
  writeFileSync(file, text);
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const out = path.join('dist', `xenoscope-${version}.vsix`);
run('run-typescript.mjs', ['extension/build/bundle.ts', '--release']);
const readme = 'dist/README.md';
writeReadme(readme);
const options = ['--no-dependencies', '--skip-license', '--allow-missing-repository', '--readme-path', readme];
run('node_modules/@vscode/vsce/vsce', ['package', ...options, '--out', out]);
const { size } = statSync(out);
console.log(`${out}  ${(size / 1e6).toFixed(2)} MB`);
if (size > MAXIMUM_BYTES) {
  console.error(`The package is larger than ${MAXIMUM_BYTES / 1e6} MB.`);
  process.exit(1);
}
