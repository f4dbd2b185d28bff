import type { EventFilter } from '../target.ts';

/** Id under which a filter is named among the breakpoints of a stop. */
export const filterId = (filter: EventFilter): string => `filter:${filter}`;
