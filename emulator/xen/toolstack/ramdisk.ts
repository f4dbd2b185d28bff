import { isGzip, unpackGzip } from './image/gzip.ts';

/** libxenguest reserves this much more than the gzip trailer says, and the module keeps it (xc_dom_check_gzip). */
const GUNZIP_SLACK = 16;

/**
 * A ramdisk as it is put into the guest: gzip is undone, as the real builder does. A file of several gzip members, or
 * a damaged one, goes in as it is; the guest then unpacks it or complains itself.
 */
export function unpackRamdisk(file: Uint8Array): Uint8Array {
  if (!isGzip(file)) return file;
  try {
    const unpacked = unpackGzip(file);
    const module = new Uint8Array(unpacked.length + GUNZIP_SLACK);
    module.set(unpacked);
    return module;
  } catch {
    return file;
  }
}
