import { highHalf, type VirtualAddress } from '../../base/numbers.ts';
import { DS, EFLAGS_DF, EFLAGS_TF, ES, RAX, RCX, RDI, RDX, RSI } from '../../x86/cpu/processor.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';
import { VMASST_TYPE_ARCHITECTURAL_IOPL } from '../public/xen-4/xen.ts';
import { readControl, writeControl } from './control-registers.ts';
import { getDebugRegister, portBreakpoints, setDebugRegister } from './debug-registers.ts';
import { codeAddress, emulateCpuid } from './emul-inv-op.ts';
import { DR6_SINGLE_STEP, injectDebugTrap, injectPageFault } from './inject.ts';
import { readPort, writePort } from './io-ports.ts';
import { readMsr, writeMsr } from './msr.ts';

/**
 * Privileged instructions that Xen carries out for PV guests (pv/emul-priv-op.c). Not emulated, as in Xen: HLT, LGDT,
 * LIDT, LLDT, LTR, INVLPG; they fault into the guest.
 */
interface Instruction {
  readonly opcode: number;
  /** 0F escape. */
  readonly twoByte: boolean;
  /** ModRM byte, for those that have one. */
  readonly modrm: number;
  readonly immediate: number;
  readonly length: number;
  readonly operandSize: 2 | 4 | 8;
  readonly addressSize: 4 | 8;
  readonly repeat: boolean;
  readonly rexR: boolean;
  readonly rexB: boolean;
  /** Segment override, or -1. */
  readonly segment: number;
}

type Handler = (xen: Hypervisor, vcpu: Vcpu, instruction: Instruction) => boolean;

/**
 * In user mode too, by the guest's own IOPL. CLI and STI change nothing: a PV guest's interrupt flag is its upcall mask.
 */
const ONE_BYTE: Readonly<Record<number, Handler>> = {
  108: (xen, vcpu, instruction) => stringInput(xen, vcpu, instruction, 1),
  109: (xen, vcpu, instruction) => stringInput(xen, vcpu, instruction, wordSize(instruction)),
  110: (xen, vcpu, instruction) => stringOutput(xen, vcpu, instruction, 1),
  111: (xen, vcpu, instruction) => stringOutput(xen, vcpu, instruction, wordSize(instruction)),
  228: (xen, vcpu, instruction) => input(xen, vcpu, instruction.immediate, 1),
  229: (xen, vcpu, instruction) => input(xen, vcpu, instruction.immediate, wordSize(instruction)),
  230: (xen, vcpu, instruction) => output(xen, vcpu, instruction.immediate, 1),
  231: (xen, vcpu, instruction) => output(xen, vcpu, instruction.immediate, wordSize(instruction)),
  236: (xen, vcpu) => input(xen, vcpu, xen.processor.low(RDX) & 0xffff, 1),
  237: (xen, vcpu, instruction) => input(xen, vcpu, xen.processor.low(RDX) & 0xffff, wordSize(instruction)),
  238: (xen, vcpu) => output(xen, vcpu, xen.processor.low(RDX) & 0xffff, 1),
  239: (xen, vcpu, instruction) => output(xen, vcpu, xen.processor.low(RDX) & 0xffff, wordSize(instruction)),
  250: ioplOkay,
  251: ioplOkay,
};

/** Kernel mode only. */
const KERNEL_TWO_BYTE: Readonly<Record<number, Handler>> = {
  6: (xen) => {
    xen.processor.taskSwitched = false;
    return true;
  },
  9: () => true,
  32: moveFromControl,
  33: moveFromDebug,
  34: moveToControl,
  35: moveToDebug,
  48: (xen, vcpu) => writeMsr(xen, vcpu, xen.processor.low(RCX) >>> 0, xen.processor.low(RAX), xen.processor.low(RDX)),
  49: readTimeStampCounter,
  50: (xen, vcpu) => {
    const out = new Uint32Array(2);
    if (!readMsr(xen, vcpu, xen.processor.low(RCX) >>> 0, out)) return false;
    xen.processor.setRegister(RAX, out[0] as number, 0);
    xen.processor.setRegister(RDX, out[1] as number, 0);
    return true;
  },
  162: (xen, vcpu) => {
    emulateCpuid(xen, vcpu);
    return true;
  },
};

