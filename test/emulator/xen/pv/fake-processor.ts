import type { MachineAddress, Mfn, VirtualAddress } from '../../../../emulator/base/numbers.ts';
import { highHalf, lowHalf, signed64 } from '../../../../emulator/base/numbers.ts';
import type { Ram } from '../../../../emulator/machine/ram.ts';
import {
  ACCESS_WRITE,
  type Access,
  CS,
  DS,
  ES,
  EXIT_BUDGET,
  type Exit,
  type ExitReason,
  FS,
  GS,
  type PagingMode,
  type Processor,
  type ProcessorHooks,
  type ProcessorState,
  STORE_DONE,
  type Walk,
} from '../../../../emulator/x86/cpu/processor.ts';
import { inspectWalk } from '../../../../emulator/x86/mmu/inspect-walk.ts';

/**
 * A processor for hypervisor tests: registers, page walks over real tables without a TLB, and a script in place of
 * instructions. Each step of the script may change registers and memory and says how it ended.
 */
export class FakeProcessor implements Processor {
  readonly exit: Exit = { reason: 0, vector: 0, errorCode: -1, cr2Low: 0, cr2High: 0, length: 0 };
  hooks!: ProcessorHooks;
  instructions = 0;
  flushes = 0;
  invalidated: number[] = [];
  rip = 0 as VirtualAddress;
  rflags = 2;
  longMode = true;
  taskSwitched = false;
  cr4 = 0;
  paging: PagingMode = '4-level';
  ceiling = 2 ** 32;
  view: 0 | 1 = 0;
  viewFollowsPrivilege = false;
  failed = false;
  /** Taken one at a time; when empty, `run` retires its whole budget. */
  readonly script: ((processor: FakeProcessor) => ExitReason)[] = [];
  private readonly lows = new Int32Array(16);
  private readonly highs = new Int32Array(16);
  private readonly selectors = new Uint16Array(6);
  private readonly baseLow = new Int32Array(6);
  private readonly baseHigh = new Int32Array(6);
  private readonly debug = new Float64Array(8);
  private readonly roots: (Mfn | undefined)[] = [undefined, undefined];
  private fpu = new Uint8Array(512);

  constructor(private readonly ram: Ram) {}

  run(budget: number): ExitReason {
    const step = this.script.shift();
    if (step === undefined) {
      this.instructions += budget;
      return EXIT_BUDGET;
    }
    return step(this);
  }
  requestStop(): void {}
  /** Selectors of 64-bit tests are not always set; those guests are in ring 3 only. */
  get privilege(): number {
    return this.viewFollowsPrivilege ? this.selector(CS) & 3 : 3;
  }
  low(register: number): number {
    return this.lows[register] as number;
  }
  high(register: number): number {
    return this.highs[register] as number;
  }
  setRegister(register: number, low: number, high: number): void {
    this.lows[register] = low;
    this.highs[register] = high;
  }
  address(register: number): VirtualAddress {
    return signed64(this.low(register), this.high(register)) as VirtualAddress;
  }
  setAddress(register: number, value: number): void {
    this.setRegister(register, lowHalf(value), highHalf(value));
  }
  selector(segment: number): number {
    return this.selectors[segment] as number;
  }
  loadSegment(segment: number, selector: number): number {
    if ((selector & 0xfffc) !== 0) {
      const descriptor = new Uint32Array(2);
      if (!this.hooks.descriptor(selector, descriptor) || ((descriptor[1] as number) & 0x8000) === 0) {
        return (13 << 16) | (selector & 0xfffc);
      }
    }
    this.selectors[segment] = selector;
    return -1;
  }
  forceSegment(segment: number, selector: number): void {
    this.selectors[segment] = selector;
    if (this.viewFollowsPrivilege) this.view = this.privilege === 3 ? 1 : 0;
  }
  dropPrivilegedSegments(): void {
    for (const segment of [ES, DS, FS, GS]) {
      if ((this.selector(segment) & 3) < this.privilege) this.selectors[segment] = 0;
    }
  }
  segmentBaseLow(segment: number): number {
    return this.baseLow[segment] as number;
  }
  segmentBaseHigh(segment: number): number {
    return this.baseHigh[segment] as number;
  }
  setSegmentBase(segment: number, low: number, high: number): void {
    this.baseLow[segment] = low;
    this.baseHigh[segment] = high;
  }
  debugRegister(index: number): number {
    return this.debug[index] as number;
  }
  setDebugRegister(index: number, low: number, high: number): void {
    this.debug[index] = signed64(low, high);
  }
  setRoot(view: 0 | 1, root: Mfn | undefined): void {
    this.roots[view] = root;
  }
  root(view: 0 | 1): Mfn | undefined {
    return this.roots[view];
  }
  flushTlb(): void {
    this.flushes++;
  }
  invalidatePage(address: VirtualAddress): void {
    this.invalidated.push(address);
  }

  translate(address: VirtualAddress, access: Access): MachineAddress | -1 {
    const walk = this.walk(address);
    const user = !this.viewFollowsPrivilege || this.view === 1;
    const permitted = (walk.user || !user) && (access !== ACCESS_WRITE || walk.writable);
    if (walk.machine !== undefined && permitted) return walk.machine;
    const present = walk.machine === undefined ? 0 : 1;
    this.exit.errorCode = present | (access === ACCESS_WRITE ? 2 : 0) | 4;
    this.exit.cr2Low = lowHalf(address);
    this.exit.cr2High = highHalf(address);
    return -1;
  }

