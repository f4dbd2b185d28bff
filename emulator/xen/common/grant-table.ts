import type { Mfn } from '../../base/numbers.ts';

/** One domain's grant table: frames shared with the guest, and what it maps of others. */
export class GrantTable {
  version: 1 | 2 = 1;
  readonly frames: Mfn[] = [];
  readonly statusFrames: Mfn[] = [];
  maxFrames = 64;
}
