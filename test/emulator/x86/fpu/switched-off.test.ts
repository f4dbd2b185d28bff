import { beforeAll, describe, expect, it } from 'vitest';
import { type CaseDraft, makeCases } from '../../../cpu-vectors/case.ts';
import type { Form } from '../../../cpu-vectors/form.ts';
import { FPU_GROUPS } from '../../../cpu-vectors/groups.ts';
import { CODE } from '../../../cpu-vectors/layout.ts';
import { ProcessorUnderTest } from '../../../cpu-vectors/processor-under-test.ts';

/** SDM vol. 3, 2.5 (CR0.TS): the hypervisor switches FPU state lazily, on #NM. */
describe('CR0.TS', () => {
  let processor: ProcessorUnderTest;

  beforeAll(async () => {
    processor = await ProcessorUnderTest.create();
  });

  /** A case whose code is wholly there. */
  function usable(form: Form): CaseDraft | undefined {
    for (const draft of makeCases(form)) {
      if (!draft.lock && draft.codeAddress + draft.code.length < CODE + 0x1000) return draft;
    }
    return undefined;
  }

  it.each(FPU_GROUPS.map((group) => [group.name, group] as const))(
    '#NM for all of %s, nothing changed',
    (_name, group) => {
      const others: string[] = [];
      for (const form of group.forms) {
        const draft = form.unit === undefined ? undefined : usable(form);
        if (draft === undefined) continue;
        processor.taskSwitched = true;
        processor.write(draft.codeAddress, draft.code);
        processor.load(64, draft.gpr, draft.codeAddress, draft.flags, undefined);
        const fault = processor.step(false);
        const kept = draft.gpr.every((value, i) => processor.register(i) === value);
        const still = processor.rip === BigInt(draft.codeAddress);
        if (fault?.vector !== 7 || !kept || !still) others.push(`${form.name}: ${fault?.vector}`);
      }
      processor.taskSwitched = false;
      expect(others).toEqual([]);
    },
  );
});
