/** Prints decoded traces, one line each: "[     0.001234567] d1v0 mmu_update(…) = 0". */
import type { Disposable } from '../../emulator/base/disposable.ts';
import { DisposableStore } from '../../emulator/base/disposable.ts';
import { summarize } from '../../emulator/xen/backends/xenstore/protocol.ts';
import type { DecodedArgument, HypercallRecord, TraceSink } from '../../emulator/xen/common/trace.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import type { TraceCategory } from './arguments.ts';

/** Notices (refusals that no hypercall line shows) come with any category. */
export function traceTo(
  machine: Machine,
  categories: ReadonlySet<TraceCategory>,
  print: (line: string) => void,
): Disposable {
  const disposables = new DisposableStore();
  if (categories.size === 0) return disposables;
  const { hypervisor } = machine;
  const line = (domain: number, text: string, vcpu?: number): void => {
    const seconds = (hypervisor.clock.now() / 1e9).toFixed(9).padStart(16);
    print(`[${seconds}] d${domain}${vcpu === undefined ? '' : `v${vcpu}`} ${text}`);
  };
  const sink: TraceSink = {
    notice: (domain, text) => line(domain.domid, text),
    ...(categories.has('hypercalls') && {
      hypercall: (record) => line(record.domain.domid, formatHypercall(record), record.vcpu.index),
    }),
    ...(categories.has('exceptions') && {
      exception: ({ vcpu, name, text }) => line(vcpu.domain.domid, `${name} ${text}`, vcpu.index),
    }),
    ...(categories.has('events') && {
      event: ({ domain, port, text }) => line(domain.domid, `port ${port}: ${text}`),
    }),
    ...(categories.has('grants') && { grant: (domain, text) => line(domain.domid, text) }),
  };
  hypervisor.trace = sink;
  if (categories.has('xenstore')) {
    disposables.add(
      machine.onXenstore(({ domain, direction, message }) =>
        line(domain.domid, `xenstore ${direction === 'toHost' ? '<-' : '->'} ${summarize(message)}`),
      ),
    );
  }
  return disposables;
}

export function formatHypercall(record: HypercallRecord): string {
  const operation = record.suboperation === undefined ? record.name : `${record.name}.${record.suboperation}`;
  const nested = record.multicallIndex === undefined ? '' : `multicall[${record.multicallIndex}] `;
  const text = `${nested}${operation}(${record.arguments.map(formatArgument).join(', ')})`;
  const { result } = record;
  if (result === undefined) return text;
  const value = result.errno ?? (result.value === undefined ? '' : String(result.value));
  return `${text} = ${value}${result.reason === undefined ? '' : ` (${result.reason})`}`;
}

function formatArgument(argument: DecodedArgument): string {
  if (argument.children.length === 0) return `${argument.name}=${argument.value}`;
  return `${argument.name}=${argument.value === '' ? '' : `${argument.value} `}{${argument.children.map(formatArgument).join(', ')}}`;
}
