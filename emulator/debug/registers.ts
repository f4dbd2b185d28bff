import { formatAddress, type MachineAddress, PAGE_SHIFT, signed64, type VirtualAddress } from '../base/numbers.ts';
import {
  CS,
  DS,
  EFLAGS_AC,
  EFLAGS_AF,
  EFLAGS_CF,
  EFLAGS_DF,
  EFLAGS_ID,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_OF,
  EFLAGS_PF,
  EFLAGS_RF,
  EFLAGS_SF,
  EFLAGS_TF,
  EFLAGS_VM,
  EFLAGS_ZF,
  ES,
  FS,
  GS,
  type Processor,
  R8,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  SS,
} from '../x86/cpu/processor.ts';
import type { Hypervisor } from '../xen/common/hypervisor.ts';
import { upcallMaskByte, upcallPending, vcpuInfoField } from '../xen/common/shared-info.ts';
import type { Vcpu } from '../xen/common/vcpu.ts';
import type { Registers } from './target.ts';

const GENERAL: readonly (readonly [string, number])[] = [
  ['rax', RAX],
  ['rbx', RBX],
  ['rcx', RCX],
  ['rdx', RDX],
  ['rsi', RSI],
  ['rdi', RDI],
  ['rbp', RBP],
  ['rsp', RSP],
  ...Array.from({ length: 8 }, (_, index) => [`r${index + 8}`, R8 + index] as const),
];
const SEGMENTS: readonly (readonly [string, number])[] = [
  ['cs', CS],
  ['ss', SS],
  ['ds', DS],
  ['es', ES],
  ['fs', FS],
  ['gs', GS],
];
const FLAGS: readonly (readonly [string, number])[] = [
  ['ID', EFLAGS_ID],
  ['AC', EFLAGS_AC],
  ['VM', EFLAGS_VM],
  ['RF', EFLAGS_RF],
  ['NT', EFLAGS_NT],
  ['OF', EFLAGS_OF],
  ['DF', EFLAGS_DF],
  ['IF', EFLAGS_IF],
  ['TF', EFLAGS_TF],
  ['SF', EFLAGS_SF],
  ['ZF', EFLAGS_ZF],
  ['AF', EFLAGS_AF],
  ['PF', EFLAGS_PF],
  ['CF', EFLAGS_CF],
];

/** Registers of one vCPU, wherever they are: in the processor when it is the current one, else saved. */
interface Source {
  low(register: number): number;
  high(register: number): number;
  rip: VirtualAddress;
  rflags: number;
  selector(segment: number): number;
  baseLow(segment: number): number;
  baseHigh(segment: number): number;
  fpu(): Uint8Array;
}

/** All registers as the guest's kernel developer knows them; CR2, CR3 and the event mask are Xen's view of the vCPU. */
export function readRegisters(xen: Hypervisor, vcpu: Vcpu): Registers {
  const source = sourceOf(xen, vcpu);
  const general: Record<string, string> = { rip: formatAddress(source.rip) };
  const narrow = vcpu.domain.width === 32;
  for (const [name, index] of narrow ? GENERAL.slice(0, GENERAL_32) : GENERAL)
    general[name] = hex64(source.low(index), narrow ? 0 : source.high(index));
  const segment: Record<string, string> = {};
  for (const [name, index] of SEGMENTS) segment[name] = hexadecimal(source.selector(index));
  segment.fs_base = hex64(source.baseLow(FS), source.baseHigh(FS));
  segment.gs_base = hex64(source.baseLow(GS), source.baseHigh(GS));
  if (narrow) return { general, segment, ...rest(xen, vcpu, source, XMM_32) };
  if (vcpu.kernelMode) segment.gs_base_user = hex64(vcpu.gsBaseUserLow, vcpu.gsBaseUserHigh);
  else segment.gs_base_kernel = hex64(vcpu.gsBaseKernelLow, vcpu.gsBaseKernelHigh);
  return { general, segment, ...rest(xen, vcpu, source, XMM_64) };
}

/** How many of GENERAL, and of the XMM registers, a 32-bit guest has. They keep their 64-bit names, for whoever reads. */
const GENERAL_32 = 8;
const XMM_32 = 8;
const XMM_64 = 16;

