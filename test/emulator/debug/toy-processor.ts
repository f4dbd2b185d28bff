import type { VirtualAddress } from '../../../emulator/base/numbers.ts';
import { Ram } from '../../../emulator/machine/ram.ts';
import {
  EXIT_BREAKPOINT,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_STOP,
  EXIT_SYSCALL,
  type ExitReason,
  RAX,
  RBP,
  RCX,
  RSP,
  VECTOR_UD,
} from '../../../emulator/x86/cpu/processor.ts';
import type { CreateMachine } from '../../../emulator/xen/toolstack/machine-boot.ts';
import { FakeProcessor } from '../xen/pv/fake-processor.ts';

/** Executes just enough of x86-64 for a toy kernel, with the breakpoints of the contract. Everything else is #UD. */
export class ToyProcessor extends FakeProcessor {
  private breakpoints: ReadonlySet<number> = new Set();
  private skipAt: number | undefined;
  private stopWanted = false;
  /** What the byte F1 does: whatever a test wants done at that instruction. */
  onMark: () => void = () => {};

  override setBreakpoints(addresses: readonly VirtualAddress[] = []): void {
    this.breakpoints = new Set(addresses);
  }

  override skipBreakpointOnce(): void {
    this.skipAt = this.rip;
  }

  override requestStop(): void {
    this.stopWanted = true;
  }

  override run(budget: number): ExitReason {
    for (let left = budget; left > 0; left--) {
      if (this.stopWanted) {
        this.stopWanted = false;
        return EXIT_STOP;
      }
      const skip = this.skipAt === this.rip;
      this.skipAt = undefined;
      if (this.breakpoints.has(this.rip) && !skip) return EXIT_BREAKPOINT;
      const reason = this.execute();
      if (reason !== undefined) return reason;
      this.instructions++;
    }
    return EXIT_BUDGET;
  }

  private execute(): ExitReason | undefined {
    const bytes = this.peek(this.rip, 15);
    const view = new DataView(bytes.buffer);
    const opcode = bytes[0] as number;
    const next = (length: number): void => {
      this.rip = (this.rip + length) as VirtualAddress;
    };
    if (opcode >= 0xb8 && opcode <= 0xbf) {
      this.setRegister(opcode - 0xb8, view.getInt32(1, true), 0);
      next(5);
    } else if (opcode === 0x90) {
      next(1);
    } else if (opcode === 0xeb) {
      next(2 + view.getInt8(1));
    } else if (opcode === 0xe8) {
      this.push(this.rip + 5);
      next(5 + view.getInt32(1, true));
    } else if (opcode === 0xc3) {
      this.rip = this.pop() as VirtualAddress;
    } else if (opcode === 0x5d) {
      this.setAddress(RBP, this.pop());
      next(1);
    } else if (opcode >= 0x50 && opcode <= 0x57) {
      this.push(this.address(opcode - 0x50));
      next(1);
    } else if (opcode === 0x59) {
      this.setAddress(RCX, this.pop());
      next(1);
    } else if (opcode === 0x41 && bytes[1] === 0x53) {
      this.push(this.address(11));
      next(2);
    } else if (opcode === 0x41 && bytes[1] === 0x5b) {
      this.setAddress(11, this.pop());
      next(2);
    } else if (opcode === 0x6a) {
      this.push(view.getInt8(1));
      next(2);
    } else if (opcode === 0xf1) {
      this.onMark();
      next(1);
    } else if (opcode === 0x48 && bytes[1] === 0x89 && bytes[2] === 0xe5) {
      this.setAddress(RBP, this.address(RSP));
      next(3);
    } else if (opcode === 0xf3 && bytes[1] === 0xaa) {
      // One iteration an instruction; stores nothing.
      if (this.low(RCX) > 0) this.setRegister(RCX, this.low(RCX) - 1, 0);
      if (this.low(RCX) === 0) next(2);
    } else if (opcode === 0x0f && bytes[1] === 0x05) {
      this.exit.length = 2;
      return EXIT_SYSCALL;
    } else {
      this.exit.vector = VECTOR_UD;
      this.exit.errorCode = -1;
      return EXIT_EXCEPTION;
    }
    this.setRegister(RAX, this.low(RAX), this.high(RAX));
    return undefined;
  }

  private push(value: number): void {
    this.setAddress(RSP, this.address(RSP) - 8);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
    if (!this.writeVirtual(this.address(RSP), bytes)) throw new Error('the toy stack is not mapped');
  }

  private pop(): number {
    const bytes = this.peek(this.address(RSP), 8);
    this.setAddress(RSP, this.address(RSP) + 8);
    return Number(new DataView(bytes.buffer).getBigInt64(0, true));
  }
}

export const createToyMachine: CreateMachine = (frames) => {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((frames + 1) / 16) });
  const ram = new Ram(memory, 4096, frames, 0x40000);
  return Promise.resolve({ ram, processor: new ToyProcessor(ram) });
};
