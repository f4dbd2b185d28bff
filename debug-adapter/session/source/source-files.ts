import { baseName, isAbsolutePath, joinPath, normalizePath } from '../../dwarf/paths.ts';
import type { SessionHost } from '../host.ts';

/** How deep in a tree the build may have had its own folder: no more leading folders than these are left out. */
const MAXIMUM_STRIPPED = 12;

/**
 * Where the client finds the files that debugging information names, and the other way round. Names are mapped by
 * `sourceMap`; relative ones start from the launch's folder or from that of the kernel; absolute ones of another
 * machine are looked for by their ends.
 */
export class SourceFiles {
  private readonly found = new Map<string, Promise<string | undefined>>();

  constructor(
    private readonly host: SessionHost,
    private readonly map: Readonly<Record<string, string>>,
    /** Where relative names may start, best first; undefined: the host's own idea of "here". */
    private readonly folders: readonly (string | undefined)[],
  ) {}

  /** Path or URI that the client can open; undefined: the file is nowhere. */
  clientPath(file: string): Promise<string | undefined> {
    let path = this.found.get(file);
    if (path === undefined) {
      path = this.locate(file);
      this.found.set(file, path);
    }
    return path;
  }

  /** Those of the files that the client's path means. */
  async matching(client: string, files: readonly string[]): Promise<readonly string[]> {
    const wanted = comparable(client);
    const found: string[] = [];
    for (const file of files) {
      if (baseName(file) !== baseName(wanted)) continue;
      const path = await this.clientPath(file);
      if (path !== undefined ? comparable(path) === wanted : this.isEndOf(file, wanted)) {
        found.push(file);
        // The client has shown where it is.
        if (path === undefined) this.found.set(file, Promise.resolve(client));
      }
    }
    return found;
  }

  private async locate(file: string): Promise<string | undefined> {
    const mapped = this.mapped(file);
    if (isAbsolutePath(mapped)) {
      const there = await this.host.locateFile?.(mapped, undefined);
      if (there !== undefined || mapped !== file) return there;
    }
    const parts = mapped.split('/').filter((part) => part !== '');
    // The last folder and the name must fit, for a name alone fits too much; but one may stand beside the kernel.
    const deepest = Math.max(1, Math.min(parts.length - 1, MAXIMUM_STRIPPED));
    for (let stripped = 0; stripped < deepest; stripped++) {
      const tail = parts.slice(stripped).join('/');
      for (const folder of this.folders) {
        const there = await this.host.locateFile?.(tail, folder);
        if (there !== undefined) return there;
      }
    }
    return undefined;
  }

  /** By the longest prefix that "sourceMap" has. */
  private mapped(file: string): string {
    let best: string | undefined;
    for (const from of Object.keys(this.map)) {
      const prefix = normalizePath(from);
      const fits = prefix === '' ? !isAbsolutePath(file) : file === prefix || file.startsWith(`${prefix}/`);
      if (fits && prefix.length >= normalizePath(best ?? '').length) best = from;
    }
    if (best === undefined) return file;
    const rest = file.slice(normalizePath(best).length).replace(/^\//, '');
    return joinPath(this.map[best] as string, rest);
  }

  private isEndOf(file: string, client: string): boolean {
    const mapped = this.mapped(file);
    return client === mapped || client.endsWith(`/${mapped.replace(/^\.?\//, '')}`);
  }
}

/** Two spellings of one path are equal then. */
function comparable(path: string): string {
  let text = path.replace(/^file:\/\//, '');
  if (text !== path || /^[A-Za-z][A-Za-z0-9+.-]+:\//.test(path)) {
    try {
      text = decodeURIComponent(text);
    } catch {
      // Not a URI after all: a "%" in a plain name.
    }
  }
  return normalizePath(text).replace(/^\/?([A-Za-z]):/, (_, drive: string) => `${drive.toLowerCase()}:`);
}
