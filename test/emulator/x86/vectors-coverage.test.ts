import { describe, expect, it } from 'vitest';
import { RAM_BASE, RECORDS } from '../../../emulator/x86/cpu/layout.ts';
import { DECODED, Decoder } from '../../../emulator/x86/decoder/decoder.ts';
import { buildForms } from '../../../emulator/x86/interpreter/forms.ts';
import type { Form } from '../../../emulator/x86/interpreter/operands.ts';
import { makeCases } from '../../cpu-vectors/case.ts';
import { GROUPS } from '../../cpu-vectors/groups.ts';

/** Rows of 64-bit mode without recorded cases, and why; they have hand-made tests in cpu/ and isa/. */
const WITHOUT_CASES: Readonly<Record<string, string>> = {
  'pop fs': 'would take the recording program its thread pointer',
  'pop gs': 'would take the recording program its segment base',
  lfs: 'as pop fs',
  lgs: 'as pop gs',
  lss: 'stack segments are those of the recording kernel',
  iret: 'descriptors are those of the recording kernel',
  retf: 'as iret',
  callf: 'as iret',
  jmpf: 'as iret',
  int1: 'indistinguishable from the single step of the recording',
  int: 'ends in the recording kernel',
  syscall: 'ends in the recording kernel',
  sysenter: 'ends in the recording kernel',
  cpuid: 'the hypervisor answers',
  rdtsc: 'the hypervisor answers',
  sldt: 'UMIP: depends on the recording kernel',
  str: 'UMIP',
  sgdt: 'UMIP',
  sidt: 'UMIP',
  smsw: 'UMIP',
  monitor: 'privileged',
  mwait: 'privileged',
  rdpmc: 'privileged as the recording kernel has it',
  sysexit: 'privileged',
  rsm: 'undefined outside system-management mode',
};

/** Forms of rows that do have cases. */
function isExempt(form: Form): boolean {
  const { name, encoding } = form.row;
  if (name === 'bswap') return form.size === 16; // the result is undefined
  if (/^(ud0|ud1|lldt|ltr|lmsw)$/.test(name)) return true; // register and memory forms alike fault at once
  if (/^0F 2[0-3]/.test(encoding)) return true; // both directions fault at once
  if (encoding === '0F 1E /r') return true; // shadow-stack hints where that exists
  // REX.W changes nothing.
  return form.size === 64 && /^(in|out|ins|outs|fldenv|fnstenv|frstor|fnsave)$/.test(name);
}

function rowName(form: Form): string {
  if (form.row.encoding === '0F A1') return 'pop fs';
  if (form.row.encoding === '0F A9') return 'pop gs';
  return form.row.name;
}

describe('recorded cases', () => {
  it('reach every form of 64-bit mode that ring 3 can run', () => {
    const memory = new WebAssembly.Memory({ initial: (RAM_BASE >> 16) + 1 });
    const bytes = new Uint8Array(memory.buffer);
    const forms = buildForms(64);
    const decoder = new Decoder(memory, 64, forms);
    const reached = new Set<Form | undefined>();
    for (const group of GROUPS) {
      for (const form of group.forms) {
        let count = 0;
        for (const draft of makeCases(form)) {
          if (count++ === 40) break;
          bytes.fill(0, RAM_BASE, RAM_BASE + 32);
          bytes.set(draft.code, RAM_BASE);
          if (decoder.decode(RAM_BASE, 15, 0, RECORDS) === DECODED) reached.add(decoder.form);
        }
      }
    }
    const missing = forms.forms.filter((form) => !reached.has(form) && !isExempt(form));
    const unexplained = missing.filter((form) => WITHOUT_CASES[rowName(form)] === undefined);
    expect(unexplained.map((form) => `${form.row.encoding} ${form.row.name} ${form.size}`)).toEqual([]);
    // The list holds nothing that has got its cases meanwhile.
    const used = new Set(missing.map(rowName));
    expect(Object.keys(WITHOUT_CASES).filter((name) => !used.has(name))).toEqual([]);
  });
});
