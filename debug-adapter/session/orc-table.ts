/**
 * Linux's ORC unwind tables (CONFIG_UNWINDER_ORC), as the kernel itself uses them: for every address of its text, where
 * the caller's stack pointer and frame pointer are. Layouts: arch/x86/include/asm/orc_types.h of 5.8 to 6.2.
 *
 * NOT IMPLEMENTED: the entry layout of 6.3 and later; modules, which have tables of their own.
 */

/** Values of `sp_reg` and `bp_reg` (ORC_REG_*). */
export const ORC_UNDEFINED = 0;
export const ORC_PREV_SP = 1;
export const ORC_DX = 2;
export const ORC_DI = 3;
export const ORC_BP = 4;
export const ORC_SP = 5;
export const ORC_R10 = 6;
export const ORC_R13 = 7;
export const ORC_BP_INDIRECT = 8;
export const ORC_SP_INDIRECT = 9;

export type OrcType = 'call' | 'registers' | 'iret frame';

export interface OrcEntry {
  readonly spRegister: number;
  readonly spOffset: bigint;
  readonly bpRegister: number;
  readonly bpOffset: bigint;
  readonly type: OrcType;
  /** The outermost frame. */
  readonly end: boolean;
}

/** Symbols around the two tables. */
export const ORC_SYMBOLS = [
  '__start_orc_unwind_ip',
  '__stop_orc_unwind_ip',
  '__start_orc_unwind',
  '__stop_orc_unwind',
  'linux_banner',
] as const;

const ENTRY_BYTES = 6;
const TYPES: readonly (OrcType | undefined)[] = ['call', 'registers', 'iret frame', undefined];

/** Whether the kernel that introduces itself so has tables of this layout. */
export function hasKnownOrcLayout(banner: string): boolean {
  const match = /^Linux version (\d+)\.(\d+)/.exec(banner);
  const version = Number(match?.[1]) * 1000 + Number(match?.[2]);
  return version >= 5008 && version <= 6002;
}

export class OrcTable {
  private readonly addresses: DataView;
  private readonly entries: DataView;
  private readonly count: number;

  /** `start` is where `addresses` (orc_unwind_ip) lies: its words count from themselves. */
  constructor(
    addresses: Uint8Array,
    private readonly start: bigint,
    entries: Uint8Array,
  ) {
    this.addresses = new DataView(addresses.buffer, addresses.byteOffset, addresses.byteLength);
    this.entries = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    this.count = Math.min(addresses.byteLength >> 2, Math.floor(entries.byteLength / ENTRY_BYTES));
  }

  /** The entry that covers the address; undefined outside the text, or where the table says "unknown". */
  find(address: bigint): OrcEntry | undefined {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addressAt(middle) <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || low === this.count) return undefined;
    const at = (low - 1) * ENTRY_BYTES;
    const bits = this.entries.getUint16(at + 4, true);
    const type = TYPES[(bits >> 8) & 3];
    const spRegister = bits & 15;
    if (type === undefined || spRegister === ORC_UNDEFINED) return undefined;
    return {
      spRegister,
      spOffset: BigInt(this.entries.getInt16(at, true)),
      bpRegister: (bits >> 4) & 15,
      bpOffset: BigInt(this.entries.getInt16(at + 2, true)),
      type,
      end: ((bits >> 10) & 1) !== 0,
    };
  }

  private addressAt(index: number): bigint {
    const distance = this.addresses.getInt32(index * 4, true);
    return BigInt.asUintN(64, this.start + BigInt(index * 4 + distance));
  }
}
