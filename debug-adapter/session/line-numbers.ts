import type { SessionContext } from './context.ts';

/** Lines count from 1 here and in debugging information; a client may count from 0. */
export const toLine = ({ client }: SessionContext, line: number): number =>
  line + (client.linesStartAt1 === false ? 1 : 0);
export const fromLine = ({ client }: SessionContext, line: number): number =>
  line - (client.linesStartAt1 === false ? 1 : 0);
export const fromColumn = ({ client }: SessionContext, column: number): number =>
  Math.max(0, column - (client.columnsStartAt1 === false ? 1 : 0));
