/** One member of an archive. Contents of a symbolic link are its target; of a device, nothing. */
export interface CpioEntry {
  readonly name: string;
  /** File type and permissions, as stat(2) has them: 0o100755, 0o40755, 0o120777, 0o20600. */
  readonly mode: number;
  readonly contents?: Uint8Array;
  /** Major and minor number of a device. */
  readonly device?: readonly [number, number];
}

/** A cpio archive in the "newc" format (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts = entries.map((entry, index) => member(entry, index + 1));
  parts.push(member({ name: 'TRAILER!!!', mode: 0 }, 0));
  return Buffer.concat(parts);
}

function member({ name, mode, contents = new Uint8Array(), device = [0, 0] }: CpioEntry, inode: number): Uint8Array {
  const nameBytes = Buffer.from(`${name}\0`);
  const links = (mode & 0o170000) === 0o40000 ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, ...device, nameBytes.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([padded(Buffer.concat([header, nameBytes])), padded(contents)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array(-bytes.length & 3)]);
}
