import { beforeAll, describe, expect, it } from 'vitest';
import { Checker, checkGroup, formatFailures } from '../../cpu-vectors/checker.ts';
import { GROUPS } from '../../cpu-vectors/groups.ts';
import { ProcessorUnderTest } from '../../cpu-vectors/processor-under-test.ts';
import { readResultFile } from '../../cpu-vectors/results.ts';

/**
 * What a real CPU did, instruction by instruction (test/cpu-vectors). Cases that mean the same in 32-bit mode are
 * replayed in both modes.
 */
describe('processor against a real CPU', () => {
  let checker: Checker;
  let cases = 0;

  beforeAll(async () => {
    checker = new Checker(await ProcessorUnderTest.create());
  });

  it.each(GROUPS.map((group) => [group.name, group] as const))(
    '%s',
    (name, group) => {
      const file = readResultFile(name);
      const { checked, failures } = checkGroup(checker, group, file, [64, 32]);
      cases += file.forms.reduce((sum, form) => sum + form.cases, 0);
      expect(formatFailures(failures)).toBe('');
      expect(checked).toBeGreaterThan(0);
    },
    120_000,
  );

  it('has at least 200,000 cases', () => {
    expect(cases).toBeGreaterThan(200_000);
  });
});
