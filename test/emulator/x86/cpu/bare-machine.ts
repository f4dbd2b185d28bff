import { type MachineAddress, type Mfn, PAGE_SIZE, type VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { Ram } from '../../../../emulator/machine/ram.ts';
import { createProcessor } from '../../../../emulator/x86/cpu/create-processor.ts';
import { RAM_BASE } from '../../../../emulator/x86/cpu/layout.ts';
import { CS, DS, ES, type Processor, RSP, SS } from '../../../../emulator/x86/cpu/processor.ts';
import type { TranslatorOptions } from '../../../../emulator/x86/translator/translator.ts';

const FIRST_MFN = 0x100;
const FRAMES = 128;
/** Flat ring-3 descriptors, high words (SDM vol. 3, 3.4.5). */
const CODE64 = 0x00affb00;
const CODE32 = 0x00cffb00;
const DATA = 0x00cff300;

export const CODE_PAGE = 0x400000;
export const DATA_PAGE = 0x410000;
export const STACK_TOP = 0x42f000;
export const PTE_P = 1;
export const PTE_RW = 2;
export const PTE_US = 4;
export const PTE_A = 0x20;
export const PTE_D = 0x40;

/**
 * A processor in ring 3 with four-level tables and nothing else: 16 code pages (read-only) at CODE_PAGE, 16 data pages
 * at DATA_PAGE, 16 stack pages below STACK_TOP. One L1 table maps them all.
 */
export class BareMachine {
  /** What `create` takes when it is not told: tests of the interpreter are run once more with everything translated. */
  static translation: TranslatorOptions | undefined;

  private constructor(
    readonly ram: Ram,
    readonly processor: Processor,
  ) {}

  static async create(mode: 64 | 32 = 64, translation = BareMachine.translation): Promise<BareMachine> {
    const memory = new WebAssembly.Memory({ initial: (RAM_BASE + FRAMES * PAGE_SIZE) / 65536 });
    const ram = new Ram(memory, RAM_BASE, FRAMES, FIRST_MFN);
    const machine = new BareMachine(ram, await createProcessor(ram, translation));
    machine.build(mode);
    return machine;
  }

  private build(mode: 64 | 32): void {
    const { processor } = this;
    const all = PTE_P | PTE_RW | PTE_US;
    this.entry(FIRST_MFN, 0, FIRST_MFN + 1, all);
    this.entry(FIRST_MFN + 1, 0, FIRST_MFN + 2, all);
    this.entry(FIRST_MFN + 2, CODE_PAGE >>> 21, FIRST_MFN + 3, all);
    for (let page = 0; page < 48; page++)
      this.map(CODE_PAGE + page * PAGE_SIZE, page, page < 16 ? PTE_US : PTE_RW | PTE_US);
    processor.paging = '4-level';
    processor.setRoot(0, FIRST_MFN as Mfn);
    processor.view = 0;
    processor.forceSegment(CS, 0x33, 0xffff, mode === 64 ? CODE64 : CODE32);
    for (const segment of [SS, DS, ES]) processor.forceSegment(segment, 0x2b, 0xffff, DATA);
    processor.rflags = 0x202;
    processor.setRegister(RSP, STACK_TOP, 0);
    processor.rip = CODE_PAGE as VirtualAddress;
  }

  private entry(table: number, index: number, frame: number, flags: number, high = 0): void {
    this.ram.write64((table * PAGE_SIZE + index * 8) as MachineAddress, (frame << 12) | flags, high);
  }

  private frame(page: number): number {
    return FIRST_MFN + 16 + page;
  }

  /** Maps an address to the machine's n-th page; not-present when flags lack P only by `unmap`. */
  map(address: number, page: number, flags: number, high = 0): void {
    this.entry(FIRST_MFN + 3, (address >>> 12) & 511, this.frame(page), flags | PTE_P, high);
  }

  unmap(address: number): void {
    this.entry(FIRST_MFN + 3, (address >>> 12) & 511, 0, 0);
  }

  /** Low word of the L1 entry for an address. */
  pte(address: number): number {
    return this.ram.read32(((FIRST_MFN + 3) * PAGE_SIZE + ((address >>> 12) & 511) * 8) as MachineAddress);
  }

  /** Machine address of a virtual one as built. */
  machine(address: number): MachineAddress {
    return ((this.frame((address - CODE_PAGE) >>> 12) << 12) | (address & 4095)) as MachineAddress;
  }

  /** Hexadecimal bytes, spaces free. */
  code(text: string, address = CODE_PAGE): void {
    const bytes = Uint8Array.from(text.replaceAll(/[^0-9a-f]/gi, '').match(/../g) ?? [], (pair) =>
      Number.parseInt(pair, 16),
    );
    this.ram.writeBytes(this.machine(address), bytes);
  }

  word(address: number): number {
    return this.ram.read32(this.machine(address));
  }
}