/** Carries out the instruction at rip, if it is one of these. False: the #GP goes to the guest. */
export function emulatePrivilegedOp(xen: Hypervisor, vcpu: Vcpu): boolean {
  const { processor } = xen;
  const instruction = decode(processor.peek(codeAddress(processor), 15), processor.longMode);
  if (instruction === undefined) return false;
  const handler = findHandler(instruction, vcpu.kernelMode);
  if (handler === undefined) return false;
  const singleStep = (processor.rflags & EFLAGS_TF) !== 0 ? DR6_SINGLE_STEP : 0;
  const bits = singleStep | touchedPorts(xen, vcpu, instruction);
  const { rip } = processor;
  const outcome = handler(xen, vcpu, instruction);
  // A handler may have bounced a page fault of its own (string I/O): then rip has moved.
  if (!outcome || processor.rip !== rip) return outcome || processor.rip !== rip;
  processor.rip = (rip + instruction.length) as VirtualAddress;
  if (bits !== 0) injectDebugTrap(xen, vcpu, bits);
  return true;
}

/** Breakpoints on the ports of IN, OUT, INS, OUTS. */
function touchedPorts(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction): number {
  const { opcode, twoByte, immediate } = instruction;
  if (twoByte || opcode >= 0xf0) return 0;
  const port = (opcode & 0xfc) === 0xe4 ? immediate : xen.processor.low(RDX) & 0xffff;
  return portBreakpoints(vcpu, port, (opcode & 1) === 0 ? 1 : wordSize(instruction));
}

function findHandler({ opcode, twoByte }: Instruction, kernel: boolean): Handler | undefined {
  if (!twoByte) return ONE_BYTE[opcode];
  return kernel ? KERNEL_TWO_BYTE[opcode] : undefined;
}

const SEGMENT_PREFIXES: Readonly<Record<number, number>> = { 38: 0, 46: 1, 54: 2, 62: 3, 100: 4, 101: 5 };

function decode(bytes: Uint8Array, longMode: boolean): Instruction | undefined {
  let at = 0;
  let operandPrefix = false;
  let addressPrefix = false;
  let repeat = false;
  let segment = -1;
  let rex = 0;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x66) operandPrefix = true;
    else if (byte === 0x67) addressPrefix = true;
    else if (byte === 0xf2 || byte === 0xf3) repeat = true;
    else if (SEGMENT_PREFIXES[byte] !== undefined) segment = SEGMENT_PREFIXES[byte];
    else if (byte !== 0xf0) break;
  }
  if (longMode && ((bytes[at] as number) & 0xf0) === 0x40) rex = bytes[at++] as number;
  let opcode = bytes[at++];
  const twoByte = opcode === 0x0f;
  if (twoByte) opcode = bytes[at++];
  if (opcode === undefined) return undefined;
  const hasModrm = twoByte && opcode >= 0x20 && opcode <= 0x23;
  const hasImmediate = !twoByte && opcode >= 0xe4 && opcode <= 0xe7;
  const modrm = hasModrm ? (bytes[at++] ?? 0) : 0;
  const immediate = hasImmediate ? (bytes[at++] ?? 0) : 0;
  return {
    opcode,
    twoByte,
    modrm,
    immediate,
    length: at,
    operandSize: (rex & 8) !== 0 ? 8 : operandPrefix ? 2 : 4,
    addressSize: longMode && !addressPrefix ? 8 : 4,
    repeat,
    rexR: (rex & 4) !== 0,
    rexB: (rex & 1) !== 0,
    segment,
  };
}

function wordSize(instruction: Instruction): 2 | 4 {
  return instruction.operandSize === 2 ? 2 : 4;
}

function ioplOkay(_xen: Hypervisor, vcpu: Vcpu): boolean {
  const architectural = (vcpu.domain.assists & (1 << VMASST_TYPE_ARCHITECTURAL_IOPL)) !== 0;
  const ring = vcpu.kernelMode ? (architectural ? 0 : 1) : 3;
  return ring <= vcpu.iopl >>> 12;
}

/** iopl, or a clear bit in the guest's own I/O bitmap. */
function portOkay(xen: Hypervisor, vcpu: Vcpu, port: number, size: number): boolean {
  if (ioplOkay(xen, vcpu)) return true;
  if (port + size > vcpu.ioBitmapPorts) return false;
  const bytes = xen.processor.peek((vcpu.ioBitmap + (port >>> 3)) as VirtualAddress, 2, vcpu.hardwareRoot);
  const mask = (bytes[0] ?? 0xff) | ((bytes[1] ?? 0xff) << 8);
  return (mask & (((1 << size) - 1) << (port & 7))) === 0;
}

