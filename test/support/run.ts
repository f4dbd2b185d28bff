/**
 * npm test [-- --project NAME]… [FILTER]…
 *
 * Builds and packages, then runs every kind of test that this machine can; what is absent is skipped and named.
 * Nothing is installed outside the checkout and the cache folder.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { ClosingReporter } from './reporter.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { project: { type: 'string', multiple: true, default: ['quick', 'slow', 'guest', 'end-to-end'] } },
});

const { status } = spawnSync(process.execPath, ['run-typescript.mjs', 'extension/build/package.ts'], {
  stdio: 'inherit',
});
if (status !== 0) {
  console.log('\n0 passed, 1 failed, 0 skipped');
  process.exit(1);
}

const vitest = await startVitest('test', positionals, {
  project: values.project,
  reporters: ['default', new ClosingReporter()],
  watch: false,
  run: true,
});
await vitest.close();
