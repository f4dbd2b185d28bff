import { expect, it } from 'vitest';
import { BoundedLog } from '../../../../emulator/debug/introspection/bounded-log.ts';

it('keeps the latest, under numbers that never change', () => {
  const log = new BoundedLog<number>();
  log.add(-1);
  expect(log.from(0, 10)).toEqual({ first: 0, next: 0, entries: [] });
  log.limit = 100;
  for (let entry = 0; entry < 1000; entry++) log.add(entry);
  const all = log.from(0, 1000);
  expect(all).toMatchObject({ first: 900, next: 1000 });
  expect(all.entries).toEqual(Array.from({ length: 100 }, (_, at) => 900 + at));
  expect(log.from(995, 2)).toEqual({ first: 995, next: 1000, entries: [995, 996] });
  expect(log.from(1000, 5)).toEqual({ first: 1000, next: 1000, entries: [] });
});

it('lets go of what is too much when the limit falls, and of all when it is switched off', () => {
  const log = new BoundedLog<number>();
  log.limit = 10;
  for (let entry = 0; entry < 10; entry++) log.add(entry);
  log.limit = 3;
  expect(log.from(0, 10)).toEqual({ first: 7, next: 10, entries: [7, 8, 9] });
  log.limit = 0;
  log.add(10);
  expect(log.from(0, 10)).toEqual({ first: 10, next: 10, entries: [] });
});
