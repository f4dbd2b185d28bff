import { nearestName } from '../../emulator/base/nearest-name.ts';
import { POINT_KINDS } from '../../emulator/debug/xen-events/criterion.ts';
import { ExpressionError } from '../expression/error.ts';
import { evaluateNumber } from '../expression/evaluator.ts';
import type { BreakpointSpec } from './breakpoint-table.ts';
import type { SessionContext } from './context.ts';
import { symbolEnvironment } from './environment.ts';

type Place = Pick<BreakpointSpec, 'addresses' | 'hypercall' | 'message' | 'verified' | 'xen'>;

const HYPERCALL = /^(?:hypercall|hcall)\s*:\s*(.*)$/i;
/** A kind and what follows; "::" belongs to symbols of C++ and Rust. */
const KIND = /^([A-Za-z]\w*)\s*:(?!:)/;
const nowhere = (message: string): Place => ({ addresses: [], hypercall: undefined, message, verified: false });
const hexadecimal = (address: bigint): string => `0x${BigInt.asUintN(64, address).toString(16)}`;

/**
 * Finds out what a function breakpoint's name means:
 * `hypercall:NAME[.SUBOP]`, `hypercall:29`, `hypercall:*` · `evtchn:PORT` and the other kinds of Xen breakpoints, which
 * the machine judges · `*ADDRESS` with any expression over symbols · a symbol,
 * or a sum such as `start_kernel+0x10`. Static functions of one name are broken on all together.
 */
export async function resolveFunction(context: SessionContext, name: string): Promise<Place> {
  const hypercall = HYPERCALL.exec(name)?.[1];
  if (hypercall !== undefined) {
    if (hypercall === '') return nowhere('Name a hypercall, such as hypercall:mmu_update.');
    return { addresses: [], hypercall, message: '', verified: true };
  }
  const kind = (name.toLowerCase() === 'cr3' ? name : KIND.exec(name)?.[1])?.toLowerCase();
  if (kind !== undefined && POINT_KINDS.includes(kind)) {
    return { addresses: [], hypercall: undefined, xen: name, message: '', verified: true };
  }
  if (kind !== undefined) return nowhere(unknownKind(kind));
  const symbols = await context.symbols();
  const same = symbols.allByName(name);
  if (same.length > 0) {
    const message = same.length === 1 ? '' : `${same.length} functions have this name; all are broken on.`;
    return {
      addresses: same.map(({ address }) => hexadecimal(address)),
      hypercall: undefined,
      message,
      verified: true,
    };
  }
  try {
    const address = await evaluateNumber(name.startsWith('*') ? name.slice(1) : name, symbolEnvironment(symbols));
    return { addresses: [hexadecimal(address)], hypercall: undefined, message: '', verified: true };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    if (!/^[A-Za-z_.$][\w.$]*$/.test(name)) return nowhere(error.message);
    return nowhere(await explainUnknown(context, name, symbols.count, symbols.nearest(name)));
  }
}

function unknownKind(kind: string): string {
  const kinds = ['hypercall', ...POINT_KINDS];
  const nearest = nearestName(kind, kinds);
  return `Nothing that Xen knows is called "${kind}"; ${
    nearest === undefined ? `there are ${kinds.join(', ')}.` : `did you mean ${nearest}?`
  }`;
}

async function explainUnknown(
  context: SessionContext,
  name: string,
  known: number,
  nearest: string | undefined,
): Promise<string> {
  const hypercalls = await context.hypercallsByNumber();
  if ([...hypercalls.values()].includes(name))
    return `No symbol has this name; for the hypercall write hypercall:${name}.`;
  if (known === 0) return 'The kernel has no symbols; give an ELF file with them under "symbols".';
  return `No symbol has this name${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}
