import type { CodePlace, DebugInfo } from '../../dwarf/debug-info.ts';
import type { FrameRow } from '../../dwarf/frame-program.ts';
import { TypeBridge } from './type-bridge.ts';

/** One file with debugging information. */
export interface Module {
  readonly info: DebugInfo;
  readonly types: TypeBridge;
  /** As the configuration names it; sources may lie near it. */
  readonly path: string;
}

export interface ModulePlace extends CodePlace {
  readonly module: Module;
}

/** The debugging information of the kernel and of the files under "symbols", in one address space. */
export class Modules {
  readonly list: readonly Module[];

  constructor(files: readonly { readonly info: DebugInfo; readonly path: string }[]) {
    this.list = files.map(({ info, path }) => ({ info, path, types: new TypeBridge(info) }));
  }

  place(address: bigint): ModulePlace | undefined {
    for (const module of this.list) {
      const place = module.info.place(toPc(address, module));
      if (place !== undefined) return { ...place, module };
    }
    return undefined;
  }

  frameRow(address: bigint): FrameRow | undefined {
    for (const module of this.list) {
      const row = module.info.frameRow(toPc(address, module));
      if (row !== undefined) return row;
    }
    return undefined;
  }

  get problems(): readonly string[] {
    return this.list.flatMap(({ path, info }) => info.problems.map((problem) => `${path}: ${problem}`));
  }
}

/** An address as debugging information has it: signed in 64-bit files. */
export const toPc = (address: bigint, { info }: Module): number =>
  Number(info.addressSize === 8 ? BigInt.asIntN(64, address) : BigInt.asUintN(32, address));

export const fromPc = (pc: number): bigint => BigInt.asUintN(64, BigInt(pc));
export const hexadecimal = (address: bigint): string => `0x${BigInt.asUintN(64, address).toString(16)}`;