function rest(
  xen: Hypervisor,
  vcpu: Vcpu,
  source: Source,
  vectors: number,
): Pick<Registers, 'control' | 'flags' | 'vector'> {
  return {
    control: readControl(xen, vcpu),
    flags: { value: hexadecimal(source.rflags), words: flagWords(source.rflags) },
    vector: readVector(source.fpu(), vectors),
  };
}

/** Program counter of a vCPU. */
export function ripOf(xen: Hypervisor, vcpu: Vcpu): VirtualAddress {
  return sourceOf(xen, vcpu).rip;
}

/** Stack pointer of a vCPU. */
export function stackPointerOf(xen: Hypervisor, vcpu: Vcpu): VirtualAddress {
  const source = sourceOf(xen, vcpu);
  return signed64(source.low(RSP), source.high(RSP)) as VirtualAddress;
}

/** Writes one register; false: no such register, or none that a debugger may set. `value` is unsigned 64-bit. */
export function writeRegister(xen: Hypervisor, vcpu: Vcpu, name: string, wanted: bigint): boolean {
  const narrow = vcpu.domain.width === 32;
  // Upper halves of a 32-bit guest's registers do not exist.
  const value = narrow && !name.startsWith('xmm') ? BigInt.asUintN(32, wanted) : wanted;
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  const { processor } = xen;
  const current = xen.current === vcpu;
  const saved = vcpu.registers;
  const general = GENERAL.slice(0, narrow ? GENERAL_32 : GENERAL.length).find(([known]) => known === name)?.[1];
  if (general !== undefined) {
    if (current) processor.setRegister(general, low, high);
    else {
      saved.low[general] = low;
      saved.high[general] = high;
    }
    return true;
  }
  switch (name) {
    case 'rip': {
      const rip = Number(BigInt.asIntN(64, value)) as VirtualAddress;
      if (BigInt(rip) !== BigInt.asIntN(64, value) || !isCanonical(value)) return false;
      if (current) processor.rip = rip;
      else saved.rip = rip;
      return true;
    }
    case 'rflags':
      if (current) processor.rflags = (low & ~EFLAGS_VM) | 2;
      else saved.rflags = (low & ~EFLAGS_VM) | 2;
      return true;
    case 'fs_base':
    case 'gs_base': {
      if (!isCanonical(value)) return false;
      const segment = name === 'fs_base' ? FS : GS;
      if (current) processor.setSegmentBase(segment, low, high);
      else {
        saved.baseLow[segment] = low;
        saved.baseHigh[segment] = high;
      }
      return true;
    }
    default:
      return writeVector(xen, vcpu, name, value);
  }
}

function writeVector(xen: Hypervisor, vcpu: Vcpu, name: string, value: bigint): boolean {
  const match = /^xmm(\d+)$/.exec(name);
  const index = Number(match?.[1]);
  if (match === null || index > 15) return false;
  const image = sourceOf(xen, vcpu).fpu().slice();
  const view = new DataView(image.buffer);
  view.setBigUint64(XMM_OFFSET + 16 * index, BigInt.asUintN(64, value), true);
  view.setBigUint64(XMM_OFFSET + 16 * index + 8, BigInt.asUintN(64, value >> 64n), true);
  if (xen.current === vcpu) xen.processor.restoreFpu(image);
  else vcpu.registers.fpu = image;
  return true;
}

const isCanonical = (value: bigint): boolean => BigInt.asIntN(48, value) === BigInt.asIntN(64, value);

function sourceOf(xen: Hypervisor, vcpu: Vcpu): Source {
  if (xen.current === vcpu) return processorSource(xen.processor);
  const saved = vcpu.registers;
  return {
    low: (register) => saved.low[register] as number,
    high: (register) => saved.high[register] as number,
    rip: saved.rip,
    rflags: saved.rflags,
    selector: (segment) => saved.selectors[segment] as number,
    baseLow: (segment) => saved.baseLow[segment] as number,
    baseHigh: (segment) => saved.baseHigh[segment] as number,
    fpu: () => saved.fpu,
  };
}

