import { formatAddress, type VirtualAddress } from '../../base/numbers.ts';
import { RSP } from '../../x86/cpu/processor.ts';
import type { Change } from '../../xen/backends/xenstore/store.ts';
import type { HypercallRecord } from '../../xen/common/trace.ts';
import { formatArguments } from '../../xen/hypercall/decode.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';
import type { ArgumentInfo } from '../target.ts';
import { BoundedLog } from './bounded-log.ts';

/** One hypercall that has returned. */
export interface HypercallEntry {
  readonly instructions: number;
  readonly virtualSeconds: number;
  readonly domain: number;
  readonly vcpu: number;
  /** Address behind the instruction that made it, and the word on top of the stack: the caller of a call stub. */
  readonly rip: string;
  readonly top: string | undefined;
  readonly number: number;
  readonly name: string;
  readonly suboperation: string | undefined;
  /** In one line, and as a tree. */
  readonly text: string;
  readonly arguments: readonly ArgumentInfo[];
  readonly multicallIndex: number | undefined;
  /** "0"; "none" where registers were replaced. */
  readonly result: string;
  readonly errno: string | undefined;
  readonly reason: string | undefined;
}

export interface XenstoreEntry {
  readonly instructions: number;
  readonly virtualSeconds: number;
  /** Who did it; 0: toolstack, back ends, tools. */
  readonly domain: number;
  readonly operation: Change['kind'] | 'watch';
  readonly path: string;
  readonly value: string;
}

/** What has happened since somebody began to look: recorded only while a view wants it, and only the latest. */
export class Histories {
  readonly hypercalls = new BoundedLog<HypercallEntry>();
  readonly xenstore = new BoundedLog<XenstoreEntry>();

  constructor(private readonly machine: Machine) {}

  hypercallReturned(record: HypercallRecord): void {
    if (!this.hypercalls.isOn) return;
    const { processor } = this.machine.hypervisor;
    const { result, domain, vcpu, instructions, now } = record;
    this.hypercalls.add({
      ...{ instructions, virtualSeconds: now / 1e9, domain: domain.domid, vcpu: vcpu.index },
      ...{ rip: formatAddress(processor.rip), top: this.stackTop(domain.width) },
      ...{ number: record.number, name: record.name, suboperation: record.suboperation },
      ...{ text: formatArguments(record), arguments: record.arguments, multicallIndex: record.multicallIndex },
      result: result?.value === undefined ? 'none' : String(result.value),
      ...{ errno: result?.errno, reason: result?.reason },
    });
  }

  storeChanged(change: Change, domain: number): void {
    const value = change.kind === 'write' ? String.fromCharCode(...change.value) : '';
    this.addStore(change.kind, domain, change.path, value);
  }

  watchFired(domain: number, watch: string, path: string): void {
    this.addStore('watch', domain, path, watch);
  }

  private addStore(operation: XenstoreEntry['operation'], domain: number, path: string, value: string): void {
    this.xenstore.add({ ...this.machine.statistics(), domain, operation, path, value });
  }

  private stackTop(width: 64 | 32): string | undefined {
    const { processor } = this.machine.hypervisor;
    const bytes = processor.peek(processor.address(RSP) as VirtualAddress, width / 8);
    if (bytes.length < width / 8) return undefined;
    let value = 0n;
    for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] as number);
    return `0x${value.toString(16)}`;
  }
}
