import { expect, test } from 'vitest';
import { LogThrottle } from '../../../debug-adapter/session/log-throttle.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

function acted() {
  let now = 0;
  let timers: Timer[] = [];
  const sent: string[] = [];
  const scheduler = {
    now: () => now,
    later: (callback: () => void, milliseconds: number) => {
      const timer = { at: now + milliseconds, callback };
      timers.push(timer);
      const dispose = (): void => {
        timers = timers.filter((other) => other !== timer);
      };
      return { dispose };
    },
  };
  const passTo = (time: number): void => {
    for (const timer of timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at)) {
      now = timer.at;
      timers = timers.filter((other) => other !== timer);
      timer.callback();
    }
    now = time;
  };
  return { throttle: new LogThrottle(scheduler, (text) => sent.push(text)), sent, passTo };
}

test('twenty lines a second go out in batches, and the rest is counted', () => {
  const { throttle, sent, passTo } = acted();
  for (let line = 0; line < 1000; line++) throttle.add(`line ${line}`);
  expect(sent).toEqual([]);
  passTo(50);
  expect(sent).toEqual([Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join('') + dropped(980)]);
  for (let line = 0; line < 5; line++) throttle.add('late');
  passTo(2000);
  expect(sent.slice(1)).toEqual([dropped(5)]);
  throttle.add('again');
  passTo(2100);
  expect(sent.at(-1)).toBe('again\n');
});

const dropped = (count: number): string => `(${count} log messages were left out: more than 20 a second)\n`;

test('a stop sends what waits', () => {
  const { throttle, sent } = acted();
  throttle.add('one');
  throttle.flush();
  expect(sent).toEqual(['one\n']);
  throttle.flush();
  expect(sent).toHaveLength(1);
});
