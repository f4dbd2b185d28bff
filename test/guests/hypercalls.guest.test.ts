import { describe, expect, test } from 'vitest';
import { HYPERCALL_ROWS } from '../../emulator/xen/hypercall/table.ts';
import { orSkip } from '../support/skip.ts';
import { hypercallTests, type Width } from './hypercalls/build.ts';
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

/** Every case made the call that it is named after, or the hypervisor would know. */
function expectCalls(outcome: Outcome, guestTest: GuestTest, width: Width): void {
  const row = HYPERCALL_ROWS.find(({ name }) => guestTest.name.split('/')[0] === name.replaceAll('_', '-'));
  const made = outcome.calls.filter(({ name }) => name === row?.name);
  const commands = new Set(made.map(({ suboperation }) => `${row?.prefix ?? ''}${suboperation ?? ''}`));
  for (const { name, width: only } of guestTest.cases) {
    if (only !== undefined && only !== width) continue;
    if (row?.suboperations === undefined || name === row.name) expect(made.length, name).toBeGreaterThan(0);
    else expect(commands, name).toContain(name);
  }
}

describe.each([64, 32] as const)('pv%i', (width) => {
  for (const guestTest of guestTests().filter(({ widths }) => widths.includes(width))) {
    for (const ending of guestTest.endings) {
      test(ending.word === undefined ? guestTest.name : `${guestTest.name}, ${ending.word}`, async (context) => {
        const image = orSkip(context, () => hypercallTests(width));
        const outcome = await runTest(image, guestTest, ending);
        expectVerdicts(outcome, guestTest, ending.kind);
        // iret leaves no record: it has no result. A run with an ending of its own makes its last call, which has none.
        if (ending.word === undefined && guestTest.name !== 'iret') expectCalls(outcome, guestTest, width);
      });
    }
  }
});
