import { formatAddress } from '../../emulator/base/numbers.ts';
import { readElf } from '../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../emulator/elf/elf-symbols.ts';
import type { RawSymbol } from './symbol-table.ts';

/** Named symbols of an ELF file, at their link-time addresses. Throws `UserError` on a file that is no ELF. */
export function readElfSymbols(bytes: Uint8Array): readonly RawSymbol[] {
  return readSymbols(readElf(bytes)).map(({ name, value, size, kind }) => ({
    name,
    address: formatAddress(value),
    size,
    kind,
  }));
}
