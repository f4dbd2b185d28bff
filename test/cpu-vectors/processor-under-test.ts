import {
  type MachineAddress,
  type Mfn,
  PAGE_SHIFT,
  PAGE_SIZE,
  type VirtualAddress,
} from '../../emulator/base/numbers.ts';
import { Ram } from '../../emulator/machine/ram.ts';
import { createProcessor } from '../../emulator/x86/cpu/create-processor.ts';
import { RAM_BASE } from '../../emulator/x86/cpu/layout.ts';
import {
  CS,
  DS,
  ES,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  FS,
  GS,
  type Processor,
  SS,
} from '../../emulator/x86/cpu/processor.ts';
import { EAGER_OPTIONS } from '../../emulator/x86/translator/translator.ts';
import type { Mode, VectorProcessor } from './checker.ts';
import {
  CODE,
  CODE_SIZE,
  DATA,
  DATA_SIZE,
  DATA_WRITABLE,
  FS_BASE,
  GS_BASE,
  SELECTOR_CS,
  SELECTOR_DATA,
} from './layout.ts';
import type { Fault } from './results.ts';

const FIRST_MFN = 0x1000;
const FRAMES = 64;
const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const NO_EXECUTE = 0x80000000 | 0;
/** Flat ring-3 segments, as Linux has them (SDM vol. 3, 3.4.5). */
const CODE64 = 0x00affb00;
const CODE32 = 0x00cffb00;
const DATA32 = 0x00cff300;
/** Frames of CODE and DATA follow each other. */
const CODE_FRAME = FIRST_MFN + 16;
const DATA_FRAME = CODE_FRAME + CODE_SIZE / PAGE_SIZE;
/** More iterations than any recorded string instruction has. */
const ENDLESS = 1000;

/** The two descriptors of Linux's GDT that the cases name. */
function descriptor(selector: number, out: Uint32Array): boolean {
  const high = selector >> 3 === SELECTOR_CS >> 3 ? CODE64 : selector >> 3 === SELECTOR_DATA >> 3 ? DATA32 : undefined;
  if (high === undefined) return false;
  out[0] = 0xffff;
  out[1] = high;
  return true;
}

/** Our processor in ring 3, with page tables that map what layout.ts describes. */
export class ProcessorUnderTest implements VectorProcessor {
  readonly data: Uint8Array;
  private mode: Mode | undefined;
  /** With regions: instructions that are blocks of their own, such as branches, run without the one after them. */
  endsBlocks = false;

  private constructor(
    private readonly ram: Ram,
    private readonly processor: Processor,
    private readonly regions: boolean,
  ) {
    const start = ram.offset(DATA_FRAME as Mfn);
    this.data = ram.u8.subarray(start, start + DATA_SIZE);
    this.mapPages();
    processor.paging = '4-level';
    processor.setRoot(0, FIRST_MFN as Mfn);
    processor.setRoot(1, FIRST_MFN as Mfn);
    processor.view = 1;
    processor.cr4 = 0x660;
    processor.hooks = { ...processor.hooks, descriptor };
  }

  /** With `regions`, every block is translated before it runs. */
  static async create(regions = false): Promise<ProcessorUnderTest> {
    const memory = new WebAssembly.Memory({ initial: RAM_BASE / 65536 + (FRAMES * PAGE_SIZE) / 65536 });
    const ram = new Ram(memory, RAM_BASE, FRAMES, FIRST_MFN);
    return new ProcessorUnderTest(ram, await createProcessor(ram, regions ? EAGER_OPTIONS : undefined), regions);
  }

  /** CODE and DATA lie in one 2 MiB region: one table of each level. */
  private mapPages(): void {
    const entry = (table: number, index: number, frame: number, low: number, high: number): void => {
      const address = (table * PAGE_SIZE + index * 8) as MachineAddress;
      this.ram.write64(address, (frame << PAGE_SHIFT) | low, high | (frame >>> (32 - PAGE_SHIFT)));
    };
    const all = PRESENT | WRITABLE | USER;
    const index = (address: number, level: number): number => Math.floor(address / 2 ** (12 + 9 * level)) & 511;
    for (let level = 3; level > 0; level--) {
      const table = FIRST_MFN + 3 - level;
      entry(table, index(CODE, level), table + 1, all, 0);
    }
    const map = (address: number, frame: number, low: number, high: number): void =>
      entry(FIRST_MFN + 3, index(address, 0), frame, PRESENT | USER | low, high);
    for (let at = 0; at < CODE_SIZE; at += PAGE_SIZE) map(CODE + at, CODE_FRAME + at / PAGE_SIZE, 0, 0);
    for (let at = 0; at < DATA_SIZE; at += PAGE_SIZE) {
      map(DATA + at, DATA_FRAME + at / PAGE_SIZE, at < DATA_WRITABLE ? WRITABLE : 0, NO_EXECUTE);
    }
  }

