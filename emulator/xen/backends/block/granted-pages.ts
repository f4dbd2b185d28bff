import type { GrantRef, Mfn } from '../../../base/numbers.ts';
import type { Domain } from '../../common/domain.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import { isRefusal, type Refusal } from '../../common/refusal.ts';
import type { GuestPages } from '../guest-pages.ts';

/** What blkback keeps at most (xen_blkif_max_pgrants). */
const MAX_PERSISTENT = 1056;

/**
 * Pages that a front end granted for its data. With persistent grants they stay mapped, up to a limit, and are found
 * again when the front end uses them again; else each use ends with its request.
 */
export class GrantedPages implements GuestPages {
  private readonly kept = new Map<number, Mfn>();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domain: Domain,
    readonly persistent: boolean,
    kept: readonly (readonly [ref: number, mfn: number])[] = [],
  ) {
    for (const [ref, mfn] of kept) this.kept.set(ref, mfn as Mfn);
  }

  use(ref: number, write: boolean): Mfn | Refusal {
    const known = this.kept.get(ref);
    if (known !== undefined) return known;
    const keep = this.persistent && this.kept.size < MAX_PERSISTENT;
    // A page that stays mapped may be read from and written to by turns.
    const mfn = this.hypervisor.hostGrantFrame(this.domain, ref as GrantRef, write || keep);
    if (keep && !isRefusal(mfn)) this.kept.set(ref, mfn);
    return mfn;
  }

  end(ref: number, write: boolean): void {
    if (!this.kept.has(ref)) this.hypervisor.hostGrantRelease(this.domain, ref as GrantRef, write);
  }

  release(): void {
    for (const ref of this.kept.keys()) this.hypervisor.hostGrantRelease(this.domain, ref as GrantRef, true);
    this.kept.clear();
  }

  save(): readonly (readonly [ref: number, mfn: number])[] {
    return [...this.kept];
  }
}
