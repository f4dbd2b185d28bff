import type { DebugTarget } from '../../emulator/debug/target.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import { hasKnownOrcLayout, ORC_SYMBOLS, OrcTable } from './orc-table.ts';

/** More than any kernel's table has; beyond it the symbols are not what they seem. */
const MAXIMUM_BYTES = 32 << 20;
const BANNER_BYTES = 64;

/** Reads the unwind tables out of the guest's memory; undefined: no Linux, another layout, or not mapped yet. */
export async function loadOrcTable(target: DebugTarget, symbols: SymbolTable): Promise<OrcTable | undefined> {
  const [ipStart, ipEnd, start, end, banner] = ORC_SYMBOLS.map((name) => symbols.byName(name)?.address);
  if (ipStart === undefined || ipEnd === undefined || start === undefined || end === undefined) return undefined;
  if (banner === undefined) return undefined;
  const read = (from: bigint, length: number): Promise<Uint8Array> =>
    target.readMemory('virtual', `0x${from.toString(16)}`, length);
  if (!hasKnownOrcLayout(String.fromCharCode(...(await read(banner, BANNER_BYTES))))) return undefined;
  const sizes = [Number(ipEnd - ipStart), Number(end - start)] as const;
  if (sizes.some((size) => size <= 0 || size > MAXIMUM_BYTES)) return undefined;
  const addresses = await read(ipStart, sizes[0]);
  const entries = await read(start, sizes[1]);
  if (addresses.length < sizes[0] || entries.length < sizes[1]) return undefined;
  return new OrcTable(addresses, ipStart, entries);
}
