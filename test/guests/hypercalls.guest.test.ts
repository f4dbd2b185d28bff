import { describe, expect, test } from 'vitest';
import { orSkip } from '../support/skip.ts';
import { hypercallTests } from './hypercalls/build.ts';
import { rowOf } from './hypercalls/rows.ts';
import { type Outcome, runTest } from './hypercalls/run.ts';
import { SUITES, type Suite, type Width, XEN_4 } from './hypercalls/suites.ts';
import { type GuestTest, guestTests } from './hypercalls/tests.ts';

/**
 * Our own guest tests of hypercalls, in the manner of XTF: every folder of test/guests/hypercalls (and of
 * hypercalls-2.0) is a test that boots on a machine of its own and prints one verdict. What they expect is what the
 * sources of Xen 4.17 (of Xen 2.0.6) say.
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

/** Every case made the call that it is named after, or the hypervisor would know. */
function expectCalls(outcome: Outcome, guestTest: GuestTest, suite: Suite, width: Width): void {
  const row = rowOf(suite, guestTest.name);
  const made = outcome.calls.filter(({ name }) => name === row?.name);
  const commands = new Set(made.map(({ suboperation }) => `${row?.prefix ?? ''}${suboperation ?? ''}`));
  for (const { name, width: only } of guestTest.cases) {
    if (only !== undefined && only !== width) continue;
    if (row?.suboperations === undefined || name === row.name) expect(made.length, name).toBeGreaterThan(0);
    else expect(commands, name).toContain(name);
  }
}

const KERNELS = SUITES.flatMap((suite) =>
  suite.widths.map((width) => [`Xen ${suite.abi}, pv${width}`, suite, width] as const),
);

/** Grants, event channels and all else that passes from one domain to another, both ways round. */
describe('Xen 4, a 64-bit and a 32-bit domain', () => {
  const orders = [
    [64, 32],
    [32, 64],
  ] as const;
  for (const guestTest of guestTests().filter(({ domains, widths }) => domains === 2 && widths.length === 2)) {
    test.for(orders)(`${guestTest.name}: pv%i beside pv%i`, async (widths, context) => {
      const images = orSkip(context, () => widths.map((width) => hypercallTests(width)));
      const [ending] = guestTest.endings;
      const outcome = await runTest(images, XEN_4, guestTest, ending ?? { word: undefined, kind: 'poweroff' });
      expectVerdicts(outcome, guestTest, ending?.kind ?? 'poweroff');
    });
  }
});

describe.each(KERNELS)('%s', (_, suite, width) => {
  for (const guestTest of guestTests(suite).filter(({ widths }) => widths.includes(width))) {
    for (const ending of guestTest.endings) {
      test(ending.word === undefined ? guestTest.name : `${guestTest.name}, ${ending.word}`, async (context) => {
        const image = orSkip(context, () => hypercallTests(width, suite));
        const outcome = await runTest(image, suite, guestTest, ending);
        expectVerdicts(outcome, guestTest, ending.kind);
        // iret leaves no record: it has no result. A run with an ending of its own makes its last call, which has none.
        if (ending.word === undefined && guestTest.name !== 'iret') expectCalls(outcome, guestTest, suite, width);
      });
    }
  }
});
