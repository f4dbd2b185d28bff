import { readFileSync } from 'node:fs';

/** What a real Xen 4.17 printed while it built a domain (`xl -vvv create`), as far as the layout goes. */
export function builderTranscript(guest: string): string[] {
  const file = new URL(`../../../fixtures/traces/xen-4.17-domU-${guest}.create.txt`, import.meta.url);
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace('domainbuilder: detail: ', '').trimEnd())
    .filter((line) => /^(xc_dom_alloc_|count_pgtables|xc_dom_build_image {2}: virt_)/.test(line));
}