  /** A guest store instruction: through the page tables, with the read-only hook. True when it was carried out. */
  store(address: number, size: number, low: number, high = 0): boolean {
    const virtual = address as VirtualAddress;
    const machine = this.translate(virtual, ACCESS_WRITE);
    if (machine !== -1) {
      const bytes = new Uint8Array(size);
      for (let index = 0; index < size; index++)
        bytes[index] = (index < 4 ? low >>> (index * 8) : high >>> ((index - 4) * 8)) & 0xff;
      this.ram.writeBytes(machine, bytes);
      return true;
    }
    const walk = this.walk(virtual);
    if (walk.machine === undefined) return false;
    return this.hooks.readOnlyStore(virtual, walk.machine, size, low, high) === STORE_DONE;
  }

  readVirtual(address: VirtualAddress, length: number): Uint8Array | undefined {
    const bytes = this.peek(address, length);
    return bytes.length === length ? bytes : undefined;
  }
  writeVirtual(address: VirtualAddress, bytes: Uint8Array): boolean {
    for (let index = 0; index < bytes.length; index++) {
      const machine = this.translate((address + index) as VirtualAddress, ACCESS_WRITE);
      if (machine === -1) return false;
      this.ram.write8(machine, bytes[index] as number);
    }
    return true;
  }
  read32(address: VirtualAddress): number {
    const bytes = this.readVirtual(address, 4);
    if (bytes === undefined) {
      this.failed = true;
      return 0;
    }
    return new DataView(bytes.buffer).getInt32(0, true);
  }
  write32(address: VirtualAddress, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    if (!this.writeVirtual(address, bytes)) this.failed = true;
  }

  walk(address: VirtualAddress, root = this.roots[this.view]): Walk {
    if (this.paging === '2-level') return inspectWalk(this.ram as never, '2-level', root, address);
    const levels = [];
    let table: number | undefined = root;
    let writable = true;
    let user = true;
    const low = lowHalf(address);
    const high = highHalf(address);
    const slots = [0, (low >>> 12) & 511, (low >>> 21) & 511, ((low >>> 30) | (high << 2)) & 511, (high >>> 7) & 511];
    for (let level = 4; level >= 1; level--) {
      if (table === undefined || !this.ram.hasFrame(table))
        return { levels, machine: undefined, writable, user, executable: true };
      const index = slots[level] as number;
      const at = (this.ram.offset(table) >>> 2) + index * 2;
      const entryLow = this.ram.i32[at] as number;
      const entryHigh = this.ram.i32[at + 1] as number;
      levels.push({ level, mfn: table as Mfn, index, low: entryLow, high: entryHigh });
      if ((entryLow & 1) === 0) return { levels, machine: undefined, writable, user, executable: true };
      writable &&= (entryLow & 2) !== 0;
      user &&= (entryLow & 4) !== 0;
      table = (entryHigh & 0xfffff) * 0x100000 + (entryLow >>> 12);
    }
    const machine = (table as number) * 4096 + (low & 4095);
    const inRam = this.ram.hasFrame(table as number);
    return { levels, machine: inRam ? (machine as MachineAddress) : undefined, writable, user, executable: true };
  }
  peek(address: VirtualAddress, length: number, root?: Mfn): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { machine } = this.walk((address + done) as VirtualAddress, root ?? this.roots[this.view]);
      if (machine === undefined) return bytes.slice(0, done);
      const chunk = Math.min(length - done, 4096 - (machine % 4096));
      const at = this.ram.offsetOf(machine);
      bytes.set(this.ram.u8.subarray(at, at + chunk), done);
      done += chunk;
    }
    return bytes;
  }

  setBreakpoints(): void {}
  readonly hitWatchpoints: readonly number[] = [];
  setWatchpoints(): void {}
  skipBreakpointOnce(): void {}
  saveFpu(): Uint8Array {
    return this.fpu.slice();
  }
  restoreFpu(image: Uint8Array): void {
    this.fpu = image.slice();
  }

  save(): ProcessorState {
    const { instructions, rip, rflags, longMode, taskSwitched, cr4, paging, view, failed } = this;
    return {
      ...{ instructions, rip, rflags, longMode, taskSwitched, cr4, paging, view, failed },
      arrays: this.arrays().map((array) => array.slice()),
      roots: [...this.roots],
      fpu: this.fpu.slice(),
    };
  }
  restore(state: ProcessorState): void {
    const { arrays, roots, fpu, ...fields } = state as { arrays: number[][]; roots: Mfn[]; fpu: Uint8Array };
    Object.assign(this, fields);
    for (const [index, array] of this.arrays().entries()) array.set(arrays[index] as number[]);
    for (const index of [0, 1]) this.roots[index] = roots[index];
    this.fpu = fpu.slice();
  }
  private arrays() {
    return [this.lows, this.highs, this.selectors, this.baseLow, this.baseHigh, this.debug];
  }
}
