import type { MemorySpace } from '../../emulator/debug/target.ts';
import { badArguments } from '../protocol/errors.ts';

export interface MemoryReference {
  readonly space: MemorySpace;
  readonly address: bigint;
}

/**
 * A DAP memory reference: "0xffffffff81000000", decimal, or with the space before it: "machine:0x1000",
 * "pseudo-physical:0x1000". Undefined: something else.
 */
export function parseReference(text: string): MemoryReference | undefined {
  const match = /^(?:(virtual|pseudo-physical|machine):)?(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/.exec(text.trim());
  if (match?.[2] === undefined) return undefined;
  return { space: (match[1] ?? 'virtual') as MemorySpace, address: BigInt.asUintN(64, BigInt(match[2])) };
}

/** `address` moved by a DAP offset. Throws `ProtocolError` when that is no whole number. */
export function moved(address: bigint, offset: number | undefined): bigint {
  if (offset === undefined) return address;
  if (!Number.isSafeInteger(offset)) throw badArguments('"offset" must be a whole number');
  return BigInt.asUintN(64, address + BigInt(offset));
}

export function formatReference({ space, address }: MemoryReference): string {
  const text = `0x${BigInt.asUintN(64, address).toString(16)}`;
  return space === 'virtual' ? text : `${space}:${text}`;
}
