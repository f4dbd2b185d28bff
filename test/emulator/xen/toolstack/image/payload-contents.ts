/**
 * What the packed files in test/fixtures/payloads contain: 96 KiB of code-like bytes, with calls and jumps for the
 * branch filter, repetitions for matches, noise for literals. Packed by xz 5.4, lz4 1.9 and zstd 1.5 (README there).
 */
export function payloadContents(): Uint8Array {
  const bytes = new Uint8Array(96 * 1024);
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 8;
  };
  for (let at = 0; at < bytes.length; ) {
    const kind = random() % 8;
    if (kind < 3 && at + 5 <= bytes.length) {
      const relative = ((random() % 4 === 0 ? -1 : 1) * (random() % 60000)) | 0;
      bytes.set([random() % 2 === 0 ? 0xe8 : 0xe9, relative, relative >> 8, relative >> 16, relative >> 24], at);
      at += 5;
    } else if (kind < 6 && at > 64) {
      const length = Math.min(bytes.length - at, 3 + (random() % 60));
      const from = at - 1 - (random() % Math.min(at - 1, 4000));
      for (let index = 0; index < length; index++) bytes[at + index] = bytes[from + index]!;
      at += length;
    } else {
      bytes[at++] = [0xe8, 0x00, 0xff, random() & 255][random() % 4]!;
    }
  }
  bytes.set([0x7f, 0x45, 0x4c, 0x46]);
  return bytes;
}
