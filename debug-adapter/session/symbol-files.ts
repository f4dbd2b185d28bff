import type { SymbolList } from '../../emulator/base/symbol-list.ts';
import { UserError } from '../../emulator/base/user-error.ts';
import type { LaunchConfiguration } from '../protocol/launch-configuration.ts';
import { readElfSymbols } from '../symbols/elf-symbols.ts';
import type { SessionHost } from './host.ts';

/** Symbols of the ELF files under "symbols"; a file at fault is reported and skipped, for the domain runs without. */
export async function readSymbolFiles(
  host: SessionHost,
  configuration: LaunchConfiguration | undefined,
  report: (text: string) => void,
): Promise<readonly SymbolList[]> {
  const named = configuration?.symbols ?? [];
  const paths = typeof named === 'string' ? [named] : named;
  const found: SymbolList[] = [];
  for (const path of paths) {
    try {
      found.push(readElfSymbols(await host.readFile(path, configuration?.cwd)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(`No symbols from ${path}: ${error.message} ${error.hint}\n`);
    }
  }
  return found;
}
