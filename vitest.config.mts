import { defineConfig } from 'vitest/config';

/**
 * Five kinds of tests, told apart by how their files end:
 *   x.test.ts             needs only Node; `npm run test:quick` runs these alone
 *   x.slow.test.ts        needs only Node, and seconds of it: every recorded case of the CPU, fuzzes
 *   x.guest.test.ts       boots a guest from a Debian package (test/support/guests.ts fetches it)
 *   x.end-to-end.test.ts  drives a browser
 *   x.long.test.ts        exceeds what CI has time for; `npm run test:long`
 */
const special = ['slow', 'guest', 'end-to-end', 'long'] as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: special.map((kind) => `test/**/*.${kind}.test.ts`),
          // Files of a worker share their modules: loading them anew for each file was half of the time.
          isolate: false,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'guest',
          include: ['test/**/*.guest.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'end-to-end',
          include: ['test/**/*.end-to-end.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          testTimeout: 3_600_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
