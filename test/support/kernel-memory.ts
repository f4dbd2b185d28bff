import { readFileSync } from 'node:fs';
import { type PlainSymbol, packSymbols, type SymbolList, unpackSymbols } from '../../emulator/base/symbol-list.ts';
import { readKallsyms } from '../../emulator/debug/introspection/kallsyms.ts';
import { readKernelImage } from '../../emulator/xen/toolstack/image/kernel-image.ts';

export interface KernelMemory {
  /** The kernel as its loader lays it out. */
  readonly memory: Uint8Array;
  /** Address of the first byte, signed. */
  readonly base: number;
  readonly entry: number;
  readonly symbolList: SymbolList;
  readonly symbols: readonly PlainSymbol[];
  /** As many bytes as there are at an address (unsigned). */
  read(address: bigint, length: number): Uint8Array;
}

export function loadKernel(file: string): KernelMemory {
  const image = readKernelImage(readFileSync(file));
  const base = image.virtKernelStart;
  const memory = new Uint8Array(image.virtKernelEnd - base);
  for (const { offset, fileSize, physicalAddress } of image.segments) {
    const bytes = image.elf.reader.bytes.subarray(offset, offset + fileSize);
    memory.set(bytes, physicalAddress + image.virtOffset - base);
  }
  const read = (address: bigint, length: number): Uint8Array => {
    const at = Number(BigInt.asIntN(64, address)) - base;
    return at < 0 ? new Uint8Array() : memory.subarray(at, at + length);
  };
  const symbolList = readKallsyms(memory, base) ?? packSymbols([]);
  return { memory, base, entry: image.virtEntry, symbolList, symbols: unpackSymbols(symbolList), read };
}
