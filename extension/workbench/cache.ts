import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * Folder for what is fetched once and kept: the web workbench, guest packages of the tests. XENOSCOPE_CACHE, or else
 * the platform's own place for caches.
 */
export function cacheFolder(...parts: readonly string[]): string {
  const folder = path.join(process.env.XENOSCOPE_CACHE ?? platformCache(), ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function platformCache(): string {
  const home = os.homedir();
  switch (process.platform) {
    case 'win32':
      return path.join(process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'), 'xenoscope', 'cache');
    case 'darwin':
      return path.join(home, 'Library', 'Caches', 'xenoscope');
    default:
      return path.join(process.env.XDG_CACHE_HOME ?? path.join(home, '.cache'), 'xenoscope');
  }
}
