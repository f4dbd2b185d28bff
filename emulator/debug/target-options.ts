/** What to boot and how, as plain data that can cross to a worker. */
export interface TargetOptions {
  readonly domains: readonly DomainOptions[];
  /** What relative file names start from: a folder as path or URI. */
  readonly folder: string | undefined;
  /** "wall": virtual time does not run ahead of the host's clock. "free": as fast as it goes. */
  readonly pace: 'wall' | 'free';
  /** Trace categories to report through `onTrace`. */
  readonly trace: readonly string[];
  readonly seed: number | undefined;
}

/** An xl.cfg to read, or the same keys spelt out. */
export type DomainOptions =
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'inline';
      readonly name: string | undefined;
      readonly kernel: string;
      readonly ramdisk: string | undefined;
      readonly cmdline: string;
      /** MiB. */
      readonly memory: number | undefined;
      readonly vcpus: number | undefined;
      readonly disks: readonly string[];
      readonly vifs: readonly string[];
      readonly abi: '1.2' | '2.0' | '4' | undefined;
    };

/**
 * Reads a whole file: an absolute path, a URI, or a path relative to `relativeTo` (a *folder*, path or URI; undefined:
 * the host's own idea of "here"). Rejects with a `UserError` that names the file.
 */
export type ReadFile = (pathOrUri: string, relativeTo: string | undefined) => Promise<Uint8Array>;
