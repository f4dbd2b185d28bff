import type { HypercallRecord } from '../xen/common/trace.ts';
import type { HypercallInfo } from './target.ts';

/** "hypercall sched_op.block". */
export function callText({ name, suboperation }: HypercallRecord): string {
  return `hypercall ${name}${suboperation === undefined ? '' : `.${suboperation}`}`;
}

/** A record as plain data for clients. */
export function hypercallInfo(record: HypercallRecord): HypercallInfo {
  const { name, number, suboperation, arguments: list, result } = record;
  return {
    name,
    number,
    suboperation,
    arguments: list,
    result:
      result === undefined
        ? undefined
        : {
            value: result.value === undefined ? 'none' : String(result.value),
            errno: result.errno,
            reason: result.reason,
          },
  };
}
