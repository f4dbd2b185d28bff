import type { Domid, Mfn } from '../../base/numbers.ts';
import { TYPE_WRITABLE } from '../common/frame-table.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Refusal } from '../common/refusal.ts';

/** Pages of the guest that a request names, for as long as they are read or written. */
export interface GuestPages {
  /** `page`: a grant reference or a frame. Every success needs one `end` with the same arguments. */
  use(page: number, write: boolean): Mfn | Refusal;
  end(page: number, write: boolean): void;
}

/** Pages by machine frame: what a back end of the time before grants was allowed to map of its front end's memory. */
export class FramePages implements GuestPages {
  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly domid: Domid,
  ) {}

  /** Refused where the frame is not the guest's own, or is to be written and is a page table or the like. */
  use(frame: number, write: boolean): Mfn | Refusal {
    const { references } = this.hypervisor;
    if (write) return references.getWithType(frame, TYPE_WRITABLE, this.domid) ?? (frame as Mfn);
    return references.get(frame, this.domid) ? (frame as Mfn) : references.notOwned(frame, this.domid);
  }

  end(frame: number, write: boolean): void {
    const { references } = this.hypervisor;
    if (write) references.putWithType(frame as Mfn);
    else references.put(frame as Mfn);
  }
}
