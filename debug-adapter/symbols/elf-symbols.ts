import { packSymbols, type SymbolList } from '../../emulator/base/symbol-list.ts';
import { readElf } from '../../emulator/elf/elf-file.ts';
import { readSymbols } from '../../emulator/elf/elf-symbols.ts';

/** Named symbols of an ELF file, at their link-time addresses. Throws `UserError` on a file that is no ELF. */
export function readElfSymbols(bytes: Uint8Array): SymbolList {
  const symbols = readSymbols(readElf(bytes));
  return packSymbols(symbols.map(({ name, value, size, kind }) => ({ name, address: value, size, kind })));
}
