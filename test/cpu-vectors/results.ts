/**
 * Results of one group of forms, as recorded on a real CPU: data/<group>.bin, compressed with Brotli.
 *
 *   u32     length of the header
 *   header  JSON: { "cpu": string, "forms": [{ "name", "cases", "inputs", "length" }] }; "inputs" is a hash over
 *           the cases' initial states and instructions, "length" the bytes of the form's results in the body
 *   body    results of all forms in the header's order, one per case
 *
 * A case's initial state is not stored: case.ts makes it again from the form's name, and the hash says whether it
 * is still the one that was recorded. A result holds what differs from "the instruction completed and changed
 * nothing"; all numbers are little-endian:
 *
 *   u8      parts that follow: 1 fault, 2 rip, 4 flags, 8 registers, 16 memory, 32 FPU; 64 alone: the case hit memory
 *           of the recording program or the kernel, so that there is nothing to compare
 *   fault   u8 vector, u16 error code, and for #PF u64 CR2
 *   rip     u64 (absent: next instruction, or the same one after a fault)
 *   flags   u16 low half of RFLAGS, exclusive or with the initial one
 *   regs    u16 set of general registers that changed, u64 each
 *   memory  u8 count of runs, each u16 offset in DATA, u16 length, bytes
 *   FPU     u32 set: 0-15 XMM, 16-23 ST, 24 FCW, 25 FSW, 26 FTW (abridged), 27 MXCSR; then 16, 10, 2, 2, 1, 4 bytes
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import type { CaseDraft } from './case.ts';
import { CODE, DATA, DATA_SIZE } from './layout.ts';

export interface Fault {
  readonly vector: number;
  readonly errorCode: number;
  /** Faulting address of a #PF. */
  readonly cr2: bigint;
}

export interface Result {
  readonly fault: Fault | undefined;
  readonly rip: bigint;
  readonly flags: number;
  readonly gpr: BigUint64Array;
  /** Runs of bytes that changed: offset in DATA. */
  readonly memory: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
  /** In FXSAVE format; only the fields listed above count. */
  readonly fpu: Uint8Array | undefined;
}

export interface FormHeader {
  readonly name: string;
  readonly cases: number;
  readonly inputs: string;
  readonly length: number;
}

export interface ResultFile {
  readonly cpu: string;
  readonly forms: readonly FormHeader[];
  /** Results of a form, by its name. */
  readonly bodies: ReadonlyMap<string, Uint8Array>;
}

const FAULT = 1;
const RIP = 2;
const FLAGS = 4;
const REGISTERS = 8;
const MEMORY = 16;
const FPU = 32;
const NOT_COMPARABLE = 64;

/** Fields of an FXSAVE image that count: bit in the set, offset, length. */
const FPU_FIELDS: readonly (readonly [number, number, number])[] = [
  ...Array.from({ length: 16 }, (_, i) => [i, 160 + 16 * i, 16] as const),
  ...Array.from({ length: 8 }, (_, i) => [16 + i, 32 + 16 * i, 10] as const),
  [24, 0, 2],
  [25, 2, 2],
  [26, 4, 1],
  [27, 24, 4],
];

/** Hash over what the cases of a form start from. */
export class InputHash {
  private readonly hash = createHash('sha256');

  add(draft: CaseDraft): void {
    const numbers = new Uint32Array([draft.codeAddress, draft.windowAddress, draft.flags, draft.untilBreak ? 1 : 0]);
    this.hash.update(numbers).update(draft.code).update(new Uint8Array(draft.gpr.buffer)).update(draft.window);
    if (draft.fpu !== undefined) this.hash.update(draft.fpu);
  }

  digest(): string {
    return this.hash.digest('hex').slice(0, 16);
  }
}

const nextRip = (draft: CaseDraft, faulted: boolean): bigint =>
  BigInt(draft.codeAddress + (faulted ? 0 : draft.code.length));

/** A #PF with the present bit outside the areas of layout.ts. */
function hitForeignMemory({ fault }: Result): boolean {
  if (fault?.vector !== 14 || (fault.errorCode & 1) === 0) return false;
  return fault.cr2 < BigInt(CODE) || fault.cr2 >= BigInt(DATA + DATA_SIZE);
}

