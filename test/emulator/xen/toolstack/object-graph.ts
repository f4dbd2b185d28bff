/** Compares two machines object by object, private fields included, to find state that a snapshot forgets. */

export interface Difference {
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

export interface Exemption {
  /** Matches the path of a field; what is behind it is not compared. */
  readonly path: RegExp;
  readonly because: string;
}

/** Where two graphs differ. Functions are equal to each other; `memory` is the buffer of linear memory, left out. */
export function compareGraphs(
  left: object,
  right: object,
  exemptions: readonly Exemption[],
  memory: readonly ArrayBufferLike[],
): { differences: Difference[]; objects: number; used: Set<Exemption> } {
  const differences: Difference[] = [];
  const pairs = new Map<object, object>();
  const used = new Set<Exemption>();
  const queue: [string, unknown, unknown][] = [['', left, right]];
  const note = (path: string, a: unknown, b: unknown): void => void differences.push({ path, left: a, right: b });
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [path, a, b] = next;
    const exemption = exemptions.find((each) => each.path.test(path));
    if (exemption !== undefined) {
      used.add(exemption);
      continue;
    }
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
      if (typeof a === 'function' && typeof b === 'function') continue;
      if (!Object.is(a, b)) note(path, a, b);
      continue;
    }
    if (pairs.has(a)) {
      // The same object twice on one side is the same twice on the other: identities are state, too.
      if (pairs.get(a) !== b && isIdentity(a)) note(`${path} (identity)`, a.constructor.name, b.constructor.name);
      continue;
    }
    pairs.set(a, b);
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) {
      note(path, a.constructor?.name, b.constructor?.name);
      continue;
    }
    if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
      if (memory.includes(a.buffer)) continue;
      if (Buffer.compare(bytesOf(a), bytesOf(b)) !== 0) note(path, a, b);
      continue;
    }
    if (a instanceof Map && b instanceof Map) {
      // In order, which is that of scheduling and of firing.
      queue.push([`${path}.keys`, [...a.keys()], [...b.keys()]]);
      queue.push([`${path}.values`, [...a.values()], [...b.values()]]);
      continue;
    }
    if (a instanceof Set && b instanceof Set) {
      queue.push([`${path}.members`, [...a], [...b]]);
      continue;
    }
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    for (const key of keys) {
      const [x, y] = [(a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]];
      queue.push([`${path}.${key}`, x, y]);
    }
  }
  return { differences, objects: pairs.size, used };
}

/** Instances of classes have an identity; plain data may be shared or copied. */
function isIdentity(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  const plain = prototype === Object.prototype || prototype === Array.prototype || prototype === Map.prototype;
  return !plain && !ArrayBuffer.isView(object);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
