/** Below this many bytes a plain loop beats copyWithin's call. */
const SHORT = 48;

/** Repeats `length` bytes from `distance` back, as LZ77 matches do: the source may overlap what is being written. */
export function copyMatch(bytes: Uint8Array, to: number, distance: number, length: number): void {
  if (length > SHORT && distance >= length) {
    bytes.copyWithin(to, to - distance, to - distance + length);
    return;
  }
  const end = to + length;
  for (let from = to - distance; to < end; from++, to++) bytes[to] = bytes[from]!;
}
