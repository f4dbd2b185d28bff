/**
 * A check said no. The guest gets the errno; the reason, in words, goes to the trace, to breakpoints and to the list
 * that every domain keeps. Returned, never thrown: a refusal is an ordinary result of a hypercall.
 */
export interface Refusal {
  readonly errno: Errno;
  /** Which rule, frame, entry, count: "mfn 0x4a312 is used as l1_page_table 2 times, so it cannot become writable". */
  readonly reason: string;
}

/** Xen's errno values (public/errno.h). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EDOM: 33,
  ERANGE: 34,
  ENOSYS: 38,
  ENODATA: 61,
  ETIME: 62,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ENOBUFS: 105,
  EALREADY: 114,
} as const;
export type ErrnoName = keyof typeof ERRNO;
export type Errno = (typeof ERRNO)[ErrnoName];

export function refuse(errno: ErrnoName, reason: string): Refusal {
  return { errno: ERRNO[errno], reason };
}

export function errnoName(errno: number): string {
  const found = Object.entries(ERRNO).find(([, value]) => value === errno);
  return found === undefined ? `errno ${errno}` : found[0];
}

/** Whether a result of "number or refusal" is the refusal. */
export function isRefusal(result: unknown): result is Refusal {
  return typeof result === 'object' && result !== null && 'errno' in result;
}

/** "0x4a312": frame numbers, entries and the like in reasons. */
export function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** A page-table entry from its halves. */
export function hex64(low: number, high: number): string {
  const text = (high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, '0');
  return `0x${text.replace(/^0+(?=.)/, '')}`;
}
