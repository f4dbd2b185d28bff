import type { SymbolList } from '../../emulator/base/symbol-list.ts';
import { UserError } from '../../emulator/base/user-error.ts';
import type { KernelFile } from '../../emulator/debug/target.ts';
import { isElf, readElf } from '../../emulator/elf/elf-file.ts';
import { DebugInfo } from '../dwarf/debug-info.ts';
import type { LaunchConfiguration } from '../protocol/launch-configuration.ts';
import { readElfSymbols } from '../symbols/elf-symbols.ts';
import type { SessionHost } from './host.ts';

/** What a file tells. */
export interface SymbolFile {
  readonly path: string;
  readonly symbols: SymbolList;
  /** Undefined: it was stripped of it. */
  readonly info: DebugInfo | undefined;
}

/** The ELF files under "symbols"; a file at fault is reported and skipped, for the domain runs without. */
export async function readSymbolFiles(
  host: SessionHost,
  configuration: LaunchConfiguration | undefined,
  report: (text: string) => void,
): Promise<readonly SymbolFile[]> {
  const named = configuration?.symbols ?? [];
  const paths = typeof named === 'string' ? [named] : named;
  const found: SymbolFile[] = [];
  for (const path of paths) {
    try {
      const bytes = await host.readFile(path, configuration?.cwd);
      found.push({ path, symbols: readElfSymbols(bytes), info: DebugInfo.open(readElf(bytes)) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(`No symbols from ${path}: ${error.message} ${error.hint}\n`);
    }
  }
  return found;
}

/**
 * Debugging information of the kernel itself. Undefined: it has none, as a bzImage or a stripped file, or it cannot be
 * read a second time.
 */
export async function readKernelInfo(host: SessionHost, { path, folder }: KernelFile): Promise<DebugInfo | undefined> {
  try {
    const bytes = await host.readFile(path, folder);
    return isElf(bytes) ? DebugInfo.open(readElf(bytes)) : undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}
