/**
 * Names of virtual disks and their numbers (xen-vbd-interface(7)): "xvda" is 51712, major 202 of Linux and 16 minors to
 * each disk; what does not fit has a number of its own kind, with bit 28 set.
 */

interface NameKind {
  readonly prefix: string;
  readonly maxDisk: number;
  readonly maxPartition: number;
  readonly number: (disk: number, partition: number) => number;
}

const XVD_MAJOR = 202;
const SD_MAJOR = 8;
/** Two disks each. */
const HD_MAJORS: readonly number[] = [3, 22];
const EXTENDED = 1 << 28;

const KINDS: readonly NameKind[] = [
  {
    prefix: 'xvd',
    maxDisk: (1 << 20) - 1,
    maxPartition: 255,
    number: (disk, partition) =>
      disk < 16 && partition < 16 ? (XVD_MAJOR << 8) | (disk << 4) | partition : EXTENDED | (disk << 8) | partition,
  },
  {
    prefix: 'hd',
    maxDisk: 3,
    maxPartition: 63,
    number: (disk, partition) => ((HD_MAJORS[disk >> 1] as number) << 8) | ((disk & 1) << 6) | partition,
  },
  {
    prefix: 'sd',
    maxDisk: 15,
    maxPartition: 15,
    number: (disk, partition) => (SD_MAJOR << 8) | (disk << 4) | partition,
  },
];

/** The number of "xvda", "sdb1", "hdc", "d5p2", "51712" or "0xca00"; undefined for what is no name of a disk. */
export function virtualDeviceNumber(name: string): number | undefined {
  const letters = /^(xvd|hd|sd)([a-z]{1,5})(\d{0,3})$/.exec(name);
  if (letters !== null) {
    const kind = KINDS.find(({ prefix }) => prefix === letters[1]) as NameKind;
    return numberOf(kind, diskOfLetters(letters[2] as string), letters[3] as string);
  }
  const numbers = /^d(\d{1,7})(?:p(\d{1,3}))?$/.exec(name);
  if (numbers !== null) return numberOf(KINDS[0] as NameKind, Number(numbers[1]), numbers[2] ?? '');
  if (!/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(name)) return undefined;
  const number = Number(name);
  return number <= 0x7fffffff ? number : undefined;
}

function numberOf(kind: NameKind, disk: number, partition: string): number | undefined {
  const part = Number(partition);
  // Partitions count from 1; the whole disk has no number.
  if (partition.startsWith('0') || disk > kind.maxDisk || part > kind.maxPartition) return undefined;
  return kind.number(disk, part);
}

/** a, b, … z, aa, ab, …: 0, 1, … */
function diskOfLetters(letters: string): number {
  let disk = 0;
  for (const letter of letters) disk = disk * 26 + (letter.charCodeAt(0) - 96);
  return disk - 1;
}
