/** Brings a domain's files into memory: configuration, kernel, ramdisk. Files are a port, so that any host can. */
import { UserError } from '../../base/user-error.ts';
import { type DomainConfig, type DomainKeys, domainConfigFromKeys, readDomainConfig } from './domain-config.ts';
import { type KernelImage, readKernelImage } from './image/kernel-image.ts';
import { unpackRamdisk } from './ramdisk.ts';

/**
 * Reads a whole file: an absolute path, a URI, or a path relative to `relativeTo` (a folder; undefined: the host's own
 * idea of "here"). Rejects with a `UserError` that names the file.
 */
export type ReadFile = (pathOrUri: string, relativeTo: string | undefined) => Promise<Uint8Array>;

export interface LoadedDomain {
  readonly config: DomainConfig;
  readonly image: KernelImage;
  /** As it will lie in memory. */
  readonly ramdisk: Uint8Array | undefined;
  readonly warnings: readonly string[];
  /** Where relative names of its disks start from. */
  readonly folder?: string | undefined;
}

/** A configuration is text; a kernel named by mistake has a NUL soon. */
const SNIFFED_BYTES = 1024;

function notText(path: string): UserError {
  return new UserError(
    'config.not-text',
    `${path} is not a configuration but a binary file.`,
    `To boot it, write kernel = "${path}" into a file guest.cfg and name that.`,
  );
}

/** `path` of an xl.cfg. @throws UserError */
export async function loadDomainFile(
  read: ReadFile,
  path: string,
  relativeTo: string | undefined,
): Promise<LoadedDomain> {
  const bytes = await read(path, relativeTo);
  if (bytes.subarray(0, SNIFFED_BYTES).includes(0)) throw notText(path);
  const { config, warnings } = readDomainConfig(new TextDecoder().decode(bytes), path);
  return loadImages(read, config, warnings, folderOf(path, relativeTo));
}

/** The same from settings spelt out. @throws UserError */
export async function loadDomainKeys(
  read: ReadFile,
  keys: DomainKeys,
  folder: string | undefined,
): Promise<LoadedDomain> {
  const { config, warnings } = domainConfigFromKeys(keys);
  return loadImages(read, config, warnings, folder);
}

async function loadImages(
  read: ReadFile,
  config: DomainConfig,
  warnings: readonly string[],
  folder: string | undefined,
): Promise<LoadedDomain> {
  const image = readKernelImage(await read(config.kernel, folder), config.xenAbi);
  const ramdisk = config.ramdisk === undefined ? undefined : unpackRamdisk(await read(config.ramdisk, folder));
  return { config, image, ramdisk, warnings, folder };
}

/** Folder of a file, as a path or URI; a path without a folder is in `relativeTo`. */
export function folderOf(path: string, relativeTo: string | undefined): string | undefined {
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  if (slash < 0) return relativeTo;
  const folder = path.slice(0, slash) || '/';
  const absolute = /^([a-zA-Z][a-zA-Z0-9+.-]*:|[/\\])/.test(path);
  return absolute || relativeTo === undefined ? folder : `${relativeTo.replace(/[/\\]$/, '')}/${folder}`;
}
