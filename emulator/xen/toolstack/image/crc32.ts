/** CRC-32 (IEEE 802.3, reflected 0xEDB88320) as used by gzip and XZ, four bytes at a time. */

const tables = makeTables();

function makeTables(): Uint32Array {
  const table = new Uint32Array(4 * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
    table[value] = crc;
  }
  for (let value = 0; value < 256; value++) {
    let crc = table[value]!;
    for (let lane = 1; lane < 4; lane++) {
      crc = (crc >>> 8) ^ table[crc & 255]!;
      table[lane * 256 + value] = crc;
    }
  }
  return table;
}

/** Unsigned CRC of the bytes. */
export function crc32(bytes: Uint8Array): number {
  const wholeWords = bytes.length & ~3;
  let crc = 0xffffffff | 0;
  let at = 0;
  while (at < wholeWords) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      tables[768 + (crc & 255)]! ^
      tables[512 + ((crc >>> 8) & 255)]! ^
      tables[256 + ((crc >>> 16) & 255)]! ^
      tables[crc >>> 24]!;
    at += 4;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}
