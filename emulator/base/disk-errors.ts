import { UserError } from './user-error.ts';

/** What is wrong with a file that is to be a disk; the same in every host. */

export function diskNotWholeSectors(name: string, size: number): UserError {
  return new UserError(
    'disk.size',
    `${name} cannot be a disk: its size, ${size} bytes, is not a multiple of 512.`,
    'Is it a raw image? "truncate -s %512 FILE" rounds a raw image up.',
  );
}

export function diskEmpty(name: string): UserError {
  return new UserError(
    'disk.empty',
    `${name} is empty: a disk of no sectors.`,
    'Give it a size first: "truncate -s 64M FILE" makes a sparse image of 64 MB.',
  );
}

export function diskNotWritable(name: string): UserError {
  return new UserError(
    'disk.read-only',
    `${name} may not be written to.`,
    'Write access=ro in the disk setting, or change the permissions of the file.',
  );
}

export function diskNotAFile(name: string, what: string): UserError {
  return new UserError('disk.not-a-file', `${name} cannot be a disk: it is ${what}.`, 'Name a raw image file.');
}
