import type { MacAddress } from './mac-address.ts';

/** IEEE 802.1D-2004, table 7-5: the recommended ageing time, in nanoseconds of virtual time. */
export const AGEING_TIME = 300e9;
/** A guest may send from any number of addresses; what is not learnt is flooded. */
export const TABLE_SIZE = 1024;

interface Entry {
  port: number;
  /** When the address was last seen as a source. */
  seen: number;
}

/** One row of the table, for state and displays. */
export type MacTableRow = readonly [mac: MacAddress, port: number, seen: number];

/** Which port an address was last heard on. */
export class MacTable {
  private entries = new Map<MacAddress, Entry>();

  learn(mac: MacAddress, port: number, now: number): void {
    const known = this.entries.get(mac);
    if (known !== undefined) {
      known.port = port;
      known.seen = now;
      return;
    }
    if (this.entries.size >= TABLE_SIZE) this.forgetOld(now);
    if (this.entries.size < TABLE_SIZE) this.entries.set(mac, { port, seen: now });
  }

  find(mac: MacAddress, now: number): number | undefined {
    const entry = this.entries.get(mac);
    return entry === undefined || now - entry.seen > AGEING_TIME ? undefined : entry.port;
  }

  forgetPort(port: number): void {
    for (const [mac, entry] of this.entries) if (entry.port === port) this.entries.delete(mac);
  }

  rows(): readonly MacTableRow[] {
    return Array.from(this.entries, ([mac, { port, seen }]): MacTableRow => [mac, port, seen]);
  }

  restore(rows: readonly MacTableRow[]): void {
    this.entries = new Map(rows.map(([mac, port, seen]) => [mac, { port, seen }]));
  }

  private forgetOld(now: number): void {
    for (const [mac, { seen }] of this.entries) if (now - seen > AGEING_TIME) this.entries.delete(mac);
  }
}
