import { STATE_EFLAGS } from '../cpu/layout.ts';
import { Int } from '../wasm/int.ts';
import type { Emitter } from './emitter.ts';
import { type Row, row, type Semantics, systemRow } from './row.ts';

/** Ring 0 only: a guest in ring 1 or 3 gets #GP(0), and the hypervisor emulates what it will. */
const privileged: Semantics = (e) => e.raise(13, 0);
const invalid: Semantics = (e) => e.raise(6);
const nothing: Semantics = () => {};

function setDirection(value: number): Semantics {
  return (e: Emitter) => e.setState(32, STATE_EFLAGS, e.eflags().and(~0x400).or(Int.constant(32, value)));
}

const PRIVILEGED: readonly [encoding: string, name: string, operands: string][] = [
  ['F4', 'hlt', ''],
  ['FA', 'cli', ''],
  ['FB', 'sti', ''],
  ['E4', 'in', 'AL Ib'],
  ['E5', 'in', 'rAX Ib'],
  ['E6', 'out', 'Ib AL'],
  ['E7', 'out', 'Ib rAX'],
  ['EC', 'in', 'AL DX'],
  ['ED', 'in', 'rAX DX'],
  ['EE', 'out', 'DX AL'],
  ['EF', 'out', 'DX rAX'],
  ['6C', 'ins', 'Yb'],
  ['6D', 'ins', 'Yv'],
  ['6E', 'outs', 'Xb'],
  ['6F', 'outs', 'Xv'],
  ['0F 00 /2', 'lldt', 'Ew'],
  ['0F 00 /3', 'ltr', 'Ew'],
  ['0F 01 /2', 'lgdt', 'M'],
  ['0F 01 /3', 'lidt', 'M'],
  ['0F 01 /6', 'lmsw', 'Ew'],
  ['0F 01 /7', 'invlpg', 'M'],
  ['NP 0F 01 C8', 'monitor', ''],
  ['NP 0F 01 C9', 'mwait', ''],
  ['0F 06', 'clts', ''],
  ['0F 07', 'sysret', ''],
  ['0F 08', 'invd', ''],
  ['0F 09', 'wbinvd', ''],
  ['0F 20 /r', 'mov', 'Ry Cy'],
  ['0F 22 /r', 'mov', 'Cy Ry'],
  ['0F 21 /r', 'mov', 'Ry Dy'],
  ['0F 23 /r', 'mov', 'Dy Ry'],
  ['0F 30', 'wrmsr', ''],
  ['0F 32', 'rdmsr', ''],
  ['0F 33', 'rdpmc', ''],
  ['0F 35', 'sysexit', ''],
];

export const SYSTEM: readonly Row[] = [
  ...PRIVILEGED.map(([encoding, name, operands]) => row(encoding, name, operands, privileged)),
  row('0F 01 F8', 'swapgs', '', privileged, { mode: 64 }),
  row('FC', 'cld', '', setDirection(0)),
  row('FD', 'std', '', setDirection(0x400)),
  row('0F 0D /r', 'prefetchw', 'M', nothing),
  ...['18', '19', '1A', '1B', '1C', '1D', '1E', '1F'].map((opcode) => row(`0F ${opcode} /r`, 'nop', 'Ev', nothing)),
  row('NP 0F AE /7', 'clflush', 'Mb', (e) => {
    e.let(e.read(0, 8));
  }),
  row('NP 0F AE E8 +i', 'lfence', '', nothing),
  row('NP 0F AE F0 +i', 'mfence', '', nothing),
  row('NP 0F AE F8 +i', 'sfence', '', nothing),
  systemRow('NP 0F AE /0', 'fxsave', 'M', 'fxsave'),
  systemRow('NP 0F AE /1', 'fxrstor', 'M', 'fxrstor'),
  row('NP 0F AE /2', 'ldmxcsr', 'Md', loadMxcsr),
  row('NP 0F AE /3', 'stmxcsr', 'Md', storeMxcsr),
  systemRow('8C /r', 'mov', 'Ev Sw', 'mov from segment'),
  systemRow('8E /r', 'mov', 'Sw Ew', 'mov to segment', { ends: true }),
  systemRow('C4 /r', 'les', 'Gv M', 'load far pointer', { mode: 32, ends: true }),
  systemRow('C5 /r', 'lds', 'Gv M', 'load far pointer', { mode: 32, ends: true }),
  systemRow('0F B2 /r', 'lss', 'Gv M', 'load far pointer', { ends: true }),
  systemRow('0F B4 /r', 'lfs', 'Gv M', 'load far pointer', { ends: true }),
  systemRow('0F B5 /r', 'lgs', 'Gv M', 'load far pointer', { ends: true }),
  systemRow('0F 00 /0', 'sldt', 'Ev', 'store zero selector'),
  systemRow('0F 00 /1', 'str', 'Ev', 'store zero selector'),
  systemRow('0F 00 /4', 'verr', 'Ew', 'verify segment'),
  systemRow('0F 00 /5', 'verw', 'Ew', 'verify segment'),
  systemRow('0F 02 /r', 'lar', 'Gv Ew', 'load access rights'),
  systemRow('0F 03 /r', 'lsl', 'Gv Ew', 'load segment limit'),
  systemRow('0F 01 /0', 'sgdt', 'M', 'store descriptor table'),
  systemRow('0F 01 /1', 'sidt', 'M', 'store descriptor table'),
  systemRow('0F 01 /4', 'smsw', 'Ev', 'smsw'),
  systemRow('63 /r', 'arpl', 'Ew Gw', 'arpl', { mode: 32 }),
  systemRow('0F A2', 'cpuid', '', 'cpuid'),
  systemRow('0F 31', 'rdtsc', '', 'rdtsc'),
  row('0F AA', 'rsm', '', invalid),
];

function loadMxcsr(e: Emitter): void {
  e.requireFpu();
  const value = e.let(e.read(0, 32));
  // Bits outside the mask that FXSAVE reports are reserved: #GP (SDM LDMXCSR).
  e.raiseIf(value.and(~0xffff), 13, 0);
  e.setMxcsr(value);
}

function storeMxcsr(e: Emitter): void {
  e.requireFpu();
  e.write(0, e.mxcsr(), 32);
}
