import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/**
 * Names every skipped test with what it needs, and closes with the one line that counts: "N passed, N failed,
 * N skipped". Under CI nothing may be skipped.
 */
export class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    const failed = tests.filter((test) => test.result().state === 'failed').length;
    const passed = tests.filter((test) => test.result().state === 'passed').length;
    // A file that could not even be loaded, or an error between tests, counts as a failure too.
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    if (skipped.length > 0) console.log('\nSkipped:');
    for (const test of skipped) console.log(`  ${test.fullName}: ${reasonOf(test)}`);
    if (process.env.CI === 'true' && skipped.length > 0) {
      console.log('In CI nothing may be skipped: .ci/run has to install what these need.');
      process.exitCode = 1;
    }
    console.log(`\n${passed} passed, ${failed + broken} failed, ${skipped.length} skipped`);
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === 'skipped' ? (result.note ?? 'no reason given') : '';
}