const processorSource = (processor: Processor): Source => ({
  low: (register) => processor.low(register),
  high: (register) => processor.high(register),
  rip: processor.rip,
  rflags: processor.rflags,
  selector: (segment) => processor.selector(segment),
  baseLow: (segment) => processor.segmentBaseLow(segment),
  baseHigh: (segment) => processor.segmentBaseHigh(segment),
  fpu: () => processor.saveFpu(),
});

function readControl(xen: Hypervisor, vcpu: Vcpu): Readonly<Record<string, string>> {
  const { ram, processor } = xen;
  const current = xen.current === vcpu;
  const root = (mfn: number | undefined): string => (mfn === undefined ? '0x0' : formatAddress(mfn * 2 ** PAGE_SHIFT));
  const taskSwitched = current ? processor.taskSwitched : vcpu.registers.taskSwitched;
  const control: Record<string, string> = {
    // What Xen answers to a read of CR0: PG, AM, WP, NE, ET, MP, PE and the guest's TS (X86_CR0 bits, SDM vol. 3, 2.5).
    cr0: hexadecimal((0x80050033 | (taskSwitched ? 8 : 0)) >>> 0),
    cr2: '0x0',
    cr3: root(vcpu.kernelMode ? vcpu.kernelRoot : (vcpu.userRoot ?? vcpu.kernelRoot)),
    cr4: hexadecimal((current ? processor.cr4 : vcpu.cr4) >>> 0),
    cr3_kernel: root(vcpu.kernelRoot),
    cr3_user: root(vcpu.userRoot),
    mode: vcpu.kernelMode ? 'kernel' : 'user',
  };
  if (vcpu.vcpuInfo !== 0) {
    if (vcpu.domain.abiVersion === '4') {
      const cr2 = vcpuInfoField(vcpu, 'arch_cr2');
      control.cr2 = hex64(ram.read32(cr2), vcpu.domain.width === 64 ? ram.read32((cr2 + 4) as MachineAddress) : 0);
    } else {
      control.cr2 = hexadecimal(vcpu.faultAddress);
      control.paging = vcpu.domain.paging;
    }
    control.upcall_mask = hexadecimal(upcallMaskByte(ram, vcpu));
    control.upcall_pending = upcallPending(ram, vcpu) ? '0x1' : '0x0';
  }
  return control;
}

function flagWords(rflags: number): string {
  const words = FLAGS.filter(([, bit]) => (rflags & bit) !== 0).map(([name]) => name);
  const level = (rflags & EFLAGS_IOPL) >> 12;
  if (level !== 0) words.push(`IOPL=${level}`);
  return words.join(' ');
}

/** FXSAVE image (SDM vol. 1, 10.5.1): FCW, FSW, MXCSR, ST0–7 at 32, XMM0–15 at 160, 16 bytes each. */
const ST_OFFSET = 32;
const XMM_OFFSET = 160;

function readVector(image: Uint8Array, vectors: number): Readonly<Record<string, string>> {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const vector: Record<string, string> = {};
  for (let index = 0; index < vectors; index++) vector[`xmm${index}`] = wide(image, XMM_OFFSET + 16 * index, 16);
  for (let index = 0; index < 8; index++) vector[`st${index}`] = wide(image, ST_OFFSET + 16 * index, 10);
  vector.mxcsr = hexadecimal(view.getUint32(24, true));
  vector.fcw = hexadecimal(view.getUint16(0, true));
  vector.fsw = hexadecimal(view.getUint16(2, true));
  return vector;
}

function wide(image: Uint8Array, offset: number, length: number): string {
  const digits = Array.from(image.subarray(offset, offset + length), (byte) => byte.toString(16).padStart(2, '0'));
  return `0x${digits
    .reverse()
    .join('')
    .replace(/^0+(?=.)/, '')}`;
}

const hexadecimal = (value: number): string => `0x${(value >>> 0).toString(16)}`;

function hex64(low: number, high: number): string {
  const top = (high >>> 0).toString(16);
  const bottom = (low >>> 0).toString(16);
  return top === '0' ? `0x${bottom}` : `0x${top}${bottom.padStart(8, '0')}`;
}
