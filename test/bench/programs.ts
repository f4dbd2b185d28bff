/**
 * The programs of programs.c, 64-bit, on both engines, by what each reports of its speed.
 *
 * NOT IMPLEMENTED: i386 guests, and QEMU and v86 on the same programs.
 */
import { config, median, runXenoscope } from './contenders.ts';
import { buildGuest } from './guests.ts';

/** Rounds of each: some hundred million instructions. */
const PROGRAMS: readonly (readonly [name: string, rounds: number])[] = [
  ['integer', 150],
  ['pointers', 250],
  ['memory', 150],
  ['recursion', 500],
  ['machine', 150],
  ['crypto', 250],
  ['sse2', 300],
  ['x87', 150],
  ['simd', 200],
];

/** Millions of instructions a second with the translator and without, their ratio, and its geometric mean. */
export function benchPrograms(major: string, rounds: number): void {
  console.log(`\nPrograms, 64-bit PV guests, Node ${major}: MIPS by engine (median of ${rounds})`);
  let logarithms = 0;
  for (const [name, length] of PROGRAMS) {
    const kernel = buildGuest('programs', [`PROGRAM=${name}`, `ROUNDS=${length}`], `program-${name}`, []);
    const file = config(`program-${name}`, `name = "${name}"\nkernel = "${kernel}"\nmemory = 64\n`);
    const speed = (engine: string): number => {
      const words = [file, '--timeout', '300', '--engine', engine];
      return median(Array.from({ length: rounds }, () => runXenoscope(major, words, 'PROGRAM-DONE').report.mips));
    };
    const [interpreted, translated] = [speed('interpreter'), speed('translator')];
    logarithms += Math.log(translated / interpreted);
    const ratio = (translated / interpreted).toFixed(2);
    console.log(
      `  ${name.padEnd(12)} ${interpreted.toFixed(0).padStart(5)} ${translated.toFixed(0).padStart(5)}  ×${ratio}`,
    );
  }
  console.log(`  geometric mean ×${Math.exp(logarithms / PROGRAMS.length).toFixed(2)}`);
}
