import type { XenNamesBody } from '../../../debug-adapter/protocol/custom-requests.ts';

/** One line of the pick list: what a function breakpoint will be called, and why it is offered. */
export interface Candidate {
  /** In the list; VS Code sorts by where in it the typed text is found. */
  readonly label: string;
  /** Name of the function breakpoint: "hypercall:mmu_update", "*0xffffffff81000000", "start_kernel". */
  readonly name: string;
  readonly description: string;
  readonly detail: string;
}

const MAXIMUM = 200;

/** Whether the text is an address: hexadecimal, with or without the star that function breakpoints want. */
export function parseAddress(text: string): string | undefined {
  const match = /^\*?\s*(0x[0-9a-f]+)$/i.exec(text.trim());
  return match?.[1] === undefined ? undefined : match[1].toLowerCase();
}

/** Candidates for what was typed so far, best first. Whatever was typed is itself offered, last. */
export function candidatesFor(typed: string, names: XenNamesBody): readonly Candidate[] {
  const text = typed.trim();
  const address = parseAddress(text);
  const candidates: Candidate[] = [];
  if (address !== undefined) {
    const name = `*${address}`;
    candidates.push({ label: name, name, description: 'instruction', detail: 'Stops before the instruction here.' });
  }
  const wanted = text.toLowerCase().replace(/^hypercall:/, '');
  candidates.push(...hypercalls(names, wanted), ...events(names, text.toLowerCase()));
  if (!/^[a-z0-9]+:/.test(text)) candidates.push(...symbols(names));
  const isOffered = candidates.some(({ name }) => name.toLowerCase() === text.toLowerCase());
  const verbatim: Candidate = {
    label: `Break on “${text}”`,
    name: text,
    description: 'as typed',
    detail: 'Checked when the kernel is loaded.',
  };
  return text === '' || isOffered || address !== undefined
    ? candidates.slice(0, MAXIMUM)
    : [...candidates.slice(0, MAXIMUM - 1), verbatim];
}

function hypercalls({ hypercalls: rows }: XenNamesBody, wanted: string): readonly Candidate[] {
  const starting: Candidate[] = [];
  const containing: Candidate[] = [];
  const offer = (name: string, description: string, detail: string): void => {
    const at = name.toLowerCase().indexOf(wanted);
    const label = `hypercall:${name}`;
    const candidate = { label, name: label, description, detail };
    if (at === 0) starting.push(candidate);
    else if (at > 0) containing.push(candidate);
  };
  for (const { name, number, suboperations, documentation } of rows) {
    offer(name, `hypercall ${number}`, documentation);
    for (const suboperation of suboperations)
      offer(`${name}.${suboperation}`, `sub-operation of ${name}`, documentation);
  }
  return [...starting, ...containing];
}

function events({ events: rows }: XenNamesBody, wanted: string): readonly Candidate[] {
  return rows
    .filter(({ name }) => name.includes(wanted))
    .map(({ name, documentation }) => ({ label: name, name, description: 'Xen event', detail: documentation }));
}

function symbols({ symbols: rows }: XenNamesBody): readonly Candidate[] {
  return rows.map(({ name, address, kind }) => ({
    label: name,
    name,
    description: address,
    detail: `${kind} of the kernel`,
  }));
}
