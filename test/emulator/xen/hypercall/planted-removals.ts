/**
 * `node run-typescript.mjs test/emulator/xen/hypercall/planted-removals.ts`: takes one check or one release after the
 * other out of the hypervisor, in memory only, and lets the fuzz loose on it. Each must be found, and the sound source
 * must not. Status 1 otherwise.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const CALLS = 60_000;
const SEEDS = [1, 2, 3] as const;

type Removal = readonly [what: string, file: string, text: string, replacement: string];

const REMOVALS: readonly Removal[] = [
  [
    'an entry that maps a frame takes no reference',
    'pv/mm-types.ts',
    'this.frames.counts[index] = (this.frames.counts[index] as number) + 1;\n    return true;',
    'return true;',
  ],
  [
    'a frame in use as one type may become another',
    'pv/mm-types.ts',
    'if (current !== type) {\n        return refuse(',
    'if (false) {\n        return refuse(',
  ],
  [
    'a grant is used writable though its frame is a page table',
    'common/grant-table.ts',
    'const refusal = xen.references.getType(frame as Mfn, TYPE_WRITABLE);\n  if (refusal === undefined) return undefined;',
    'return undefined;\n  const refusal = refuse("EINVAL", "");',
  ],
  [
    'an unmapped grant is still in use',
    'pv/grant-mapping.ts',
    'mapping.flags &= ~GNTMAP_HOST_MAP;\n    releaseMapping(xen, mapping);',
    'mapping.flags &= ~GNTMAP_HOST_MAP;',
  ],
  [
    'an unmapped grant keeps its entry',
    'pv/grant-mapping.ts',
    'xen.validator.store(place.table, place.slot, low, high);\n  xen.validator.putEntry(1, old.low',
    'xen.validator.putEntry(1, old.low',
  ],
  [
    'a copy leaves its grant in use',
    'common/grant-copy.ts',
    'close: () => releaseGrant(xen, granter, ref, write)',
    'close: () => undefined',
  ],
  [
    'a page in use is given away',
    'common/grant-copy.ts',
    'if (info.count !== 1 || xen.isXenHeap(frame)) {',
    'if (false) {',
  ],
  ['a shared frame of Xen is given back', 'common/memory.ts', 'if (xen.isXenHeap(frame)) return', 'if (false) return'],
  [
    'a closed channel leaves its far end connected',
    'common/event-channel.ts',
    'if (far !== undefined) {\n      far.state = EVTCHNSTAT_UNBOUND;',
    'if (far !== undefined) {',
  ],
  [
    'status frames go while they are mapped',
    'common/grant-table.ts',
    'if (busy !== undefined) return',
    'if (false) return',
  ],
  [
    'the FIFO event array takes no reference',
    'common/event-fifo.ts',
    'const start = fifo.arrayFrames.length * WORDS_PER_PAGE;',
    'xen.references.putWithType(frame as Mfn);\n  const start = fifo.arrayFrames.length * WORDS_PER_PAGE;',
  ],
];

/** What the fuzz says of the source with one text replaced; undefined when it finds nothing. */
async function findings(removal: Removal | undefined): Promise<string | undefined> {
  const outfile = path.join(mkdtempSync(path.join(tmpdir(), 'xenoscope-fuzz-')), 'fuzz.mjs');
  const file = removal === undefined ? undefined : path.resolve('emulator/xen', removal[1]);
  const plant = {
    name: 'plant',
    setup(bundle: import('esbuild').PluginBuild): void {
      bundle.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) => {
        if (removal === undefined || loaded !== file) return undefined;
        const source = readFileSync(loaded, 'utf8');
        if (!source.includes(removal[2])) throw new Error(`${removal[1]} has changed: ${removal[0]}`);
        return { contents: source.replace(removal[2], removal[3]), loader: 'ts' };
      });
    },
  };
  const entry = 'test/emulator/xen/hypercall/fuzz.ts';
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [plant],
    logLevel: 'error',
  });
  const { fuzz } = (await import(pathToFileURL(outfile).href)) as { fuzz: (calls: number, seed: number) => unknown };
  for (const seed of SEEDS) {
    try {
      fuzz(CALLS, seed);
    } catch (error) {
      return (error as Error).message.split('\n')[0];
    }
  }
  return undefined;
}

let failures = 0;
for (const removal of [undefined, ...REMOVALS]) {
  const found = await findings(removal);
  const good = (found === undefined) === (removal === undefined);
  if (!good) failures++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${removal?.[0] ?? 'nothing removed'}: ${found ?? 'nothing found'}`);
}
process.exitCode = failures === 0 ? 0 : 1;