export function encodeResult(draft: CaseDraft, result: Result): Uint8Array {
  if (hitForeignMemory(result)) return Uint8Array.of(NOT_COMPARABLE);
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  let at = 1;
  let parts = 0;
  if (result.fault !== undefined) {
    parts |= FAULT;
    view.setUint8(at, result.fault.vector);
    view.setUint16(at + 1, result.fault.errorCode, true);
    at += 3;
    if (result.fault.vector === 14) {
      view.setBigUint64(at, result.fault.cr2, true);
      at += 8;
    }
  }
  if (result.rip !== nextRip(draft, result.fault !== undefined)) {
    parts |= RIP;
    view.setBigUint64(at, result.rip, true);
    at += 8;
  }
  if (((result.flags ^ draft.flags) & 0xffff) !== 0) {
    parts |= FLAGS;
    view.setUint16(at, (result.flags ^ draft.flags) & 0xffff, true);
    at += 2;
  }
  let changed = 0;
  for (let i = 0; i < 16; i++) if (result.gpr[i] !== draft.gpr[i]) changed |= 1 << i;
  if (changed !== 0) {
    parts |= REGISTERS;
    view.setUint16(at, changed, true);
    at += 2;
    for (let i = 0; i < 16; i++) {
      if ((changed & (1 << i)) === 0) continue;
      view.setBigUint64(at, result.gpr[i] as bigint, true);
      at += 8;
    }
  }
  if (result.memory.length > 0) {
    parts |= MEMORY;
    view.setUint8(at++, result.memory.length);
    for (const run of result.memory) {
      view.setUint16(at, run.offset, true);
      view.setUint16(at + 2, run.bytes.length, true);
      bytes.set(run.bytes, at + 4);
      at += 4 + run.bytes.length;
    }
  }
  if (draft.fpu !== undefined && result.fpu !== undefined) {
    const head = at;
    let set = 0;
    at += 4;
    for (const [bit, offset, length] of FPU_FIELDS) {
      const now = result.fpu.subarray(offset, offset + length);
      if (Buffer.compare(now, draft.fpu.subarray(offset, offset + length)) === 0) continue;
      set |= 1 << bit;
      bytes.set(now, at);
      at += length;
    }
    if (set === 0) at = head;
    else {
      parts |= FPU;
      view.setUint32(head, set >>> 0, true);
    }
  }
  bytes[0] = parts;
  return bytes.slice(0, at);
}

/** Walks a form's results; `next` must be called once per case, in order. */
export class ResultReader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** Undefined: not comparable. */
  next(draft: CaseDraft): Result | undefined {
    const parts = this.view.getUint8(this.at++);
    if (parts === NOT_COMPARABLE) return undefined;
    let fault: Fault | undefined;
    if ((parts & FAULT) !== 0) {
      const vector = this.view.getUint8(this.at);
      const errorCode = this.view.getUint16(this.at + 1, true);
      this.at += 3;
      fault = { vector, errorCode, cr2: vector === 14 ? this.u64() : 0n };
    }
    const rip = (parts & RIP) !== 0 ? this.u64() : nextRip(draft, fault !== undefined);
    const flags = (parts & FLAGS) !== 0 ? draft.flags ^ this.u16() : draft.flags;
    const gpr = draft.gpr.slice();
    if ((parts & REGISTERS) !== 0) {
      const changed = this.u16();
      for (let i = 0; i < 16; i++) if ((changed & (1 << i)) !== 0) gpr[i] = this.u64();
    }
    const memory: { offset: number; bytes: Uint8Array }[] = [];
    if ((parts & MEMORY) !== 0) {
      for (let count = this.view.getUint8(this.at++); count > 0; count--) {
        const offset = this.u16();
        memory.push({ offset, bytes: this.take(this.u16()) });
      }
    }
    const fpu = draft.fpu?.slice();
    if ((parts & FPU) !== 0 && fpu !== undefined) {
      const set = this.view.getUint32(this.at, true);
      this.at += 4;
      for (const [bit, offset, length] of FPU_FIELDS) if ((set & (1 << bit)) !== 0) fpu.set(this.take(length), offset);
    }
    return { fault, rip, flags, gpr, memory, fpu };
  }

  private u16(): number {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }

  private u64(): bigint {
    this.at += 8;
    return this.view.getBigUint64(this.at - 8, true);
  }

  private take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

export function readResultFile(group: string): ResultFile {
  const bytes = brotliDecompressSync(readFileSync(new URL(`./data/${group}.bin`, import.meta.url)));
  const length = bytes.readUInt32LE(0);
  const header = JSON.parse(bytes.toString('utf8', 4, 4 + length)) as { cpu: string; forms: FormHeader[] };
  const bodies = new Map<string, Uint8Array>();
  let at = 4 + length;
  for (const form of header.forms) {
    bodies.set(form.name, bytes.subarray(at, at + form.length));
    at += form.length;
  }
  return { cpu: header.cpu, forms: header.forms, bodies };
}