function input(xen: Hypervisor, vcpu: Vcpu, port: number, size: 1 | 2 | 4): boolean {
  if (!portOkay(xen, vcpu, port, size)) return false;
  const value = readPort(xen, vcpu.domain, port, size);
  const { processor } = xen;
  if (size === 4) processor.setRegister(RAX, value, 0);
  else {
    const mask = size === 1 ? 0xff : 0xffff;
    processor.setRegister(RAX, (processor.low(RAX) & ~mask) | (value & mask), processor.high(RAX));
  }
  return true;
}

function output(xen: Hypervisor, vcpu: Vcpu, port: number, size: 1 | 2 | 4): boolean {
  if (!portOkay(xen, vcpu, port, size)) return false;
  writePort(xen, vcpu.domain, port, size, xen.processor.low(RAX));
  return true;
}

function stringInput(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction, size: 1 | 2 | 4): boolean {
  return stringPort(xen, vcpu, instruction, size, RDI, ES, (address, port) => {
    const value = readPort(xen, vcpu.domain, port, size);
    const bytes = new Uint8Array(size);
    for (let index = 0; index < size; index++) bytes[index] = value >>> (index * 8);
    return xen.processor.writeVirtual(address, bytes);
  });
}

function stringOutput(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction, size: 1 | 2 | 4): boolean {
  const segment = instruction.segment < 0 ? DS : instruction.segment;
  return stringPort(xen, vcpu, instruction, size, RSI, segment, (address, port) => {
    const bytes = xen.processor.readVirtual(address, size);
    if (bytes === undefined) return false;
    writePort(
      xen,
      vcpu.domain,
      port,
      size,
      bytes.reduceRight((value, byte) => (value << 8) | byte, 0),
    );
    return true;
  });
}

/** INS and OUTS, all repetitions at once; a fault in memory is delivered with the registers at the failing element. */
function stringPort(
  xen: Hypervisor,
  vcpu: Vcpu,
  { repeat, addressSize }: Instruction,
  size: 1 | 2 | 4,
  index: number,
  segment: number,
  transfer: (address: VirtualAddress, port: number) => boolean,
): boolean {
  const { processor } = xen;
  const port = processor.low(RDX) & 0xffff;
  if (!portOkay(xen, vcpu, port, size)) return false;
  const step = (processor.rflags & EFLAGS_DF) !== 0 ? -size : size;
  const base = processor.segmentBaseHigh(segment) * 4294967296 + (processor.segmentBaseLow(segment) >>> 0);
  let count = repeat ? (addressSize === 8 ? processor.address(RCX) : processor.low(RCX) >>> 0) : 1;
  while (count > 0) {
    const offset = addressSize === 8 ? processor.address(index) : processor.low(index) >>> 0;
    if (!transfer((base + offset) as VirtualAddress, port)) {
      injectPageFault(xen, vcpu);
      return true;
    }
    const next = offset + step;
    processor.setRegister(index, next | 0, addressSize === 8 ? highHalf(next) : 0);
    count--;
    if (repeat) processor.setRegister(RCX, count | 0, highHalf(count));
  }
  return true;
}

function readTimeStampCounter(xen: Hypervisor): boolean {
  const tsc = xen.clock.tsc();
  xen.processor.setRegister(RAX, tsc | 0, 0);
  xen.processor.setRegister(RDX, highHalf(tsc), 0);
  return true;
}

/** General register in the r/m field, control or debug register in the reg field. */
function generalRegister({ modrm, rexB }: Instruction): number {
  return (modrm & 7) | (rexB ? 8 : 0);
}

function specialRegister({ modrm, rexR }: Instruction): number {
  return ((modrm >>> 3) & 7) | (rexR ? 8 : 0);
}

function moveFromControl(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction): boolean {
  const value = readControl(xen, vcpu, specialRegister(instruction));
  if (value === undefined) return false;
  xen.processor.setRegister(generalRegister(instruction), value.low, value.high);
  return true;
}

function moveToControl(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction): boolean {
  const register = generalRegister(instruction);
  return writeControl(
    xen,
    vcpu,
    specialRegister(instruction),
    xen.processor.low(register),
    xen.processor.high(register),
  );
}

function moveFromDebug(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction): boolean {
  const value = getDebugRegister(vcpu, specialRegister(instruction));
  if (value === undefined) return false;
  xen.processor.setRegister(generalRegister(instruction), value | 0, highHalf(value));
  return true;
}

function moveToDebug(xen: Hypervisor, vcpu: Vcpu, instruction: Instruction): boolean {
  const register = generalRegister(instruction);
  const value = xen.processor.high(register) * 4294967296 + (xen.processor.low(register) >>> 0);
  return setDebugRegister(xen, vcpu, specialRegister(instruction), value) === undefined;
}