  write(address: number, bytes: Uint8Array): void {
    const [area, frame] = address >= DATA ? [DATA, DATA_FRAME] : [CODE, CODE_FRAME];
    this.ram.writeBytes((frame * PAGE_SIZE + address - area) as MachineAddress, bytes);
  }

  load(mode: Mode, gpr: BigUint64Array, rip: number, flags: number, fpu: Uint8Array | undefined): void {
    const { processor } = this;
    this.loadSegments(mode, mode === 32 && this.namesFsOrGs(rip));
    const halves = new Int32Array(gpr.buffer, gpr.byteOffset, 32);
    for (let i = 0; i < 16; i++) {
      processor.setRegister(i, halves[2 * i] as number, mode === 64 ? (halves[2 * i + 1] as number) : 0);
    }
    processor.rip = rip as VirtualAddress;
    processor.rflags = flags;
    if (fpu !== undefined) processor.restoreFpu(fpu);
  }

  /** Whether the instruction has an FS or GS prefix. */
  private namesFsOrGs(rip: number): boolean {
    const start = this.ram.offset(CODE_FRAME as Mfn) + rip - CODE;
    for (const byte of this.ram.u8.subarray(start, start + 15)) {
      if (byte === 0x64 || byte === 0x65) return true;
      if (![0x26, 0x2e, 0x36, 0x3e, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte)) return false;
    }
    return false;
  }

  /** Linux leaves FS and GS null with bases of their own; outside 64-bit mode a null one cannot be used. */
  private loadSegments(mode: Mode, used: boolean): void {
    const { processor } = this;
    const own = used ? SELECTOR_DATA : 0;
    const changed =
      processor.selector(DS) !== SELECTOR_DATA ||
      processor.selector(ES) !== SELECTOR_DATA ||
      processor.selector(FS) !== own;
    if (mode === this.mode && !changed) return;
    this.mode = mode;
    processor.forceSegment(CS, SELECTOR_CS, 0xffff, mode === 64 ? CODE64 : CODE32);
    for (const segment of [SS, DS, ES]) processor.forceSegment(segment, SELECTOR_DATA, 0xffff, DATA32);
    for (const segment of [FS, GS]) processor.forceSegment(segment, own, 0xffff, DATA32);
    processor.setSegmentBase(FS, Number(FS_BASE), 0);
    if (mode === 64) processor.setSegmentBase(GS, Number(GS_BASE & 0xffffffffn) | 0, Number(GS_BASE >> 32n));
  }

  step(repeats: boolean): Fault | undefined {
    if (this.regions) return this.stepInRegion(repeats);
    const { processor } = this;
    const { rip } = processor;
    for (let i = 0; i < ENDLESS; i++) {
      const reason = processor.run(1);
      if (reason === EXIT_BUDGET) {
        if (!repeats || processor.rip !== rip) return undefined;
        continue;
      }
      const { exit } = processor;
      // Whatever else stops the processor is no result of a recorded instruction.
      if (reason !== EXIT_EXCEPTION) return { vector: 256 + reason, errorCode: 0, cr2: 0n };
      const cr2 = (BigInt(exit.cr2High >>> 0) << 32n) | BigInt(exit.cr2Low >>> 0);
      return { vector: exit.vector, errorCode: exit.errorCode, cr2: exit.vector === 14 ? cr2 : 0n };
    }
    return { vector: 512, errorCode: 0, cr2: 0n };
  }

  /**
   * One instruction alone is the interpreter's. So its whole block runs, which FILLER ends; what comes after the
   * instruction is left out of the answer.
   */
  private stepInRegion(repeats: boolean): Fault | undefined {
    const { processor } = this;
    const { rip, instructions } = processor;
    const reason = processor.run(repeats ? ENDLESS : this.endsBlocks ? 1 : 2);
    if (reason === EXIT_BUDGET) return undefined;
    const { exit } = processor;
    if (reason !== EXIT_EXCEPTION) return { vector: 256 + reason, errorCode: 0, cr2: 0n };
    const after = processor.rip;
    const retired = processor.instructions - instructions;
    if (
      after !== rip &&
      !this.endsBlocks &&
      (retired > 1 || exit.vector !== 3) &&
      exit.vector !== 1 &&
      exit.vector !== 4
    ) {
      if (exit.vector === 3) processor.rip = (after - 1) as VirtualAddress;
      return undefined;
    }
    const cr2 = (BigInt(exit.cr2High >>> 0) << 32n) | BigInt(exit.cr2Low >>> 0);
    return { vector: exit.vector, errorCode: exit.errorCode, cr2: exit.vector === 14 ? cr2 : 0n };
  }

  set taskSwitched(value: boolean) {
    this.processor.taskSwitched = value;
  }

  get rip(): bigint {
    return BigInt.asUintN(64, BigInt(this.processor.rip));
  }

  get flags(): number {
    return this.processor.rflags;
  }

  register(index: number): bigint {
    return (BigInt(this.processor.high(index) >>> 0) << 32n) | BigInt(this.processor.low(index) >>> 0);
  }

  fpu(): Uint8Array {
    return this.processor.saveFpu();
  }
}
