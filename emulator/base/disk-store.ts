/**
 * A disk's contents as only a host can keep them: a port, made real in emulator/host. Synchronous, so that nothing
 * depends on the order in which promises resolve. Offsets and lengths are bytes, whole sectors of 512, within `size`.
 * An operation answers why the host could not do it, in words; undefined says that it is done.
 */
export interface DiskStore {
  /** Bytes; a multiple of 512. */
  readonly size: number;
  readonly readOnly: boolean;
  /** The same for two stores over the same file. */
  readonly identity: string;
  /** Looks at the file's size anew, for whoever made it larger. */
  measure(): void;
  read(offset: number, into: Uint8Array): string | undefined;
  write(offset: number, bytes: Uint8Array): string | undefined;
  /** What was written before is on the host's disk when this is done. */
  flush(): string | undefined;
  /** The range reads as zeros from now on. */
  discard(offset: number, length: number): string | undefined;
  /** Flushes and lets go. */
  close(): void;
}

/**
 * Opens a disk image: an absolute path, a URI, or a path relative to the folder `relativeTo`. Rejects with a
 * `UserError` that names the file.
 */
export type OpenDisk = (
  pathOrUri: string,
  relativeTo: string | undefined,
  options: { readonly readOnly: boolean },
) => Promise<DiskStore>;
