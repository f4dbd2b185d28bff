import { beforeAll, describe, expect, it } from 'vitest';
import { Checker, checkGroup, formatFailures } from './checker.ts';
import type { FormGroup } from './form.ts';
import { ProcessorUnderTest } from './processor-under-test.ts';
import { readResultFile } from './results.ts';

/**
 * Tests that replay these groups: what a real CPU did, instruction by instruction. Cases that mean the same in 32-bit
 * mode are replayed in both modes. `perForm` takes only so many cases of each form, for the quick tests.
 */
export function replay(groups: readonly FormGroup[], leastCases: number, perForm = Infinity): void {
  describe('processor against a real CPU', () => {
    let checker: Checker;
    let cases = 0;

    beforeAll(async () => {
      checker = new Checker(await ProcessorUnderTest.create());
    });

    it.each(groups.map((group) => [group.name, group] as const))(
      '%s',
      (name, group) => {
        const file = readResultFile(name);
        const { checked, failures } = checkGroup(checker, group, file, [64, 32], perForm);
        cases += file.forms.reduce((sum, form) => sum + Math.min(form.cases, perForm), 0);
        expect(formatFailures(failures)).toBe('');
        expect(checked).toBeGreaterThan(0);
      },
      120_000,
    );

    it(`has at least ${leastCases} cases`, () => {
      expect(cases).toBeGreaterThanOrEqual(leastCases);
    });
  });
}

/** The same with every block translated, for the first `perForm` cases of each form. */
export function replayTranslated(groups: readonly FormGroup[], perForm: number): void {
  describe('translator against a real CPU', () => {
    let processor: ProcessorUnderTest;
    let checker: Checker;

    beforeAll(async () => {
      processor = await ProcessorUnderTest.create(true);
      checker = new Checker(processor);
    });

    it.each(groups.map((group) => [group.name, group] as const))(
      '%s',
      (name, group) => {
        processor.endsBlocks = name === 'branches';
        const { checked, failures } = checkGroup(checker, group, readResultFile(name), [64, 32], perForm);
        expect(formatFailures(failures)).toBe('');
        expect(checked).toBeGreaterThan(0);
      },
      300_000,
    );
  });
}
