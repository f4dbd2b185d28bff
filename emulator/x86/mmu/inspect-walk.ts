import {
  highHalf,
  lowHalf,
  type MachineAddress,
  type Mfn,
  PAGE_SIZE,
  type VirtualAddress,
} from '../../base/numbers.ts';
import type { PagingMode, Walk } from '../cpu/processor.ts';
import type { PhysicalMemory } from './physical-memory.ts';

const NOWHERE: Walk = { levels: [], machine: undefined, writable: false, user: false, executable: false };

/** Page walk that changes nothing: for debugger and views. */
export function inspectWalk(
  ram: PhysicalMemory,
  paging: PagingMode,
  root: Mfn | undefined,
  address: VirtualAddress,
): Walk {
  const words = new Int32Array(ram.memory.buffer);
  const low = lowHalf(address);
  const high = highHalf(address);
  if (paging === 'off') {
    const mfn = (low >>> 12) + ram.firstMfn;
    return ram.hasFrame(mfn)
      ? {
          levels: [],
          machine: (mfn * PAGE_SIZE + (low & 4095)) as MachineAddress,
          writable: true,
          user: true,
          executable: true,
        }
      : NOWHERE;
  }
  if (root === undefined) return NOWHERE;
  const short = paging === '2-level';
  const top = short ? 2 : paging === 'pae' ? 3 : 4;
  const levels: Walk['levels'][number][] = [];
  let table: number = root;
  let writable = true;
  let user = true;
  let executable = true;
  for (let level = top; level >= 1; level--) {
    if (!ram.hasFrame(table)) return { ...NOWHERE, levels };
    const index = indexAt(low, high, level, paging);
    const at = (ram.offset(table) >> 2) + (short ? index : index * 2);
    const entryLow = words[at] as number;
    const entryHigh = short ? 0 : (words[at + 1] as number);
    levels.push({ level, mfn: table, index, low: entryLow, high: entryHigh });
    if ((entryLow & 1) === 0) return { levels, machine: undefined, writable, user, executable };
    if (!(paging === 'pae' && level === 3)) {
      writable &&= (entryLow & 2) !== 0;
      user &&= (entryLow & 4) !== 0;
      executable &&= entryHigh >= 0;
    }
    table = (entryHigh & 0xfffff) * 0x100000 + (entryLow >>> 12);
    if (level === 2 && (entryLow & 0x80) !== 0) {
      table += (low >>> 12) & (short ? 1023 : 511);
      break;
    }
  }
  const machine = ram.hasFrame(table) ? ((table * PAGE_SIZE + (low & 4095)) as MachineAddress) : undefined;
  return { levels, machine, writable, user, executable };
}

function indexAt(low: number, high: number, level: number, paging: PagingMode): number {
  if (paging === '2-level') return level === 2 ? low >>> 22 : (low >>> 12) & 1023;
  if (level === 4) return (high >>> 7) & 511;
  if (level === 3) return paging === 'pae' ? low >>> 30 : ((high & 0x7f) << 2) | (low >>> 30);
  return (low >>> (level === 2 ? 21 : 12)) & 511;
}
