/** A broken promise of our own code: a bug of Xenoscope, never a guest's or a user's mistake. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(`Xenoscope bug: ${message}`);
}

/** For the default branch of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new AssertionError(`Xenoscope bug: unexpected ${JSON.stringify(value)}`);
}
