/** What a `launch` request carries, beyond DAP's own keys. Mirrors the schema in the extension's manifest. */
export interface LaunchConfiguration extends DomainKeys {
  /** Path or URI of an xl.cfg; instead of the inline keys. Relative to `cwd`. */
  readonly config?: string;
  /** Several domains at once: each an xl.cfg path or a set of inline keys. Instead of `config` and the inline keys. */
  readonly domains?: readonly (string | DomainKeys)[];
  /** Folder (path or URI) that relative paths start from. The extension sets it to the workspace folder. */
  readonly cwd?: string;
  readonly stopOnEntry?: boolean;
  /** "wall": virtual time follows the clock on the wall (default). "free": as fast as it goes. */
  readonly pace?: 'wall' | 'free';
  /** Categories to trace, e.g. ["hypercalls", "events"]; lines arrive as `xenTrace` events. */
  readonly trace?: readonly string[];
  /** ELF files with symbols for a stripped kernel. */
  readonly symbols?: string | readonly string[];
  /** Where source files are that debugging information names otherwise: prefixes of its paths to paths or URIs. */
  readonly sourceMap?: Readonly<Record<string, string>>;
  /** Whether console text also arrives as `output` events, for clients without a console of their own. Default true
   * unless the client announces that it handles `xenConsole` (see `XenInitializeArguments`). */
  readonly consoleOutput?: boolean;
  /** Deterministic seed for frame placement and the like. */
  readonly seed?: number;
  /** DAP's: run without breakpoints. */
  readonly noDebug?: boolean;
}

/** One domain, in the words of xl.cfg(5). */
export interface DomainKeys {
  readonly name?: string;
  /** Path or URI of the kernel image: ELF or bzImage. */
  readonly kernel?: string;
  readonly ramdisk?: string;
  readonly cmdline?: string;
  /** MiB. */
  readonly memory?: number;
  readonly vcpus?: number;
  /** xl disk specifications. */
  readonly disks?: readonly string[];
  /** xl vif specifications. */
  readonly vifs?: readonly string[];
  /** Guest ABI, where the image does not tell. */
  readonly abi?: '1.2' | '2.0' | '4';
}
