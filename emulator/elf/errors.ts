import { UserError } from '../base/user-error.ts';

const REBUILD = 'Check that the file was copied or downloaded whole, or build it again.';

export function notElf(): UserError {
  return new UserError(
    'elf.not-elf',
    'The file is not an ELF image: it does not start with "\\x7fELF".',
    'A Xen guest kernel is an ELF file, a gzip-compressed ELF file or a Linux bzImage.',
  );
}

export function truncated(what: string, needed: number, size: number): UserError {
  return new UserError(
    'elf.truncated',
    `The ELF image is cut short: ${what} would end at byte ${needed}, but the file has ${size} bytes.`,
    REBUILD,
  );
}

export function wrongClass(value: number): UserError {
  return new UserError(
    'elf.wrong-class',
    `The ELF image has class ${value}; known are 1 (32-bit) and 2 (64-bit).`,
    REBUILD,
  );
}

export function wrongByteOrder(value: number): UserError {
  return new UserError(
    'elf.wrong-byte-order',
    `The ELF image has byte order ${value}; x86 images are little-endian (1).`,
    'The file was probably built for another processor.',
  );
}

export function wrongMachine(machine: number, elfClass: 32 | 64): UserError {
  return new UserError(
    'elf.wrong-machine',
    `The ELF image is for machine ${machine} in a ${elfClass}-bit file; x86 images are 3 (i386, 32-bit) or 62 (x86-64, 64-bit).`,
    'Build the kernel for i386 or x86-64.',
  );
}

export function badEntrySize(table: string, size: number, expected: number): UserError {
  return new UserError(
    'elf.bad-entry-size',
    `The ELF image gives its ${table} headers a size of ${size} bytes; it must be ${expected}.`,
    REBUILD,
  );
}

export function fileLargerThanMemory(index: number, fileSize: number, memorySize: number): UserError {
  return new UserError(
    'elf.segment-sizes',
    `Program header ${index} of the ELF image has ${fileSize} bytes in the file but only ${memorySize} in memory.`,
    REBUILD,
  );
}

export function overlapping(first: number, second: number): UserError {
  return new UserError(
    'elf.overlapping-segments',
    `Program headers ${first} and ${second} of the ELF image load to overlapping addresses.`,
    'Look at the load addresses (LMA) in the linker script: `readelf -lW` shows them as PhysAddr.',
  );
}

export function absurdSize(what: string, value: number, limit: number): UserError {
  return new UserError(
    'elf.absurd-size',
    `The ELF image says that ${what} is ${value}; more than ${limit} cannot be meant.`,
    REBUILD,
  );
}

export function nothingToLoad(): UserError {
  return new UserError(
    'elf.nothing-to-load',
    'The ELF image has no loadable segment.',
    'Give the linked kernel (type EXEC), not an object file or a debug-symbol file.',
  );
}
