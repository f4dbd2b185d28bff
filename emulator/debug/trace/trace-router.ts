import type { Disposable } from '../../base/disposable.ts';
import { DisposableStore } from '../../base/disposable.ts';
import { summarize } from '../../xen/backends/xenstore/protocol.ts';
import type { HypercallRecord, TraceSink } from '../../xen/common/trace.ts';
import { formatRecord } from '../../xen/hypercall/decode.ts';
import { summarizeControlMessage } from '../../xen/ring/describe-control-ring.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import type { TraceLine } from '../target.ts';

/** What the debugger itself wants to hear of, whatever is traced. */
export interface Watchers {
  /** Each hypercall that has returned; undefined: nobody asks, so that none is decoded for it. */
  readonly hypercall: ((record: HypercallRecord) => void) | undefined;
  /** An event callback is delivered to the guest. */
  readonly callback: (() => void) | undefined;
  /** Whatever else. */
  readonly sink: TraceSink;
}

/** `ExceptionRecord.name` of an upcall for event channels. */
const EVENT_CALLBACK = 'event callback';

const NO_WATCHERS: Watchers = { hypercall: undefined, callback: undefined, sink: {} };

/** Feeds the one trace sink of a machine to trace lines and watchers; what nobody wants is absent and costs nothing. */
export class TraceRouter implements Disposable {
  private readonly disposables = new DisposableStore();
  private watchers: Watchers = NO_WATCHERS;

  /** Notices (refusals that no hypercall line shows) come with any category. */
  constructor(
    private readonly machine: Machine,
    private readonly categories: ReadonlySet<string>,
    private readonly report: (line: TraceLine) => void,
  ) {
    if (categories.has('xenstore')) {
      this.disposables.add(
        machine.onXenstore(({ domain, direction, message }) =>
          this.line('xenstore', `d${domain.domid} ${direction === 'toHost' ? '<-' : '->'} ${summarize(message)}`),
        ),
      );
    }
    if (categories.has('control')) {
      this.disposables.add(
        machine.onControl(({ domain, record: { from, message } }) =>
          this.line(
            'control',
            `d${domain.domid} ${from === 'guest' ? '<-' : '->'} ${summarizeControlMessage(message)}`,
          ),
        ),
      );
    }
    this.install();
  }

  watch(watchers: Watchers): void {
    this.watchers = watchers;
    this.install();
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private install(): void {
    const { categories, watchers } = this;
    const own = watchers.sink;
    const traced = (name: string): boolean => categories.has(name);
    const sink: TraceSink = {
      ...((traced('hypercalls') || watchers.hypercall !== undefined) && {
        hypercall: (record) => {
          if (traced('hypercalls'))
            this.line('hypercalls', `d${record.domain.domid}v${record.vcpu.index} ${formatRecord(record)}`);
          watchers.hypercall?.(record);
        },
      }),
      ...((traced('exceptions') || watchers.callback !== undefined || own.exception !== undefined) && {
        exception: (record) => {
          const { vcpu, name, text } = record;
          if (traced('exceptions')) {
            const whole = text.startsWith(name) ? text : `${name} ${text}`;
            this.line('exceptions', `d${vcpu.domain.domid}v${vcpu.index} ${whole}`);
          }
          if (name === EVENT_CALLBACK) watchers.callback?.();
          own.exception?.(record);
        },
      }),
      ...((traced('events') || own.event !== undefined) && {
        event: (record) => {
          if (traced('events')) this.line('events', `d${record.domain.domid} port ${record.port}: ${record.text}`);
          own.event?.(record);
        },
      }),
      ...((traced('grants') || own.grant !== undefined) && {
        grant: (record) => {
          if (traced('grants')) this.line('grants', `d${record.granter.domid} ${record.text}`);
          own.grant?.(record);
        },
      }),
      ...(own.root !== undefined && { root: own.root }),
      ...((categories.size > 0 || own.notice !== undefined) && {
        notice: (domain, text, what) => {
          if (categories.size > 0) this.line('notice', `d${domain.domid} ${text}`);
          own.notice?.(domain, text, what);
        },
      }),
    };
    this.machine.hypervisor.trace = sink;
  }

  private line(category: TraceLine['category'], text: string): void {
    const { instructions, virtualSeconds } = this.machine.statistics();
    this.report({ instructions, virtualSeconds, category, text });
  }
}
