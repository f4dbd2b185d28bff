/**
 * An error that reaches the user: plain words, what to do about it, and a stable id to search for. Make one only
 * through a named factory next to the code that raises it.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    /** Stable, greppable: "image.truncated". */
    readonly id: string,
    message: string,
    /** What the user can do; shown after the message. */
    readonly hint = '',
  ) {
    super(message);
  }
}
