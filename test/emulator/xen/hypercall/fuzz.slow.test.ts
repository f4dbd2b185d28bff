import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { expectCoverage, report } from './fuzz-coverage.ts';

describe('random hypercalls', () => {
  it('100,000 throw nothing, leave every count explained, and reach every operation that can succeed', () => {
    const successes = fuzz(100_000, 4711);
    if (process.env.FUZZ_REPORT !== undefined) console.log(report(successes));
    expectCoverage(successes);
    // What changes references must have succeeded often, or the walk proves nothing.
    const often = ['mmu_update', 'update_va_mapping', 'store', 'set_gdt', 'vcpu_op.register_vcpu_info', 'multicall'];
    const grants = ['map_grant_ref', 'unmap_grant_ref', 'copy'].map((name) => `grant_table_op.${name}`);
    const pins = ['PIN_L1_TABLE', 'PIN_L2_TABLE', 'PIN_L3_TABLE', 'PIN_L4_TABLE', 'UNPIN_TABLE', 'NEW_BASEPTR'];
    for (const name of [...often, ...grants, ...pins.map((pin) => `mmuext_op.${pin}`)])
      expect(successes.get(name) ?? 0, name).toBeGreaterThan(20);
  }, 60_000);
});
