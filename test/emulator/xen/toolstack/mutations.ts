/** Damages kernel images in the ways files get damaged or made by an enemy, and checks what becomes of them. */
import { UserError } from '../../../../emulator/base/user-error.ts';
import { planDomain } from '../../../../emulator/xen/toolstack/domain-layout.ts';
import { readKernelImage } from '../../../../emulator/xen/toolstack/image/kernel-image.ts';
import { writePageTables } from '../../../../emulator/xen/toolstack/page-table-writer.ts';

export interface Verdicts {
  readonly tried: number;
  readonly accepted: number;
  /** How often each error came. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly slowestMilliseconds: number;
}

const PAGES = 64 * 256;
/** Numbers that headers are fond of being wrong about. */
const ABSURD = [0, 1, 0x7f, 0xff, 0x1000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff];

/**
 * Tries `count` mutations of each image. Anything thrown but a UserError passes through to the test; so does a
 * mutation number in its message.
 */
export function tryMutations(images: readonly Uint8Array[], count: number, seed: number): Verdicts {
  let state = seed;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * limit);
  };
  const refusals = new Map<string, number>();
  let accepted = 0;
  let slowest = 0;
  for (const [index, image] of images.entries()) {
    // Headers and notes lie at the start; the section table at the end.
    for (let number = 0; number < count; number++) {
      const mutant = mutate(image, random);
      const started = performance.now();
      const verdict = judge(mutant, `image ${index}, mutation ${number} of seed ${seed}`);
      slowest = Math.max(slowest, performance.now() - started);
      if (verdict === undefined) accepted++;
      else refusals.set(verdict, (refusals.get(verdict) ?? 0) + 1);
    }
  }
  return { tried: images.length * count, accepted, refusals, slowestMilliseconds: slowest };
}

function mutate(image: Uint8Array, random: (limit: number) => number): Uint8Array {
  const kind = random(8);
  if (kind === 0) return image.slice(0, random(image.length));
  if (kind === 1) return image.slice(0, random(Math.min(image.length, 1024)));
  const mutant = image.slice();
  const place = (): number => {
    const region = random(4);
    const near = Math.min(image.length, 1024);
    if (region < 2) return random(near);
    return region === 2 ? image.length - 1 - random(near) : random(image.length);
  };
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = place();
    if (kind < 5) mutant[at] = (mutant[at] ?? 0) ^ (1 << random(8));
    else {
      const view = new DataView(mutant.buffer);
      const aligned = Math.min(at & ~3, mutant.length - 4);
      view.setUint32(aligned, ABSURD[random(ABSURD.length)]!, true);
    }
  }
  return mutant;
}

/** The error's id, or undefined when a domain could be laid out. */
function judge(image: Uint8Array, name: string): string | undefined {
  try {
    const kernel = readKernelImage(image);
    const layout = planDomain(kernel, PAGES, undefined);
    let entries = 0;
    writePageTables(layout, (table, index, target) => {
      if (!(table >= 0 && table < PAGES && index >= 0 && index < 512 && target >= 0 && target < PAGES)) {
        throw new Error(`entry ${index} of table ${table} -> ${target}`);
      }
      entries++;
    });
    if (entries === 0) throw new Error('no page tables');
    for (const segment of kernel.segments) {
      const end = segment.physicalAddress + kernel.virtOffset - kernel.virtKernelStart + segment.memorySize;
      if (!(end <= layout.kernel.pages * 4096)) throw new Error(`a segment ends at ${end}, outside the kernel`);
    }
    return undefined;
  } catch (error) {
    if (error instanceof UserError) {
      if (error.message === '' || error.id === '') throw new Error(`${name}: an error without words`);
      return error.id;
    }
    throw new Error(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
