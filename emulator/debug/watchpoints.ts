import type { VirtualAddress } from '../base/numbers.ts';
import type { Processor } from '../x86/cpu/processor.ts';
import type { WatchpointRequest } from './target.ts';

/** Bytes shown of a value that changed. */
const SHOWN = 8;

interface Armed {
  readonly request: WatchpointRequest;
  readonly address: VirtualAddress;
  /** The value when last looked at. */
  value: Uint8Array;
}

/** The debugger's watchpoints, with what was in memory before they were hit. */
export class Watchpoints {
  private armed: readonly Armed[] = [];

  constructor(private readonly processor: Processor) {}

  replace(requests: readonly WatchpointRequest[]): void {
    this.armed = requests.map((request) => {
      const address = Number(BigInt.asIntN(64, BigInt(request.address))) as VirtualAddress;
      return { request, address, value: this.look(address, request.length) };
    });
    this.processor.setWatchpoints(
      this.armed.map(({ address, request: { length, access } }) => ({
        address,
        length,
        read: access !== 'write',
        write: access !== 'read',
      })),
    );
  }

  /** Those the processor has just hit, and what became of their values. */
  hits(): { readonly breakpoints: readonly string[]; readonly text: string } {
    const hit = this.processor.hitWatchpoints.flatMap((index) => this.armed[index] ?? []);
    const texts = hit.map((point) => {
      const { address, length } = point.request;
      const now = this.look(point.address, length);
      const before = point.value;
      point.value = now;
      const same = now.every((byte, at) => byte === before[at]);
      return same
        ? `${address} accessed: ${format(now)}`
        : `${address} changed from ${format(before)} to ${format(now)}`;
    });
    return { breakpoints: hit.map(({ request }) => request.id), text: texts.join('; ') };
  }

  private look(address: VirtualAddress, length: number): Uint8Array {
    return this.processor.peek(address, Math.min(length, SHOWN));
  }
}

/** As a little-endian number. */
function format(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'nothing mapped';
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  return `0x${digits
    .reverse()
    .join('')
    .replace(/^0+(?=.)/, '')}`;
}
