/** The domain builder's account of its work, in the words of `xl -vvv create`, for traces and for comparison. */
import { formatAddress } from '../../base/numbers.ts';
import type { DomainLayout, LayoutStep } from './domain-layout.ts';
import { levelShift, needsHighestL2, type PageTableMapping } from './page-table-layout.ts';

export function layoutAccount(layout: DomainLayout): string[] {
  return layout.steps.flatMap((step) => describeStep(step, layout));
}

function describeStep(step: LayoutStep, layout: DomainLayout): string[] {
  switch (step.kind) {
    case 'segment': {
      const { name, virtualStart, virtualEnd, pfn, pages } = step.segment;
      const range = `${hex(virtualStart)} -> ${hex(virtualEnd)}`;
      const at = `(pfn ${hex(pfn)} + ${hex(pages)} pages)`;
      return [`xc_dom_alloc_segment:   ${name.padEnd(12)} : ${range}  ${at}`];
    }
    case 'page': {
      const { name, virtualStart, pfn } = step.segment;
      return [`xc_dom_alloc_page   :   ${name.padEnd(12)} : ${hex(virtualStart)} (pfn ${hex(pfn)})`];
    }
    case 'tables':
      return describeTables(step.mapping, layout);
    case 'end':
      return [
        `xc_dom_build_image  : virt_alloc_end : ${hex(step.allocated)}`,
        `xc_dom_build_image  : virt_pgtab_end : ${hex(step.mapped)}`,
      ];
  }
}

function describeTables(mapping: PageTableMapping, layout: DomainLayout): string[] {
  const { geometry } = layout;
  const lines: string[] = [];
  for (let level = geometry.levels - 2; level >= 0; level--) {
    const earlier = mapping.levels[geometry.levels - 1]?.tables === 1 ? [] : layout.mappings.slice(0, 1);
    if (needsHighestL2(geometry, earlier, level, mapping.to)) {
      lines.push('count_pgtables: PAE: extra l2 page table for l3#3');
    }
    lines.push(describeLevel(mapping, level));
  }
  return lines;
}

function describeLevel(mapping: PageTableMapping, level: number): string {
  const bits = levelShift(level + 1);
  const { from, to, tables } = mapping.levels[level]!;
  const range = `${hex16(from)} -> ${hex16(tables === 0 ? 0 : to)}`;
  return `count_pgtables: ${hex16(2 ** bits - 1)}/${bits}: ${range}, ${tables} table(s)`;
}

function hex(value: number): string {
  return formatAddress(value);
}

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}
