import { describe, expect, test } from 'vitest';
import { orSkip } from '../support/skip.ts';
import { hypercallTests } from './hypercalls/build.ts';
import { type Outcome, runTest } from './hypercalls/run.ts';
import { type GuestTest, guestTests } from './hypercalls/tests.ts';

/**
 * Our own guest tests of hypercalls, in the manner of XTF: every folder of test/guests/hypercalls is a test that boots on
 * a machine of its own and prints one verdict. What they expect is what Xen 4.17's sources say.
 */
function report(outcome: Outcome): string {
  const consoles = outcome.domains.map(
    ({ console, end, reason }) => `${console}\nended: ${end ?? 'never'} (${reason})`,
  );
  return [...consoles, ...outcome.notices.slice(-20)].join('\n');
}

function expectVerdicts(outcome: Outcome, guestTest: GuestTest, ending: string): void {
  for (const domain of outcome.domains) {
    expect(domain.verdict, report(outcome)).toBe(`hypercalls/${guestTest.name}: SUCCESS`);
    expect(domain.end, report(outcome)).toBe(ending);
  }
}

describe.each([64, 32] as const)('pv%i', (width) => {
  for (const guestTest of guestTests().filter(({ widths }) => widths.includes(width))) {
    for (const ending of guestTest.endings) {
      test(ending.word === undefined ? guestTest.name : `${guestTest.name}, ${ending.word}`, async (context) => {
        const image = orSkip(context, () => hypercallTests(width));
        expectVerdicts(await runTest(image, guestTest, ending), guestTest, ending.kind);
      });
    }
  }
});
