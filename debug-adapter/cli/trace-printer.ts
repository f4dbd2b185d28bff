/** Prints decoded traces, one line each: "[     0.001234567] d1v0 mmu_update(…) = 0". */
import type { Disposable } from '../../emulator/base/disposable.ts';
import { toDisposable } from '../../emulator/base/disposable.ts';
import { TraceRouter } from '../../emulator/debug/trace/trace-router.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { TraceCategory } from './arguments.ts';

/** Notices (refusals that no hypercall line shows) come with any category. */
export function traceTo(
  machine: Machine,
  categories: ReadonlySet<TraceCategory>,
  print: (line: string) => void,
): Disposable {
  if (categories.size === 0) return toDisposable(() => {});
  return new TraceRouter(machine, categories, ({ virtualSeconds, text }) =>
    print(`[${virtualSeconds.toFixed(9).padStart(16)}] ${text}`),
  );
}
