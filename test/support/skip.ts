import type { TestContext } from 'vitest';
import { Unavailable } from './debian.ts';

/** What a test needs from outside; where it is not to be had, the test is skipped with the reason. */
export function orSkip<T>(context: TestContext, provide: () => T): T {
  try {
    return provide();
  } catch (error) {
    if (error instanceof Unavailable) context.skip(error.message);
    throw error;
  }
}

/** The same for what takes its time. */
export async function orSkipAsync<T>(context: TestContext, provide: () => Promise<T>): Promise<T> {
  try {
    return await provide();
  } catch (error) {
    if (error instanceof Unavailable) context.skip(error.message);
    throw error;
  }
}
