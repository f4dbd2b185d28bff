import type { DebugTarget, EventFilter, HypercallInfo, Registers, StopEvent } from '../../emulator/debug/target.ts';
import { staleFrame, staleVariables } from '../protocol/errors.ts';
import type { ExpandedFrame, SourceFrame } from './source/source-frames.ts';
import type { Frame } from './unwinder.ts';

export interface FrameHandle {
  readonly id: number;
  readonly vcpu: number;
  /** 0 is the innermost; an inlined call has the level of the frame that it is inlined into. */
  readonly level: number;
  readonly frame: Frame;
  /** What debugging information says of it, if there is any. */
  readonly source: SourceFrame | undefined;
}

/** Answers a `variables` request, and `setVariable` where its members can be set. */
export interface VariableContainer {
  /** All, or `count` from `start` on where there are many. */
  readonly list: (start?: number, count?: number) => Promise<readonly NamedVariable[]>;
  readonly set?: (name: string, text: string) => Promise<string>;
  /** The members are the elements of an array. */
  readonly isIndexed?: boolean;
}

export interface NamedVariable {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
  /** Hexadecimal address that the value points to. */
  readonly memoryReference?: string;
  readonly evaluateName?: string;
  readonly children?: VariableContainer;
  readonly readOnly?: boolean;
  /** Where in memory the value itself is, for watching it. */
  readonly place?: { readonly address: bigint; readonly size: number };
  /** The children are so many elements, which a client may ask for in parts. */
  readonly indexedVariables?: number;
}

let nextHandle = 1000;

/** One stop of the machine, with what was handed out for it: frames, variable references, cached registers. */
export class StopData {
  private readonly frames = new Map<number, FrameHandle>();
  private readonly frameLists = new Map<number, Promise<readonly FrameHandle[]>>();
  private readonly containers = new Map<number, VariableContainer>();
  private readonly targets = new Map<number, bigint>();
  private readonly cachedRegisters = new Map<number, Promise<Registers>>();

  constructor(
    private readonly machine: DebugTarget,
    readonly event: StopEvent,
    readonly filters: readonly EventFilter[] = [],
  ) {}

  registers(vcpu: number): Promise<Registers> {
    let cached = this.cachedRegisters.get(vcpu);
    if (cached === undefined) {
      cached = this.machine.registers(vcpu);
      this.cachedRegisters.set(vcpu, cached);
    }
    return cached;
  }

  hypercall(vcpu: number): Promise<HypercallInfo | undefined> {
    return this.machine.currentHypercall(vcpu);
  }

  /** After a write by the debugger: registers and stacks have to be read again. */
  forgetValues(): void {
    this.cachedRegisters.clear();
    this.frameLists.clear();
  }

  /** Frames of a vCPU, made once by `unwind`. */
  frameList(vcpu: number, unwind: () => Promise<readonly ExpandedFrame[]>): Promise<readonly FrameHandle[]> {
    let list = this.frameLists.get(vcpu);
    if (list === undefined) {
      list = unwind().then((frames) => frames.map((frame) => this.addFrame(vcpu, frame)));
      this.frameLists.set(vcpu, list);
    }
    return list;
  }

  frame(id: number): FrameHandle {
    const found = this.frames.get(id);
    if (found === undefined) throw staleFrame();
    return found;
  }

  /** An id for an address that `goto` may name. */
  addTarget(address: bigint): number {
    const id = nextHandle++;
    this.targets.set(id, address);
    return id;
  }

  targetAddress(id: number): bigint | undefined {
    return this.targets.get(id);
  }

  /** A `variablesReference` for the container. */
  reference(container: VariableContainer): number {
    const id = nextHandle++;
    this.containers.set(id, container);
    return id;
  }

  findContainer(reference: number): VariableContainer | undefined {
    return this.containers.get(reference);
  }

  container(reference: number): VariableContainer {
    const found = this.containers.get(reference);
    if (found === undefined) throw staleVariables();
    return found;
  }

  private addFrame(vcpu: number, { frame, level, source }: ExpandedFrame): FrameHandle {
    const handle = { id: nextHandle++, vcpu, level, frame, source };
    this.frames.set(handle.id, handle);
    return handle;
  }
}
